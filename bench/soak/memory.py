"""F19: the system's out-of-memory killer ends the server under load."""
import os, socket, subprocess, tempfile, time

from measure.servers import resident_mb

from .server import Load, Server, check_kept

V1, V2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


class Group:
    """A control group with a memory limit."""

    def __init__(self):
        old = os.path.isdir(V1)
        self.path = os.path.join(V1 if old else V2, f"signupflow-soak-{os.getpid()}")
        self.limit = os.path.join(self.path, "memory.limit_in_bytes" if old else "memory.max")
        self.usage = os.path.join(self.path, "memory.usage_in_bytes" if old else "memory.current")
        os.mkdir(self.path)

    def enter(self):
        """The words that start a program in it."""
        return ["/bin/sh", "-c", f"echo $$ > {self.path}/cgroup.procs && exec \"$@\"", "soak"]

    def allow(self, size):
        with open(self.limit, "w") as file:
            file.write(str(size))

    def used(self):
        with open(self.usage) as file:
            return int(file.read())

    def remove(self):
        os.rmdir(self.path)


def out_of_memory(args, findings):
    if os.geteuid() != 0:
        return findings.skip("F19", "needs root for a control group")
    try:
        group = Group()
        group.allow(1 << 30)
    except OSError as error:
        return findings.skip("F19", f"no control group with memory: {error}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            killed(args, findings, group, folder)
    finally:
        group.remove()


def squeeze(group, server):
    """Lets the server have hardly more than it has, and sends much that it must hold; whether it was ended."""
    group.allow(group.used() + (1 << 20))
    held, head = [], b"POST /api/auth/login HTTP/1.1\r\nHost: soak.test\r\nContent-Type: application/json\r\nContent-Length: 65000\r\n\r\n"
    try:
        for _ in range(3000):
            if server.process.poll() is not None:
                return True
            held.append(socket.create_connection(("127.0.0.1", server.port), 5))
            held[-1].sendall(head + b" " * 60_000)
    except OSError:
        pass
    finally:
        for connection in held:
            connection.close()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        return False
    return True


def killed(args, findings, group, folder):
    server = Server(args, folder, before=group.enter())
    who, made, until, rounds = server.founder(), {}, time.monotonic() + args.minutes * 60, 0
    slowest, peak = 0.0, 0.0
    while rounds == 0 or time.monotonic() < until and rounds < 50:
        load = Load([server], who)
        time.sleep(1)
        peak = max(peak, resident_mb(server.process.pid, "VmHWM"))
        ended = squeeze(group, server)
        load.stop()
        made |= load.made
        if not ended:
            findings.check("F19", "the server was ended for its memory", False, "the system did not end it")
            server.stop()
            return
        findings.check("F19", "the server was ended for its memory", server.process.returncode == -9, server.process.returncode)
        group.allow(1 << 30)
        begun = time.monotonic()
        server.start()
        slowest = max(slowest, time.monotonic() - begun)
        rounds += 1
    findings.check("F19", "it starts again within two seconds", slowest < 2, f"{slowest:.2f} s")
    findings.check("F19", "somebody who was signed in still is", server.ask("GET", "/api/people/me", who=who)[0] == 200)
    check_kept(findings, "F19", server, who, made)
    findings.check("F19", "memory needed", True, f"{peak:.0f} MB at most under this load")
    server.stop()
