"""F12: an installation on PostgreSQL and Redis is replaced by another program and back, without anybody noticing. On the
way back the newer program first undoes what the older one does not know: that refuses a database newer than itself."""
import json, os, subprocess, tempfile, time

from .server import Gone, Load, Server, check_kept


def two_programs(args, findings):
    backends = os.path.join(os.path.dirname(args.binary), "throwaway-backends")
    if not os.path.exists(backends):
        return findings.skip("F12", f"{backends} is not built: cargo build -p bench")
    process = subprocess.Popen([backends], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            take_turns(args, findings, folder, process.stdout.readline().split()[:2])
    finally:
        process.stdin.close()
        process.wait(40)


def migrations(binary, settings):
    out = subprocess.run([binary, "migrate", "status", "--format", "json"], env=settings, capture_output=True, text=True)
    return {row["version"] for row in json.loads(out.stdout)["migrations"] if row["state"] in ("applied", "pending")}


def make_way(binary, other, settings):
    """Undoes the migrations that only the other program has."""
    steps = len(migrations(other, settings) - migrations(binary, settings)) if binary != other else 0
    if steps:
        subprocess.run([other, "migrate", "down", "--steps", str(steps), "--yes"], env=settings, check=True, capture_output=True)


def take_turns(args, findings, folder, urls):
    other = os.path.abspath(args.other) if args.other else args.binary
    old = Server(args, folder, backends=urls)
    who, serving = old.founder(), [old]
    # As a load balancer does: asks only those that are ready.
    load = Load(lambda: list(serving), who, threads=4)
    signed_out, codes = 0, []
    for binary in (other, args.binary):
        time.sleep(max(2, args.minutes))
        if binary == args.binary:
            make_way(binary, other, old.settings)
        new = Server(args, folder, backends=urls, binary=binary)
        serving.append(new)
        time.sleep(1)
        leaving = serving.pop(0)
        time.sleep(0.5)
        codes.append(leaving.stop())
        try:
            signed_out += new.ask("GET", "/api/people/me", who=who)[0] != 200
        except Gone:
            signed_out += 1
        old = new
    load.stop()
    bad = {status: count for status, count in load.statuses.items() if status != 201}
    findings.check("F12", "no request failed", not bad and load.gone == 0, f"{load.statuses} {load.codes or ''} {load.gone} without answer")
    findings.check("F12", "nobody was signed out", signed_out == 0, signed_out)
    findings.check("F12", "each stopped in peace", codes == [0, 0], codes)
    check_kept(findings, "F12", old, who, load.made)
    old.stop()
    if not args.other:
        findings.skip("F12", "the same program twice: name an older one with --other")
