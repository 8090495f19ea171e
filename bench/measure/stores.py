"""Rows of the stores alone: memory of a million sessions, ending sessions."""
import json, os, statistics, subprocess

from .servers import BUILT, SERVER_CORE


def sqlite_alone(rows, args):
    """The floor of an audited creation: its two rows, stored by SQLite alone."""
    for a_commit in (1, 32):
        creations = (20_000 if a_commit == 1 else 64_000) // (10 if args.quick else 1)
        command = ["taskset", "-c", SERVER_CORE, os.path.join(BUILT, "sqlite-floor"), str(creations // 32 * 32), str(a_commit), "1"]
        seen = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["creation_us"]
                for _ in range(args.repeats)]
        rows.append({"what": f"the rows of an audited creation, SQLite alone, {a_commit} a commit, us",
                     "value": statistics.median(seen), "min": min(seen), "max": max(seen)})


def costs(*what):
    command = ["taskset", "-c", SERVER_CORE, os.path.join(BUILT, "store-costs"), *what]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(rows, args, backends=None):
    count = "100000" if args.quick else "1000000"
    sessions, keys = costs("sessions", count), costs("limiter-keys", count)
    rows.append({"what": f"{sessions['sessions']} live sessions embedded, MB", "value": sessions["bytes"] / 1e6})
    rows.append({"what": "memory of a session, bytes", "value": sessions["bytes_each"]})
    rows.append({"what": f"{keys['keys']} limiter keys, MB", "value": keys["bytes"] / 1e6})
    rows.append({"what": "the same after twice as many addresses, MB", "value": keys["bytes_after_twice_as_many"] / 1e6})
    for name, ending in costs("ending", "100000", *([backends.redis] if backends else [])).items():
        rows.append({"what": f"end 5 sessions, {name}, ms", "value": ending["five_ms"]})
        rows.append({"what": f"end 5 sessions, none beside them, {name}, ms", "value": ending["five_alone_ms"]})
        rows.append({"what": f"end 10,000 sessions, {name}, ms", "value": ending["ten_thousand_ms"]})
