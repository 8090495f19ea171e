"""The fault tests and the races for what can be used once (A11), again and again."""
import os, subprocess, time

from measure.servers import ROOT


def fault_tests(args, findings):
    until, rounds = time.monotonic() + args.minutes * 60, 0
    env = {**os.environ, "SIGNUPFLOW_FAULT_ROUNDS": os.environ.get("SIGNUPFLOW_FAULT_ROUNDS", "10"),
           "SIGNUPFLOW_KILL_ROUNDS": os.environ.get("SIGNUPFLOW_KILL_ROUNDS", "20"),
           "SIGNUPFLOW_RACE_ROUNDS": os.environ.get("SIGNUPFLOW_RACE_ROUNDS", "200")}
    binaries = ["--test", "faults", "--test", "program", "--test", "http"]
    subprocess.run(["cargo", "test", "-p", "signupflow", *binaries, "--no-run"], cwd=ROOT, check=True)
    while rounds == 0 or time.monotonic() < until:
        for which in (["--test", "faults"], ["--test", "program", "kill9"], ["--test", "http", "parallel_tries"]):
            command = ["cargo", "test", "-q", "-p", "signupflow", *which]
            run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
            if run.returncode != 0:
                findings.check("faults", f"round {rounds + 1}: {' '.join(which)}", False, run.stdout[-3000:])
                return
        rounds += 1
    findings.check("faults", f"{rounds} rounds of the fault tests and the races", True)
