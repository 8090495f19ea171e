"""Rows of requests: rate against the yardstick, CPU, latency at a fixed rate, Redis round trips."""
import statistics, tempfile

from .load import open_loop, posting, wrk
from .servers import App, Yardstick, call

EVENT = {"title": "Beach cleanup", "type": "service", "start": "2027-05-01T09:00:00Z", "end": "2027-05-01T12:00:00Z"}
BARE, READ, READ_SQL, POST = ("bare axum GET", "GET signed in: session, limits, headers",
                              "GET signed in, with an SQL read (/api/people/me)", "audited POST (/api/events)")


def cases_of(app, user, folder, shape):
    bearer, csrf = f"Authorization: Bearer {user['token']}", f"X-CSRF-Token: {user['csrf_token']}"
    assert call(app.url + "/api/people/me")[0] == 401, "a request without credentials must be refused"
    auth = {"Authorization": f"Bearer {user['token']}"}
    assert call(app.url + "/api/events", "POST", EVENT, auth)[0] == 403, "a POST without CSRF token must be refused"
    return [
        (f"{READ}, {shape}", app, "/api/auth/csrf", (bearer,), None),
        (f"{READ_SQL}, {shape}", app, "/api/people/me", (bearer,), None),
        (f"{POST}, {shape}", app, "/api/events", (bearer, csrf), posting(folder, "event", [EVENT])),
    ]


def one(case, seconds, backends):
    name, target, path, headers, script = case
    cpu, redis = target.cpu_seconds(), backends.redis_cpu_seconds() if backends else 0
    seen = wrk(target.url + path, seconds, headers=headers, script=script)
    assert seen["bad"] == 0 and seen["errors"] == 0, f"{name}: {seen} refused or failed"
    seen["cpu_us"] = (target.cpu_seconds() - cpu) / seen["requests"] * 1e6
    seen["redis_us"] = (backends.redis_cpu_seconds() - redis) / seen["requests"] * 1e6 if backends else 0
    return seen


def latencies(cases, rates, seconds, repeats):
    """Added median latency over the yardstick, in milliseconds, a rate."""
    rows = []
    for rate in rates:
        seen = {case[0]: [] for case in cases}
        for _ in range(repeats):
            for name, target, path, headers, _ in cases:
                measured = open_loop(target.url + path, rate, seconds, headers)
                assert measured["bad"] == 0, f"{name}: {measured['bad']} refused"
                seen[name].append(measured)
        bare = statistics.median(one["p50"] for one in seen[BARE])
        for name, *_ in cases[1:]:
            added = [(one["p50"] - bare) / 1000 for one in seen[name]]
            rows.append({"what": f"added p50 at {rate}/s, ms: {name}", "value": statistics.median(added),
                         "min": min(added), "max": max(added)})
    return rows


def audit_rows(user, app):
    auth = {"Authorization": f"Bearer {user['token']}"}
    return call(app.url + "/api/audit/logs?action=event.create&limit=1", headers=auth)[1]["total"]


def measure(rows, args, shape, backends=None):
    with tempfile.TemporaryDirectory() as folder:
        bare, app = Yardstick(), App(folder, backends)
        user = app.sign_up()
        cases = [(BARE, bare, "/", (), None)] + cases_of(app, user, folder, shape)
        if args.only:
            cases = cases[:1] + [case for case in cases[1:] if args.only in case[0]]
        measured = {case[0]: [] for case in cases}
        for repeat in range(args.repeats + 1):
            for case in cases:
                seen = one(case, args.seconds if repeat else 1, backends)
                if repeat:
                    measured[case[0]].append(seen)
        yardstick = measured[BARE]
        median = lambda name, key: statistics.median(seen[key] for seen in measured[name])
        for name, *_ in cases:
            ratios = [mine["rate"] / other["rate"] for mine, other in zip(measured[name], yardstick)]
            rows.append({"what": name, "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
                         "rate": median(name, "rate"), "cpu_us": median(name, "cpu_us"),
                         "redis_us": median(name, "redis_us"),
                         "added_us": median(name, "cpu_us") + median(name, "redis_us") - median(BARE, "cpu_us")})
        assert args.only or audit_rows(user, app) > 0, "the audited POSTs left no audit rows"
        reads = [case for case in cases if case[0] == BARE or case[0].startswith(READ)]
        if len(reads) > 1 and not args.quick:
            rows += latencies(reads, (150, 1500), min(args.seconds, 4), args.repeats)
        if backends:
            rows.append(round_trips(app, user, backends))
        app.stop()
        bare.stop()


def round_trips(app, user, backends):
    """Commands Redis got from clients for a request, the server's own background left out by counting many."""
    def calls():
        lines = backends.redis_stat("INFO", "commandstats").splitlines()
        counts = {line.split(":")[0]: int(line.split("calls=")[1].split(",")[0]) for line in lines if "calls=" in line}
        return sum(counts.get(f"cmdstat_{name}", 0) for name in ("evalsha", "eval"))
    before = calls()
    seen = wrk(app.url + "/api/people/me", 2, headers=(f"Authorization: Bearer {user['token']}",))
    return {"what": "Redis round trips a request", "value": (calls() - before) / seen["requests"]}
