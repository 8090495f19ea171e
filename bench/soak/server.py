"""The program under test, and clients that remember what it acknowledged."""
import http.client, itertools, json, os, subprocess, tempfile, threading, time

from measure.servers import PASSWORD, SECRETS, free_port, rules

NUMBERS = itertools.count(1)


class Gone(Exception):
    """No answer came."""


class Server:
    """`signupflow serve` in a process of its own, on this folder."""

    def __init__(self, args, folder, backends=None, before=(), port=None, binary=None, env=None):
        self.port = port or free_port()
        self.settings = {"PATH": os.environ.get("PATH", ""), "BIND_ADDRESS": f"127.0.0.1:{self.port}", "RUST_LOG": "warn",
                         "DATA_DIR": os.path.join(folder, "data"), "RATE_LIMIT_RULES_FILE": rules(folder),
                         "SESSION_MAX_PER_USER": "1000", "CSRF_TOKEN_TTL": "604800", "PUBLIC_URL": "http://soak.test"}
        if backends:
            self.settings |= {"DATABASE_URL": backends[0], "REDIS_URL": backends[1], "MIGRATE_ON_START": "true", **SECRETS}
        self.settings |= env or {}
        self.command = [*before, binary or args.binary, "serve"]
        self.log = tempfile.TemporaryFile()
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.settings, stdout=self.log, stderr=self.log)
        for _ in range(1500):
            if self.process.poll() is not None:
                break
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except Gone:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"it does not start:\n{self.output()}")

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def ask(self, method, path, body=None, who=None, key=None):
        """Status and JSON; Gone when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if who:
            headers |= {"Authorization": f"Bearer {who['token']}", "X-CSRF-Token": who["csrf_token"]}
        if key:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error)) from error
        finally:
            connection.close()

    def founder(self):
        body = {"name": "Ada", "email": f"soak{next(NUMBERS)}.{time.monotonic_ns()}@example.com", "password": PASSWORD,
                "org_name": "Soak"}
        status, answer = self.ask("POST", "/api/auth/signup", body)
        assert status == 201, answer
        return {**answer, "email": body["email"]}

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(40)
        return self.process.returncode


class Load:
    """Threads that create teams until told to stop: what was acknowledged, what was refused, what got no answer."""

    def __init__(self, servers, who, threads=4, pause=0.0):
        self.servers, self.who, self.pause = servers, who, pause
        self.made, self.asked, self.statuses, self.codes, self.gone, self.stopping = {}, set(), {}, {}, 0, False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        for number in itertools.count():
            if self.stopping:
                return
            servers = self.servers() if callable(self.servers) else self.servers
            server, name = servers[number % len(servers)], f"team {next(NUMBERS)}"
            with self.lock:
                self.asked.add(name)
            try:
                status, answer = server.ask("POST", "/api/teams", {"name": name}, self.who)
                with self.lock:
                    self.statuses[status] = self.statuses.get(status, 0) + 1
                    if status >= 400:
                        self.codes[answer["code"]] = self.codes.get(answer["code"], 0) + 1
                    if status == 201:
                        self.made[answer["id"]] = name
            except Gone:
                with self.lock:
                    self.gone += 1
                time.sleep(0.05)
            time.sleep(self.pause)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)


def stored_teams(server, who):
    """Id → name of every team there is."""
    found, cursor = {}, ""
    while cursor is not None:
        status, page = server.ask("GET", f"/api/teams?limit=1000{cursor}", who=who)
        assert status == 200, page
        found |= {team["id"]: team["name"] for team in page["items"]}
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


def audited_teams(server, who):
    """How often each team's creation is in the audit log."""
    found, cursor = {}, ""
    while cursor is not None:
        status, page = server.ask("GET", f"/api/audit/logs?limit=1000&action=team.create{cursor}", who=who)
        assert status == 200, page
        for row in page["logs"]:
            found[row["resource_id"]] = found.get(row["resource_id"], 0) + 1
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    return found


def check_kept(findings, part, server, who, made):
    """What was acknowledged is there once, with one audit row; nothing is there without one."""
    stored, audited = stored_teams(server, who), audited_teams(server, who)
    lost = [team for team in made if team not in stored]
    findings.check(part, "what was acknowledged is there", not lost, f"{len(made)} acknowledged, {len(lost)} lost")
    odd = {team for team in stored if audited.get(team) != 1} | (set(audited) - set(stored))
    findings.check(part, "each change has one audit row", not odd, f"{len(stored)} changes, {len(odd)} odd")
    twice = len(stored) - len(set(stored.values()))
    findings.check(part, "none is there twice", twice == 0, twice)
