"""F35: hours of load. Memory and files stay as they are, and so do latencies."""
import os, statistics, tempfile, threading, time

from measure.servers import PASSWORD, resident_mb

from .server import Gone, Server

CLIENTS = 6
PERIODS = 30


def client(server, people, stop, times, odd):
    """Reads, changes, signs in and out, as people do; never fast, always the same."""
    who = server.founder()
    people.append(who)
    teams = []
    while not stop.is_set():
        for method, path, body in (
            ("GET", "/api/people/me", None),
            ("GET", "/api/teams", None),
            ("POST", "/api/teams", {"name": f"team {time.monotonic_ns()}"}),
            ("DELETE", "/api/teams/{}", None),
            ("POST", "/api/auth/login", {"email": who["email"], "password": PASSWORD}),
            ("POST", "/api/auth/logout", None),
            ("POST", "/api/auth/login", {"email": "nobody@example.com", "password": "wrong"}),
        ):
            if method == "DELETE":
                path = path.format(teams.pop())
            session = guest if path == "/api/auth/logout" else who
            begun = time.monotonic()
            try:
                status, answer = server.ask(method, path, body, session if "login" not in path else None)
            except Gone as gone:
                odd.append(str(gone))
                return
            times.append((begun, time.monotonic() - begun))
            if method == "POST" and path == "/api/teams":
                teams.append(answer["id"])
            if status == 200 and "login" in path:
                guest = answer
            if status >= 500:
                odd.append(f"{method} {path}: {status}")
            time.sleep(0.01)


def percentile(times, share):
    return sorted(times)[int(len(times) * share)] if times else 0.0


def slope(values):
    """Growth over the whole run, by least squares."""
    middle = (len(values) - 1) / 2
    mean = statistics.fmean(values)
    above = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    below = sum((at - middle) ** 2 for at in range(len(values)))
    return above / below * (len(values) - 1) if below else 0.0


def steady(args, findings):
    with tempfile.TemporaryDirectory() as folder:
        # Nobody may be locked out by the wrong passwords that belong to the load.
        server = Server(args, folder, env={"RATE_LIMITING_ENABLED": "false"})
        stop, times, odd, people = threading.Event(), [], [], []
        threads = [threading.Thread(target=client, args=(server, people, stop, times, odd)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        # The first sixth fills caches and pools and is not judged.
        time.sleep(args.minutes * 10)
        memory, files, tails, period = [], [], [], args.minutes * 50 / PERIODS
        for _ in range(PERIODS):
            begun = time.monotonic()
            time.sleep(period)
            memory.append(resident_mb(server.process.pid))
            files.append(len(os.listdir(f"/proc/{server.process.pid}/fd")))
            tails.append(percentile([took for at, took in list(times) if at >= begun], 0.99))
        stop.set()
        for thread in threads:
            thread.join(60)
        third = PERIODS // 3
        drift = statistics.median(tails[-third:]) / statistics.median(tails[:third]) - 1
        growth = slope(memory)
        findings.check("F35", "no request failed", not odd, f"{len(times)} requests {odd[:3]}")
        findings.check("F35", "memory does not grow (5 % or 2 MB)", growth < max(2, 0.05 * memory[0]),
                       f"{memory[0]:.1f} MB, {growth:+.2f} MB over {args.minutes * 50 / 60:.1f} min")
        findings.check("F35", "open files stay as many (8)", max(files) - min(files) <= 8, f"{min(files)}-{max(files)}")
        findings.check("F35", "p99 drifts by less than 10 %", drift < 0.10,
                       f"{statistics.median(tails[:third]) * 1000:.1f} ms, {drift:+.1%}")
        findings.check("F35", "it stops in peace", server.stop() == 0, server.process.returncode)
