"""Load: wrk for rates, an open-loop generator for latency, both on the other core."""
import json, os, re, subprocess

from .servers import BUILT, OTHER_CORE


def wrk(url, seconds, connections=32, headers=(), script=None):
    """Requests a second and in all, and how many were refused."""
    command = ["taskset", "-c", OTHER_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for header in headers:
        command += ["-H", header]
    if script:
        command += ["-s", script]
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
        "requests": int(re.search(r"(\d+) requests in", out).group(1)),
        "bad": int(bad.group(1)) if bad else 0,
        "errors": sum(map(int, errors.groups())) if errors else 0,
    }


def open_loop(url, rate, seconds, headers=()):
    """Latencies in microseconds from the moment a request was due: {p50, p99, max, sent, bad}."""
    command = ["taskset", "-c", OTHER_CORE, os.path.join(BUILT, "open-loop"), url, str(rate), str(seconds), *headers]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def posting(folder, name, bodies):
    """A wrk script that POSTs these bodies in turn."""
    path = os.path.join(folder, name + ".lua")
    with open(path, "w") as file:
        file.write("wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nlocal bodies = {\n")
        file.writelines(f"  {json.dumps(json.dumps(body))},\n" for body in bodies)
        file.write("}\nlocal next = 0\nfunction request()\n  next = next % #bodies + 1\n"
                   "  return wrk.format(nil, nil, nil, bodies[next])\nend\n")
    return path
