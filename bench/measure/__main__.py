"""Measures the server against a bare axum handler of the same versions, in one run on one machine.

The server has core 0 to itself; the load generator, Redis and PostgreSQL have core 1. wrk with 32 keep-alive connections
after a warm-up, repeats taken in turn, median and min-max of the ratio. Limits are set so high that nothing is refused,
but every check is really made: a request without credentials or CSRF token is refused before measuring, audit rows are
counted after. Latency comes from an open-loop generator and counts from the moment a request was due. CPU is that of
the processes, from /proc. Absolute numbers only describe a machine.
"""
import argparse, json, os, shutil, subprocess, sys

from . import accounts, growth, overload, requests, stores, timing
from .servers import ROOT, Backends


def build():
    subprocess.run(["cargo", "build", "--profile", "dist", "-p", "signupflow", "-p", "bench", "--bins"], cwd=ROOT, check=True)


def show(rows):
    print(f"\n{'what':<72} {'value':>8} {'min-max':>17} {'req/s':>8} {'CPU us':>7} {'Redis us':>8}")
    for row in rows:
        value = row.get("ratio", row.get("value"))
        span = f"{row['min']:.3f}-{row['max']:.3f}" if "min" in row else ""
        rest = f"{row.get('rate', 0):>8.0f} {row.get('cpu_us', 0):>7.1f} {row.get('redis_us', 0):>8.1f}" if "rate" in row else ""
        print(f"{row['what']:<72} {value:>8.3f} {span:>17} {rest}".rstrip())


def markdown(rows, failures):
    """The same as a table for documents."""
    lines = ["| what | value | min-max | requests/s | CPU µs | Redis µs |", "|---|---|---|---|---|---|"]
    for row in rows:
        span = f"{row['min']:.3f}-{row['max']:.3f}" if "min" in row else ""
        rest = [f"{row[key]:.{digits}f}" if key in row else "" for key, digits in (("rate", 0), ("cpu_us", 1), ("redis_us", 1))]
        lines.append(f"| {row['what']} | {row.get('ratio', row.get('value')):.3f} | {span} | {' | '.join(rest)} |")
    lines += [f"| {part} | {why} | | | | |" for part, why in failures]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: make bench ARGS='--part requests --shape embedded --seconds 3'")
    parser.add_argument("--seconds", type=int, default=5, help="a measurement's length (default 5)")
    parser.add_argument("--repeats", type=int, default=3, help="taken in turn (default 3)")
    parser.add_argument("--shape", choices=["embedded", "production"], help="only this one")
    parser.add_argument("--part", choices=["requests", "accounts", "overload", "timing", "stores", "growth"], help="only this one")
    parser.add_argument("--only", help="only requests whose name holds this")
    parser.add_argument("--quick", action="store_true", help="no latencies, smaller stores: a first look")
    parser.add_argument("--built", action="store_true", help="take the programs as they were built last")
    parser.add_argument("--markdown", help="also write the rows there, as a table")
    parser.add_argument("--json", help="also write the rows there")
    args = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    if not args.built:
        build()
    rows, failures = [], []

    def part(name, measure, *which):
        """Measures a part if it is wanted; one that cannot be measured or does not hold is told of at the end and costs no other."""
        if args.part not in (None, name):
            return
        try:
            measure(rows, args, *which)
        except timing.OutOfBounds as error:
            failures.append((name, f"does not hold: {error}"))
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            told = getattr(error, "stderr", None) or ""
            which = " ".join([name, *(one for one in which if isinstance(one, str))])
            failures.append((which, f"was not measured: {error} {told}".strip()))

    embedded, production = args.shape != "production", args.shape != "embedded"
    for shape, on in (("embedded", embedded), ("PostgreSQL and Redis", production)):
        if not on:
            continue
        backends = Backends() if shape != "embedded" else None
        part("requests", requests.measure, shape, backends)
        part("accounts", accounts.sign_ins, shape, backends)
        part("overload", overload.measure, shape, backends)
        part("growth", growth.measure, shape)
        if backends or not production:
            part("stores", stores.measure, backends)
        if backends:
            backends.stop()
    if embedded:
        part("accounts", accounts.start)
        part("stores", stores.sqlite_alone)
        part("timing", timing.measure)
    show(rows)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1)
    if args.markdown:
        with open(args.markdown, "w") as file:
            file.write(markdown(rows, failures))
    for name, why in failures:
        print(f"{name} {why}", file=sys.stderr)
    sys.exit(1 if failures else 0)


main()
