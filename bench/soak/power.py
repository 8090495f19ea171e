"""F10: nothing is acknowledged before the disk has it."""
import os, re, shutil, signal, subprocess, tempfile, time

from .server import Server

CHANGES = 20


def synced_before_acknowledged(args, findings):
    if not shutil.which("strace"):
        return findings.skip("F10", "strace is missing: apt-get install strace")
    with tempfile.TemporaryDirectory() as folder:
        server = Server(args, folder)
        who, trace = server.founder(), os.path.join(folder, "trace")
        calls = "trace=fsync,fdatasync,sendto,write,writev,recvfrom,read"
        tracer = subprocess.Popen(["strace", "-f", "-y", "-s", "60", "-e", calls, "-o", trace, "-p", str(server.process.pid)],
                                  stderr=subprocess.DEVNULL)
        time.sleep(1)
        for number in range(CHANGES):
            status, answer = server.ask("POST", "/api/teams", {"name": f"synced {number}"}, who)
            assert status == 201, answer
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        server.stop()
        judge(findings, trace)


def judge(findings, trace):
    synced, acknowledged, early, pending = False, 0, 0, {}
    with open(trace, errors="replace") as lines:
        for line in lines:
            thread, _, call = line.partition(" ")
            call = call.strip()
            if "POST /api/teams" in call:
                synced = False
            # A call that another thread's interrupts is told in two lines.
            if re.match(r"f(data)?sync\(.*-wal>.*unfinished", call):
                pending[thread] = True
            if re.match(r"f(data)?sync\(.*-wal>\)\s*= 0", call) or (
                    re.match(r"<\.\.\. f(data)?sync resumed>.*= 0", call) and pending.pop(thread, False)):
                synced = True
            if "HTTP/1.1 201" in call:
                acknowledged += 1
                early += not synced
    findings.check("F10", "the log is synced before a change is acknowledged", acknowledged == CHANGES and early == 0,
                   f"{acknowledged} of {CHANGES} seen, {early} too early")
    findings.skip("F10", "no guest that is cut off, no layer that drops what was not synced")
