"""Whether refused sign-ins tell accounts apart by their time (A08): interleaved samples, Welch's t and medians."""
import http.client, json, math, os, sqlite3, statistics, tempfile, time

from .servers import PASSWORD, App

WARM_UP, SAMPLES = 20, 500
WORST_T, WORST_MS = 4.5, 1.0


def kinds(app, folder):
    """E-mail and password of sign-ins that are refused, each for another reason."""
    emails = {name: app.sign_up(number)["email"] for number, name in enumerate(("wrong password", "locked", "no password"))}
    with sqlite3.connect(os.path.join(folder, "data", "signupflow.db"), timeout=10) as database:
        database.execute("UPDATE people SET password_hash = NULL WHERE email = ?", (emails["no password"],))
        changed = database.execute("UPDATE people SET status = 'locked' WHERE email = ?", (emails["locked"],)).rowcount
        assert changed == 1, "the locked account is there"
    right = {name: (email, PASSWORD) for name, email in emails.items()}
    return {"unknown": ("nobody@example.com", PASSWORD), **right, "wrong password": (emails["wrong password"], "wrong")}


def welch_t(one, other):
    spread = math.sqrt(statistics.variance(one) / len(one) + statistics.variance(other) / len(other))
    return (statistics.mean(one) - statistics.mean(other)) / spread


def refused_milliseconds(connection, email, password):
    body = json.dumps({"email": email, "password": password})
    begun = time.perf_counter()
    connection.request("POST", "/api/auth/login", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status == 401, (answer.status, text)
    return taken


def measure(rows, args):
    samples = 100 if args.quick else SAMPLES
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder)
        accounts = kinds(app, folder)
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
        seen = {name: [] for name in accounts}
        for round_ in range(WARM_UP + samples):
            for name, (email, password) in accounts.items():
                taken = refused_milliseconds(connection, email, password)
                if round_ >= WARM_UP:
                    seen[name].append(taken)
        app.stop()
    unknown = seen.pop("unknown")
    for name, times in seen.items():
        t, apart = welch_t(times, unknown), abs(statistics.median(times) - statistics.median(unknown))
        rows.append({"what": f"refused sign-in, {name} against unknown: Welch |t| (below {WORST_T})", "value": abs(t)})
        rows.append({"what": f"refused sign-in, {name} against unknown: medians apart, ms (below {WORST_MS})", "value": apart})
