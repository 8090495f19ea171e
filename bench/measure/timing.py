"""Whether refused sign-ins (A08) and requests for a reset (A09) tell accounts apart by their time: interleaved samples,
Welch's t and medians. Out of bounds twice, it does not hold."""
import http.client, json, math, os, sqlite3, statistics, tempfile, time

from .servers import PASSWORD, App

WARM_UP, SAMPLES = 20, 500
# A hundred failures in a row are a lock of their own.
ROUNDS_AN_ACCOUNT = 90
# More of an hour's requests are answered alike and do nothing.
RESETS_AN_ACCOUNT = 3
WORST_T, WORST_MS = 4.5, 1.0
# A machine that does something else meanwhile is seen in the first.
TRIES = 2


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


class OutOfBounds(Exception):
    """A bound that was exceeded on every try."""


def milliseconds(connection, path, body, status):
    begun = time.perf_counter()
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    taken = (time.perf_counter() - begun) * 1000
    assert answer.status == status, (answer.status, text)
    return taken


def sign_ins(app, folder, rounds):
    """Kinds of sign-ins that are refused: what one of a round costs."""
    def ask(emails, password):
        def of(connection, round_):
            body = {"email": emails[round_ // ROUNDS_AN_ACCOUNT], "password": password}
            return milliseconds(connection, "/api/auth/login", body, 401)
        return of
    return {name: ask(*account) for name, account in kinds(app, folder, rounds).items()}


def resets(app, _, rounds):
    """Requests for a reset, of an address that has an account and of one that has none; an address serves few rounds."""
    count = -(-rounds // RESETS_AN_ACCOUNT)
    emails = {"known": [app.sign_up(f"reset.{at}")["email"] for at in range(count)],
              "unknown": [f"nobody.reset{at}@example.com" for at in range(count)]}
    def ask(addresses):
        return lambda connection, round_: milliseconds(
            connection, "/api/auth/password-reset-request", {"email": addresses[round_ // RESETS_AN_ACCOUNT]}, 200)
    return {name: ask(addresses) for name, addresses in emails.items()}


def sampled(prepare, samples):
    """Milliseconds of every kind, taken in turn."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(folder)
        try:
            asks = prepare(app, folder, WARM_UP + samples)
            connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
            seen = {name: [] for name in asks}
            for round_ in range(WARM_UP + samples):
                for name, ask in asks.items():
                    taken = ask(connection, round_)
                    if round_ >= WARM_UP:
                        seen[name].append(taken)
            return seen
        finally:
            app.stop()


def compared(what, seen):
    """Rows about each kind against the unknown, and sentences about what is out of bounds."""
    unknown, rows, complaints = seen["unknown"], [], []
    for name, times in seen.items():
        if name == "unknown":
            continue
        t, apart = abs(welch_t(times, unknown)), abs(statistics.median(times) - statistics.median(unknown))
        rows.append({"what": f"{what}, {name} against unknown: Welch |t| (below {WORST_T})", "value": t})
        rows.append({"what": f"{what}, {name} against unknown: medians apart, ms (below {WORST_MS})", "value": apart})
        if t >= WORST_T:
            complaints.append(f"{what}, {name}: its times tell it from unknown (|t| is {t:.2f}, allowed is less than {WORST_T})")
        if apart >= WORST_MS:
            complaints.append(f"{what}, {name}: its median is {apart:.2f} ms from unknown (allowed is less than {WORST_MS})")
    return rows, complaints


def measure(rows, args):
    samples, failed = 100 if args.quick else SAMPLES, []
    for what, prepare in (("refused sign-in", sign_ins), ("reset request", resets)):
        for _ in range(TRIES):
            found, complaints = compared(what, sampled(prepare, samples))
            if not complaints:
                break
        rows.extend(found)
        failed += complaints
    if failed:
        raise OutOfBounds(f"{'; '.join(failed)}; on each of {TRIES} tries something was out of bounds")
