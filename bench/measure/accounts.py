"""Rows of sign-ins, start and memory."""
import os, statistics, subprocess, tempfile, time

from .load import posting, wrk
from .servers import BUILT, PASSWORD, SERVER_CORE, App, call, resident_mb

ACCOUNTS = 32


def one_hash_seconds():
    out = subprocess.run(["taskset", "-c", SERVER_CORE, os.path.join(BUILT, "hash-speed")], capture_output=True,
                         text=True, check=True).stdout
    return float(out)


def sign_ins(rows, args, shape, backends=None):
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder, backends)
        bodies = [{"email": app.sign_up(number)["email"], "password": PASSWORD} for number in range(ACCOUNTS)]
        script = posting(folder, "login", bodies)
        for connections in (4, 32):
            wrk(app.url + "/api/auth/login", 1, connections, script=script)
            time.sleep(1.5)
            seen = []
            # Hash and sign-ins in turn, close together and often: a slow moment of the machine is in both, or in one pair only.
            before = one_hash_seconds()
            for _ in range(2 * args.repeats):
                run = wrk(app.url + "/api/auth/login", args.seconds, connections, script=script)
                # What was begun is worked off first: it would slow the hash that is the measure.
                time.sleep(1.5)
                after = one_hash_seconds()
                assert run["bad"] == 0, f"{run['bad']} of {run['requests']} sign-ins were refused"
                seen.append((run["rate"] * (before + after) / 2, run["rate"]))
                before = after
            ratios = [ratio for ratio, _ in seen]
            rows.append({"what": f"sign-ins/s a core of 1/hash, {connections} connections, {shape}",
                         "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
                         "rate": statistics.median(rate for _, rate in seen)})
        rows.append({"what": f"peak resident with 32 sign-ins at once, MB, {shape}",
                     "value": resident_mb(app.pid, "VmHWM")})
        time.sleep(2)
        rows.append({"what": f"resident after that load, MB, {shape}", "value": resident_mb(app.pid)})
        app.stop()


def start(rows, args):
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder)
        app.sign_up()
        app.stop()
        times, idle = [], []
        for _ in range(max(args.repeats, 5)):
            begun = time.monotonic()
            app = App(folder)
            while call(app.url + "/ready")[0] != 200:
                time.sleep(0.002)
            times.append(time.monotonic() - begun)
            idle.append(resident_mb(app.pid))
            app.stop()
        rows.append({"what": "start to ready, embedded, existing data, s", "value": statistics.median(times),
                     "min": min(times), "max": max(times)})
        rows.append({"what": "resident idle, embedded, MB", "value": statistics.median(idle)})
