"""Rows of growth: the same requests beside a thousand and beside a million people, sessions and audit rows."""
import contextlib, os, sqlite3, statistics, subprocess, tempfile

from .load import open_loop, posting, wrk
from .requests import EVENT
from .servers import PASSWORD, App, Backends, call

FEW, MANY = 1_000, 1_000_000
# Copies of one real row, with what must differ in each: column -> expression over the number n. A second apart, as
# nothing that happens is at one moment with everything else.
SQLITE_MOMENT = "strftime('%Y-%m-%dT%H:%M:%S', '2026-01-01', n || ' seconds') || '.000000Z'"
POSTGRES_MOMENT = "timestamptz '2026-01-01' + n * interval '1 second'"
COPIED = {
    "people": {"id": "'person_grown_' || n", "email": "'grown' || n || '@example.com'"},
    "person_emails": {"canonical": "'grown' || n || '@example.com'", "person_id": "'person_grown_' || n"},
    "audit_logs": {"id": "'audit_grown_' || n", "user_id": "'person_grown_' || n", "action": "'event.update'"},
}
SESSIONS = """
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local key = 'session:{person_grown_' .. n .. '}:session_grown' .. n
  redis.call('SET', key, ARGV[3], 'EX', 86400)
  redis.call('ZADD', 'user_sessions:{person_grown_' .. n .. '}', 1, 'session_grown' .. n)
end"""


def statement(table, columns, series, moment):
    new = COPIED[table] | ({"timestamp": moment} if table == "audit_logs" else {})
    values = ", ".join(new.get(column, f"t.{column}") for column in columns)
    return (f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM "
            f"(SELECT * FROM {table} WHERE {next(iter(new))} NOT LIKE '%grown%' AND "
            f"{next(iter(new))} NOT IN ('person_anonymous') LIMIT 1) t, {series}")


def fill_sqlite(folder, first, last):
    path = next(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names
                if name.endswith((".db", ".sqlite", ".sqlite3")))
    with sqlite3.connect(path, timeout=60) as database:
        database.execute("PRAGMA foreign_keys = off")
        for table in COPIED:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            series = f"(WITH RECURSIVE s(n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s)"
            database.execute(statement(table, columns, series, SQLITE_MOMENT))
        database.execute(
            "INSERT INTO sessions (id, person_id, created_at, expires_at, record) SELECT 'session_grown' || n, "
            "'person_grown_' || n, t.created_at, t.expires_at, t.record FROM (SELECT * FROM sessions WHERE id NOT LIKE "
            f"'session_grown%' LIMIT 1) t, {series}")
    with sqlite3.connect(path, timeout=60) as database:
        database.execute("ANALYZE")


def psql(backends, sql):
    found = subprocess.run(["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", backends.postgres, "-c", sql],
                           capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def fill_production(backends, first, last):
    for table in COPIED:
        columns = psql(backends, f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' "
                                 "ORDER BY ordinal_position")
        psql(backends, statement(table, columns, f"generate_series({first}, {last}) n", POSTGRES_MOMENT))
    psql(backends, "VACUUM ANALYZE")
    psql(backends, "CHECKPOINT")
    step = 10_000
    for begin in range(first, last + 1, step):
        backends.redis_stat("EVAL", SESSIONS, "0", str(begin), str(min(begin + step - 1, last)), "x" * 300)


def one_round(app, user, folder, args):
    bearer, csrf = f"Authorization: Bearer {user['token']}", f"X-CSRF-Token: {user['csrf_token']}"
    rates = {
        "GET signed in (/api/people/me)": wrk(app.url + "/api/people/me", args.seconds, headers=(bearer,)),
        "audited POST (/api/events)": wrk(app.url + "/api/events", args.seconds, headers=(bearer, csrf),
                                          script=posting(folder, "event", [EVENT])),
    }
    assert all(seen["bad"] == 0 for seen in rates.values()), rates
    return {name: seen["rate"] for name, seen in rates.items()}


def audit_page(app, user, args):
    """The server's median time for the newest 100 rows under three filters, in milliseconds."""
    times = []
    for query in ("limit=100", "limit=100&action=event.update", "limit=100&user_id=person_grown_77"):
        seen = open_loop(f"{app.url}/api/audit/logs?{query}", 20, 3, (f"Authorization: Bearer {user['token']}",))
        assert seen["bad"] == 0, f"{query}: {seen}"
        times.append(seen["p50"] / 1000)
    return max(times)


@contextlib.contextmanager
def grown(shape, many):
    """A server beside so much of everything, somebody there, and its folder."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        backends = Backends() if shape != "embedded" else None
        if backends:
            stack.callback(backends.stop)
        app = App(folder, backends)
        user = app.sign_up()
        app.stop()
        if backends:
            fill_production(backends, 1, many)
        else:
            fill_sqlite(folder, 1, many)
        app = App(folder, backends)
        stack.callback(app.stop)
        # On another port, of which tokens know.
        status, user = call(app.url + "/api/auth/login", "POST", {"email": user["email"], "password": PASSWORD})
        assert status == 200, user
        yield app, user, folder


def measure(rows, args, shape):
    """Both in turn, so that a slow minute of the machine is in both."""
    many = 100_000 if args.quick else MANY
    with grown(shape, FEW) as few, grown(shape, many) as lots:
        pairs = [[one_round(*one, args) for one in (few, lots)] for _ in range(args.repeats + 1)][1:]
        for name in pairs[0][0]:
            ratios = [with_lots[name] / with_few[name] for with_few, with_lots in pairs]
            rows.append({"what": f"growth {FEW} to {many}: {name}, {shape}", "ratio": statistics.median(ratios),
                         "min": min(ratios), "max": max(ratios),
                         "rate": statistics.median(with_lots[name] for _, with_lots in pairs)})
        rows.append({"what": f"newest 100 audit rows of {many}, slowest of 3 filters, ms, {shape}",
                     "value": audit_page(*lots[:2], args)})
