#!/usr/bin/env python3
"""Measures the server against a bare axum handler, in one run on one machine.

Server alone on core 0, load generator on core 1, wrk with 32 keep-alive connections after a warm-up, repeats taken in
turn, median and min-max of the ratio. Limits are set so high that nothing is refused, but every check is really made: a
request without credentials is refused before measuring, audit rows are counted after. Absolute numbers only describe a
machine.

usage: bench/run.py [--seconds 5] [--repeats 3] [--json FILE] [--only NAME]
"""
import argparse, json, os, re, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.path.join(ROOT, "target", "dist")
PASSWORD = "three purple otters dance"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, method="GET", body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def wait_for(port, within=20):
    begun = time.monotonic()
    while time.monotonic() - begun < within:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return time.monotonic() - begun
        except OSError:
            time.sleep(0.005)
    sys.exit(f"nothing listens on port {port}")


class Running:
    def __init__(self, command, port, env=None, cwd=None):
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], env={**os.environ, **(env or {})}, cwd=cwd,
                                        stdout=self.log, stderr=self.log)
        self.started_in = wait_for(port)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)


def wrk(url, seconds, connections=32, headers=(), script=None):
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
        "requests": int(re.search(r"(\d+) requests in", out).group(1)),
        "bad": int(bad.group(1)) if bad else 0,
    }


def post_script(folder, name, body):
    path = os.path.join(folder, name + ".lua")
    with open(path, "w") as file:
        file.write(f"wrk.method = 'POST'\nwrk.body = {json.dumps(json.dumps(body))}\n"
                   "wrk.headers['Content-Type'] = 'application/json'\n")
    return path


def server(folder, extra=None):
    rules = os.path.join(folder, "rules.toml")
    with open(rules, "w") as file:
        for methods in ('["GET", "HEAD", "OPTIONS"]', '["POST", "PUT", "PATCH", "DELETE"]'):
            file.write(f'[[rule]]\nroute = "/api/*"\nmethods = {methods}\nlimit = 1000000\nwindow = 60\nper = "person"\n'
                       'count = "requests"\nalgorithm = "gcra"\n')
        file.write('[[rule]]\nroute = "/api/*"\nlimit = 1000000\nwindow = 60\nper = "ip"\ncount = "requests"\n'
                   'algorithm = "gcra"\n')
        for per in ("account", "device", "ip"):
            file.write(f'[[rule]]\nroute = "/api/auth/login"\nmethods = ["POST"]\nlimit = 10000\nwindow = 300\n'
                       f'per = "{per}"\ncount = "failures"\nlockout = 900\nalgorithm = "sliding-window"\n')
        for count in ("successes", "attempts"):
            file.write(f'[[rule]]\nroute = "/api/auth/signup"\nmethods = ["POST"]\nlimit = 10000\nwindow = 3600\n'
                       f'per = "ip"\ncount = "{count}"\nlockout = 3600\nalgorithm = "sliding-window"\n')
    port = free_port()
    env = {"BIND_ADDRESS": f"127.0.0.1:{port}", "DATA_DIR": os.path.join(folder, "data"), "RUST_LOG": "warn",
           "RATE_LIMIT_RULES_FILE": rules, "SESSION_MAX_PER_USER": "100000", **(extra or {})}
    return Running([os.path.join(TARGET, "signupflow"), "serve"], port, env, folder)


def sign_up(app):
    status, body = call(app.url + "/api/auth/signup", "POST",
                        {"name": "Ada", "email": f"ada{time.monotonic_ns()}@example.com", "password": PASSWORD, "org_name": "Bench"})
    assert status == 201, body
    return body


EVENT = {"title": "Beach cleanup", "type": "service", "start": "2027-05-01T09:00:00Z", "end": "2027-05-01T12:00:00Z"}


def ratio_rows(rows, args):
    with tempfile.TemporaryDirectory() as folder:
        bare = Running([os.path.join(TARGET, "yardstick"), "127.0.0.1:%d" % (port := free_port())], port)
        app = server(folder)
        user = sign_up(app)
        bearer, csrf = f"Authorization: Bearer {user['token']}", f"X-CSRF-Token: {user['csrf_token']}"
        assert call(app.url + "/api/people/me")[0] == 401, "a request without credentials must be refused"
        auth = {"Authorization": f"Bearer {user['token']}"}
        assert call(app.url + "/api/events", "POST", EVENT, auth)[0] == 403, "a POST without CSRF token must be refused"
        post = post_script(folder, "event", EVENT)
        cases = [
            ("bare axum GET", bare, "/", (), None),
            ("GET without session (/health)", app, "/health", (), None),
            ("GET signed in, no SQL (/api/auth/csrf)", app, "/api/auth/csrf", (bearer,), None),
            ("GET signed in, one SQL read (/api/people/me)", app, "/api/people/me", (bearer,), None),
            ("audited POST (/api/events)", app, "/api/events", (bearer, csrf), post),
        ]
        if args.only:
            cases = [case for case in cases if case[0].startswith("bare") or args.only in case[0]]
        measured = {case[0]: [] for case in cases}
        for repeat in range(args.repeats + 1):
            for name, target, path, headers, script in cases:
                cpu = target.cpu_seconds()
                seen = wrk(target.url + path, 1 if repeat == 0 else args.seconds, headers=headers, script=script)
                assert seen["bad"] == 0, f"{name}: {seen['bad']} refused"
                if repeat:
                    seen["cpu_us"] = (target.cpu_seconds() - cpu) / seen["requests"] * 1e6
                    measured[name].append(seen)
        yardstick = measured["bare axum GET"]
        for name, *_ in cases:
            ratios = [mine["rate"] / bare_one["rate"] for mine, bare_one in zip(measured[name], yardstick)]
            rows.append({
                "what": name,
                "ratio": statistics.median(ratios), "min": min(ratios), "max": max(ratios),
                "rate": statistics.median(one["rate"] for one in measured[name]),
                "cpu_us": statistics.median(one["cpu_us"] for one in measured[name]),
            })
        rows.append({"what": "resident after load, MB", "value": app.rss_mb()})
        app.stop()
        bare.stop()


def sign_in_rows(rows, args):
    one_hash = float(subprocess.run(["taskset", "-c", "0", os.path.join(TARGET, "hash-speed")], capture_output=True,
                                    text=True, check=True).stdout)
    rows.append({"what": "one hash alone, ms", "value": one_hash * 1000})
    with tempfile.TemporaryDirectory() as folder:
        app = server(folder)
        user = sign_up(app)
        script = post_script(folder, "login", {"email": user["user"]["email"], "password": PASSWORD})
        for connections in (4, 32):
            wrk(app.url + "/api/auth/login", 1, connections, script=script)
            rates = [wrk(app.url + "/api/auth/login", args.seconds, connections, script=script)["rate"]
                     for _ in range(args.repeats)]
            rows.append({"what": f"sign-ins/s of 1/hash, {connections} connections", "ratio": statistics.median(rates) * one_hash,
                         "min": min(rates) * one_hash, "max": max(rates) * one_hash, "rate": statistics.median(rates)})
            rows.append({"what": f"resident with {connections} sign-ins at once, MB", "value": app.rss_mb()})
        app.stop()


def start_rows(rows, args):
    with tempfile.TemporaryDirectory() as folder:
        app = server(folder)
        sign_up(app)
        app.stop()
        times = []
        for _ in range(max(args.repeats, 5)):
            begun = time.monotonic()
            app = server(folder)
            while call(app.url + "/ready")[0] != 200:
                time.sleep(0.005)
            times.append(time.monotonic() - begun)
            idle = app.rss_mb()
            app.stop()
        rows.append({"what": "start to ready on existing data, s", "value": statistics.median(times)})
        rows.append({"what": "resident idle, MB", "value": idle})


def show(rows):
    print(f"\n{'what':<52} {'ratio':>7} {'min-max':>15} {'req/s':>9} {'CPU us':>8}")
    for row in rows:
        if "ratio" in row:
            span = f"{row['min']:.3f}-{row['max']:.3f}"
            print(f"{row['what']:<52} {row['ratio']:>7.3f} {span:>15} {row['rate']:>9.0f} {row.get('cpu_us', float('nan')):>8.1f}")
        else:
            print(f"{row['what']:<52} {row['value']:>7.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", help="also write the rows there")
    parser.add_argument("--only", help="only requests whose name holds this")
    args = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    subprocess.run(["cargo", "build", "--profile", "dist", "-p", "signupflow", "-p", "bench"], cwd=ROOT, check=True)
    rows = []
    ratio_rows(rows, args)
    if not args.only:
        sign_in_rows(rows, args)
        start_rows(rows, args)
    show(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)


main()
