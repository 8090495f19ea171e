"""F18: the disk that holds database, mail and secrets runs full, and has room again."""
import os, sqlite3, subprocess, tempfile, time

from .server import Load, Server, check_kept

SIZE = 256 * 1024 * 1024


def fill(path):
    """Writes until nothing more fits."""
    with open(path, "wb", buffering=0) as file:
        for chunk in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * chunk)
            except OSError:
                continue


def has_room(path):
    """Whether what was stored leaves half of the disk."""
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize > SIZE // 2


def full_disk(args, findings):
    if os.geteuid() != 0:
        return findings.skip("F18", "needs root to mount a small disk")
    with tempfile.TemporaryDirectory() as mount:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", mount], check=True)
        try:
            on_disk(args, findings, mount)
        finally:
            subprocess.run(["umount", "-l", mount], check=True)


def on_disk(args, findings, mount):
    server = Server(args, mount)
    who = server.founder()
    filler, made, refusals, until = os.path.join(mount, "filler"), {}, set(), time.monotonic() + args.minutes * 60
    rounds = 0
    while rounds == 0 or time.monotonic() < until and rounds < 50 and has_room(mount):
        load = Load([server], who)
        time.sleep(1)
        fill(filler)
        for _ in range(100):
            time.sleep(0.1)
            if load.statuses.get(503, 0) > 20:
                break
        reads = {server.ask("GET", path, who=who)[0] for path in ("/api/people/me", "/api/teams", "/health")}
        load.stop()
        refusals |= set(load.statuses) - {201}
        findings.check("F18", "a full disk refuses changes with 503", load.statuses.get(503, 0) > 0 and load.gone == 0, load.statuses)
        findings.check("F18", "and reads go on", reads == {200}, reads)
        os.remove(filler)
        again, begun = 0, time.monotonic()
        while again != 201 and time.monotonic() - begun < 10:
            again, answer = server.ask("POST", "/api/teams", {"name": f"again {rounds}"}, who)
        made |= load.made | ({answer["id"]: answer["name"]} if again == 201 else {})
        findings.check("F18", "with room again it goes on by itself", again == 201, f"{time.monotonic() - begun:.1f} s")
        rounds += 1
    findings.check("F18", "nothing else is said", refusals <= {503}, refusals)
    check_kept(findings, "F18", server, who, made)
    findings.check("F18", "it stops in peace", server.stop() == 0, server.process.returncode)
    database = next(name for name in os.listdir(os.path.join(mount, "data")) if name.endswith(".db"))
    with sqlite3.connect(os.path.join(mount, "data", database)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    findings.check("F18", "the database is sound", verdict == "ok", verdict)
