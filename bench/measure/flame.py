"""Flame graphs of hot paths, as SVG: stacks sampled by perf, wide where much time goes.

    PYTHONPATH=bench python3 -m measure.flame docs/flames
"""
import collections, html, os, re, subprocess, sys, tempfile

from .load import wrk
from .requests import POST, READ, READ_SQL, cases_of
from .servers import App

SECONDS, SAMPLES_A_SECOND, WIDTH, ROW = 4, 499, 1200, 17
FILES = {READ: "signed-in-get.svg", READ_SQL: "sql-read.svg", POST: "audited-post.svg"}


def shortened(symbol):
    """A function's name without paths, hashes and type parameters."""
    symbol = re.sub(r"\+0x[0-9a-f]+$|::h[0-9a-f]{16}$", "", symbol)
    while "<" in (plain := re.sub(r"<[^<>]*>", "", symbol)) and plain != symbol:
        symbol = plain
    return "::".join(part for part in re.sub(r"<[^<>]*>", "", symbol).split("::") if part)[-60:] or symbol[:60]


def stacks(script):
    """How often each stack was seen, outermost function first."""
    counted = collections.Counter()
    for sample in script.split("\n\n"):
        frames = [line.split(maxsplit=1)[1] for line in sample.splitlines()[1:] if " " in line.strip()]
        names = [shortened(re.sub(r" \([^()]*\)$", "", frame)) for frame in frames]
        if names:
            counted[tuple(reversed(names))] += 1
    return counted


def boxes(counted, depth=0, left=0):
    """Rectangles (depth, left, width, name) of the tree, children in the order of their names."""
    groups = collections.defaultdict(collections.Counter)
    for stack, count in counted.items():
        if len(stack) > depth:
            groups[stack[depth]][stack] += count
    for name in sorted(groups):
        width = sum(groups[name].values())
        yield depth, left, width, name
        yield from boxes(groups[name], depth + 1, left)
        left += width


def svg(counted, title):
    total = sum(counted.values())
    shown = [box for box in boxes(counted) if box[2] * WIDTH / total >= 1]
    height = (max(box[0] for box in shown) + 3) * ROW
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">'
           f'<title>{html.escape(title)}</title><rect width="{WIDTH}" height="{height}" fill="#fff"/>'
           f'<text x="4" y="13">{html.escape(title)}: {total} samples, callers below</text>']
    for depth, left, width, name in shown:
        x, wide, y = left * WIDTH / total, width * WIDTH / total, height - (depth + 1) * ROW
        hue = sum(name.encode()) % 55
        label = html.escape(name if len(name) * 6.7 < wide else name[: max(int(wide / 6.7) - 1, 0)])
        out.append(f'<g><title>{html.escape(name)}: {100 * width / total:.1f} %</title><rect x="{x:.1f}" y="{y}" width="{wide:.1f}" '
                   f'height="{ROW - 1}" fill="hsl({hue} 85% 72%)"/><text x="{x + 2:.1f}" y="{y + 12}">{label}</text></g>')
    return "\n".join([*out, "</svg>\n"])


def sampled(app, path, headers, script):
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        record = subprocess.Popen(["perf", "record", "-F", str(SAMPLES_A_SECOND), "--call-graph", "dwarf,16384", "-o", data,
                                   "-p", str(app.pid), "--", "sleep", str(SECONDS)], stderr=subprocess.PIPE, text=True)
        wrk(app.url + path, SECONDS + 1, headers=headers, script=script)
        told = record.communicate()[1]
        if record.returncode:
            sys.exit(f"perf record ended with {record.returncode}: {told}")
        command = ["perf", "script", "-i", data, "--no-inline", "-F", "comm,ip,sym"]
        seen = subprocess.run(command, capture_output=True, text=True, errors="replace")
        return seen.stdout or sys.exit(f"perf script: {seen.stderr}")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        app = App(work)
        for name, target, path, headers, script in cases_of(app, app.sign_up(), work, "embedded"):
            wrk(target.url + path, 1, headers=headers, script=script)
            file = next(file for what, file in FILES.items() if name.startswith(what))
            with open(os.path.join(folder, file), "w") as out:
                out.write(svg(stacks(sampled(app, path, headers, script)), name))
        app.stop()


main(sys.argv[1] if len(sys.argv) > 1 else sys.exit(__doc__))
