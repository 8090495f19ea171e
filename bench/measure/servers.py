"""The programs that are measured, each in a process of its own pinned to a core, and the backends behind them."""
import json, os, re, signal, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = os.path.join(ROOT, "target", "dist")
PASSWORD = "three purple otters dance"
SERVER_CORE, OTHER_CORE = "0", "1"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, method="GET", body=None, headers=None):
    """Status and JSON of one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def process_cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(what + r":\s+(\d+)", status.read()).group(1)) / 1024


class Running:
    """A server alone on its core."""

    def __init__(self, command, port, env=None, cwd=None):
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.log = tempfile.TemporaryFile()
        begun = time.monotonic()
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], env={**os.environ, **(env or {})},
                                        cwd=cwd, stdout=self.log, stderr=self.log)
        while self.process.poll() is None and time.monotonic() - begun < 60:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.002)
        self.log.seek(0)
        sys.exit(f"{command[0]} does not listen on port {port}:\n{self.log.read().decode()}")

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        return process_cpu_seconds(self.pid)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)


class Yardstick(Running):
    """The bare axum handler of the same versions."""

    def __init__(self):
        port = free_port()
        super().__init__([os.path.join(BUILT, "yardstick"), f"127.0.0.1:{port}"], port)


class Backends:
    """A throwaway PostgreSQL (durable) and Redis on the other core, through the project's own test kit."""

    def __init__(self):
        self.process = subprocess.Popen(["taskset", "-c", OTHER_CORE, os.path.join(BUILT, "throwaway-backends")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.postgres, self.redis, redis_pid = self.process.stdout.readline().split()
        self.redis_pid = int(redis_pid)

    def redis_cpu_seconds(self):
        return process_cpu_seconds(self.redis_pid)

    def redis_stat(self, *command):
        from urllib.parse import urlsplit
        host = urlsplit(self.redis)
        out = subprocess.run(["redis-cli", "-h", host.hostname, "-p", str(host.port), *command], capture_output=True,
                             text=True, check=True).stdout
        return out

    def stop(self):
        self.process.stdin.close()
        self.process.wait(40)


WIDE = {"limit": 1_000_000, "window": 60}


def rules(folder):
    """Every check is made and none refuses: the default rules with limits nobody reaches."""
    rule = '[[rule]]\nroute = "{}"\n{}limit = {}\nwindow = {}\nper = "{}"\ncount = "{}"\nalgorithm = "{}"\n{}'
    reads, writes = '["GET", "HEAD", "OPTIONS"]', '["POST", "PUT", "PATCH", "DELETE"]'
    lines = [rule.format("/api/*", f"methods = {methods}\n", 1_000_000, 5, "person", "requests", "gcra", "")
             for methods in (reads, writes)]
    lines.append(rule.format("/api/*", "", 1_000_000, 5, "ip", "requests", "gcra", ""))
    for per in ("account", "device", "ip"):
        lines.append(rule.format("/api/auth/login", 'methods = ["POST"]\n', 10_000, 300, per, "failures",
                                 "sliding-window", "lockout = 900\n"))
    for count in ("successes", "attempts"):
        lines.append(rule.format("/api/auth/signup", 'methods = ["POST"]\n', 10_000, 3600, "ip", count,
                                 "sliding-window", "lockout = 3600\n"))
    lines.append(rule.format("/api/auth/password-reset-request", 'methods = ["POST"]\n', 10_000, 3600, "ip", "requests",
                             "sliding-window", ""))
    path = os.path.join(folder, "rules.toml")
    with open(path, "w") as file:
        file.write("".join(lines))
    return path


SECRETS = {
    "SECRET_KEY": "0123456789abcdef0123456789abcdef-bench",
    "TOTP_ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "AUDIT_SIGNING_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


class App(Running):
    """The server, embedded or on these backends."""

    def __init__(self, folder, backends=None, extra=None):
        port = free_port()
        env = {"BIND_ADDRESS": f"127.0.0.1:{port}", "DATA_DIR": os.path.join(folder, "data"), "RUST_LOG": "warn",
               "RATE_LIMIT_RULES_FILE": rules(folder), "SESSION_MAX_PER_USER": "1000"}
        if backends:
            env |= {"DATABASE_URL": backends.postgres, "REDIS_URL": backends.redis, "MIGRATE_ON_START": "true", **SECRETS}
        super().__init__([os.path.join(BUILT, "signupflow"), "serve"], port, {**env, **(extra or {})}, folder)

    def sign_up(self, number=0):
        """Somebody's session: token, CSRF token, user."""
        email = f"ada{number}.{time.monotonic_ns()}@example.com"
        body = {"name": "Ada", "email": email, "password": PASSWORD, "org_name": "Bench"}
        status, answer = call(self.url + "/api/auth/signup", "POST", body)
        assert status == 201, answer
        return {**answer, "email": email}
