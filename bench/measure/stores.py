"""Rows of the stores alone: memory of a million sessions, ending sessions."""
import json, os, subprocess

from .servers import BUILT, SERVER_CORE


def measure(rows, args, backends=None):
    count = "100000" if args.quick else "1000000"
    command = ["taskset", "-c", SERVER_CORE, os.path.join(BUILT, "store-costs"), count, "100000"]
    out = subprocess.run(command + ([backends.redis] if backends else []), capture_output=True, text=True, check=True)
    seen = json.loads(out.stdout)
    sessions, keys = seen["memory_of_sessions"], seen["memory_of_limiter_keys"]
    rows.append({"what": f"{sessions['sessions']} live sessions embedded, MB", "value": sessions["bytes"] / 1e6})
    rows.append({"what": "memory of a session, bytes", "value": sessions["bytes_each"]})
    rows.append({"what": f"{keys['keys']} limiter keys, MB", "value": keys["bytes"] / 1e6})
    rows.append({"what": "the same after twice as many addresses, MB", "value": keys["bytes_after_twice_as_many"] / 1e6})
    for shape, name in (("ending_embedded", "embedded"), ("ending_redis", "Redis")):
        if shape in seen:
            ending = seen[shape]
            rows.append({"what": f"end 5 sessions, {name}, ms", "value": ending["five_ms"]})
            rows.append({"what": f"end 5 sessions, none beside them, {name}, ms", "value": ending["five_alone_ms"]})
            rows.append({"what": f"end 10,000 sessions, {name}, ms", "value": ending["ten_thousand_ms"]})
