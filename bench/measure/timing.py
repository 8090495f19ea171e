"""Whether refused sign-ins tell accounts apart by their time (A08): interleaved samples, Welch's t and medians."""
import http.client, json, math, os, sqlite3, statistics, tempfile, time

from .servers import PASSWORD, App

WARM_UP, SAMPLES = 20, 500
# A hundred failures in a row are a lock of their own.
ROUNDS_AN_ACCOUNT = 90
WORST_T, WORST_MS = 4.5, 1.0


def kinds(app, folder, rounds):
    """E-mails and password of sign-ins that are refused, each kind for another reason; an account serves few rounds."""
    names = ("wrong password", "locked", "no password")
    count = -(-rounds // ROUNDS_AN_ACCOUNT)
    emails = {name: [app.sign_up(f"{number}.{at}")["email"] for at in range(count)] for number, name in enumerate(names)}
    with sqlite3.connect(os.path.join(folder, "data", "signupflow.db"), timeout=10) as database:
        for change, name in (("password_hash = NULL", "no password"), ("status = 'locked'", "locked")):
            changed = database.executemany(f"UPDATE people SET {change} WHERE email = ?", [(one,) for one in emails[name]])
            assert changed.rowcount == count, f"the accounts are there: {name}"
    passwords = {"wrong password": "wrong"}
    emails["unknown"] = [f"nobody{at}@example.com" for at in range(count)]
    return {name: (list_, passwords.get(name, PASSWORD)) for name, list_ in emails.items()}


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
        accounts = kinds(app, folder, WARM_UP + samples)
        connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
        seen = {name: [] for name in accounts}
        for round_ in range(WARM_UP + samples):
            for name, (emails, password) in accounts.items():
                taken = refused_milliseconds(connection, emails[round_ // ROUNDS_AN_ACCOUNT], password)
                if round_ >= WARM_UP:
                    seen[name].append(taken)
        app.stop()
    unknown = seen.pop("unknown")
    for name, times in seen.items():
        t, apart = welch_t(times, unknown), abs(statistics.median(times) - statistics.median(unknown))
        rows.append({"what": f"refused sign-in, {name} against unknown: Welch |t| (below {WORST_T})", "value": abs(t)})
        rows.append({"what": f"refused sign-in, {name} against unknown: medians apart, ms (below {WORST_MS})", "value": apart})
