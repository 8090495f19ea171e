"""Long loops of the fault tests, and what needs root, hours or other programs. Prints a table; exit code 1 if anything
did not hold.

Parts: faults (the fault tests and the races for single-use codes, again and again), F07 (PostgreSQL fails over), F10
(power: what is synced before a change is acknowledged; needs strace), F12 (two programs take turns on the same data;
--other names the second), F18 (full disk; needs root), F19 (out of memory; needs root and cgroups), F35 (hours of load).
Not here: F10 with a guest that is really cut off.
"""
import argparse, os, subprocess, sys, time, traceback

from measure.servers import ROOT

from . import disk, failover, hours, memory, power, rolling, tests

PARTS = {
    "faults": tests.fault_tests,
    "F07": failover.fail_over,
    "F10": power.synced_before_acknowledged,
    "F12": rolling.two_programs,
    "F18": disk.full_disk,
    "F19": memory.out_of_memory,
    "F35": hours.steady,
}


class Findings:
    """What held and what did not."""

    def __init__(self):
        self.rows = []

    def check(self, part, what, held, detail=""):
        self.rows.append((part, what, "ok" if held else "FAILED", str(detail)))
        print(f"{part:<7} {'ok    ' if held else 'FAILED'}  {what}  {detail}", flush=True)

    def skip(self, part, why):
        self.rows.append((part, why, "skipped", ""))
        print(f"{part:<7} skipped {why}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: make soak ARGS='--part F18 --minutes 5'")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this one (may be repeated)")
    parser.add_argument("--minutes", type=float, default=120, help="length of faults and F35; the others take their rounds from it (default 120)")
    parser.add_argument("--binary", help="the program (default: builds target/release/signupflow)")
    parser.add_argument("--other", help="the second program of F12 (default: the same)")
    args = parser.parse_args()
    if not args.binary:
        subprocess.run(["cargo", "build", "--release", "-p", "signupflow", "-p", "bench", "--bins"], cwd=ROOT, check=True)
        args.binary = os.path.join(ROOT, "target", "release", "signupflow")
    args.binary = os.path.abspath(args.binary)
    findings, begun = Findings(), time.monotonic()
    for name in args.part or PARTS:
        try:
            PARTS[name](args, findings)
        except Exception:  # A part that breaks must not hide the others.
            findings.check(name, "the part ran to its end", False, traceback.format_exc())
    print(f"\n{'part':<7} {'result':<8} what")
    for part, what, result, detail in findings.rows:
        print(f"{part:<7} {result:<8} {what}  {detail.splitlines()[-1] if detail else ''}".rstrip())
    failed = sum(result == "FAILED" for _, _, result, _ in findings.rows)
    print(f"\n{len(findings.rows) - failed} held or skipped, {failed} did not hold, {time.monotonic() - begun:.0f} s")
    sys.exit(failed > 0)


main()
