"""Rows of overload: what is still done when far more is asked than can be done, and what becomes of everybody else."""
import statistics, tempfile, threading

from .load import open_loop, posting, wrk
from .servers import PASSWORD, App

ACCOUNTS = 32
# Each waits for its answer, and a refusal comes at once: far more than five times what can be done is asked.
FLOOD = 512
# Enough to keep a core busy with hashing, and so few that nobody waits long.
PEAK = 4
# More than the server ever works on at once.
SESSIONS_FLOOD = 1500
BYSTANDERS_PER_SECOND = 100


def goodput(run, seconds):
    return (run["requests"] - run["bad"]) / seconds


def row(rows, what, pairs):
    """Goodput in overload over the highest without."""
    ratios = [loaded / peak for peak, loaded in pairs]
    rows.append({"what": what, "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
                 "rate": statistics.median(loaded for _, loaded in pairs)})


def measure(rows, args, shape, backends=None):
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder, backends)
        people = [app.sign_up(number) for number in range(ACCOUNTS)]
        sign_ins(rows, args, shape, app, posting(folder, "login", [{"email": who["email"], "password": PASSWORD} for who in people]),
                 people[0])
        sessions(rows, args, shape, app, people[0])
        app.stop()


def sign_ins(rows, args, shape, app, script, bystander):
    url, headers = app.url + "/api/auth/login", [f"Authorization: Bearer {bystander['token']}"]
    wrk(url, 1, PEAK, script=script)
    pairs, offered, beside = [], [], []
    for _ in range(args.repeats):
        peak = wrk(url, args.seconds, PEAK, script=script)
        assert peak["bad"] == 0, f"{peak['bad']} of {peak['requests']} sign-ins were refused at the peak"
        watch = threading.Thread(target=lambda: beside.append(
            open_loop(app.url + "/api/people/me", BYSTANDERS_PER_SECOND, args.seconds, headers)))
        watch.start()
        run = wrk(url, args.seconds, FLOOD, script=script)
        watch.join()
        pairs.append((peak["rate"], goodput(run, args.seconds)))
        offered.append(run["rate"] / peak["rate"])
    row(rows, f"sign-ins done in overload over the most without, {shape}", pairs)
    rows.append({"what": f"times the most that was asked, {shape}", "value": statistics.median(offered)})
    rows.append({"what": f"p99 of people signed in meanwhile, ms, {shape}",
                 "value": statistics.median(seen["p99"] for seen in beside) / 1000})
    rows.append({"what": f"of them refused, {shape}", "value": sum(seen["bad"] for seen in beside)})


def sessions(rows, args, shape, app, who):
    url, headers = app.url + "/api/people/me", [f"Authorization: Bearer {who['token']}"]
    wrk(url, 1, 32, headers)
    pairs = []
    for _ in range(args.repeats):
        peak = wrk(url, args.seconds, 32, headers)
        run = wrk(url, args.seconds, SESSIONS_FLOOD, headers)
        pairs.append((goodput(peak, args.seconds), goodput(run, args.seconds)))
    row(rows, f"requests with a session done with {SESSIONS_FLOOD} connections over 32, {shape}", pairs)
