"""One timed run of wrk, and its result as numbers.

wrk is a closed loop: each connection sends its next request when the last answer is complete. Its
percentiles compare proxies under the same load; they are not latencies at a fixed request rate.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from . import processes

# Requests are prepared once and then handed out in turn, so that the script costs wrk next to nothing.
SCRIPT = """
local prepared = {}
local turn = 0
function init(arguments)
%s
end
function request()
  turn = turn %% #prepared + 1
  return prepared[turn]
end
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%%d,"microseconds":%%d,"bytes":%%d,"p50_us":%%d,"p99_us":%%d,"max_us":%%d,' ..
    '"connect":%%d,"read":%%d,"write":%%d,"status":%%d,"timeout":%%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
"""

ERRORS = ("connect", "read", "write", "status", "timeout")


@dataclass
class Result:
    """What one run of wrk counted."""

    requests: int
    seconds: float
    bytes: int
    p50_us: int
    p99_us: int
    max_us: int
    errors: dict

    def error_count(self):
        """Every kind of error together."""
        return sum(self.errors.values())


def write_script(path, prepare):
    """Writes the Lua script; `prepare` is Lua that fills the table `prepared` with request bytes."""
    with open(path, "w") as file:
        file.write(SCRIPT % prepare)
    return path


def start(url, script, seconds, connections, core):
    """Starts wrk on one core (None: any) with one thread."""
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url]
    return subprocess.Popen(
        pinned + command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: processes.raise_descriptor_limit(20000),
    )


def finish(process, seconds):
    """Waits for wrk to end and reads its result. Ends the script when wrk says nothing usable."""
    try:
        output, _ = process.communicate(timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return read(json.loads(line[len("RESULT ") :]))
    sys.exit(f"wrk gave no result:\n{output}")


def run(url, script, seconds, connections, core):
    """`start` and `finish` in one."""
    return finish(start(url, script, seconds, connections, core), seconds)


def read(fields):
    """A `Result` from the script's JSON."""
    return Result(
        requests=fields["requests"],
        seconds=fields["microseconds"] / 1e6,
        bytes=fields["bytes"],
        p50_us=fields["p50_us"],
        p99_us=fields["p99_us"],
        max_us=fields["max_us"],
        errors={kind: fields[kind] for kind in ERRORS},
    )


def cookie_script(folder, path, servers, kind):
    """The comparison's requests: GET `path` with the cookie that a returning client would hold.

    "valid": dated an hour ahead, which both proxies accept and need not refresh; "refresh": dated a
    minute ago, so that every answer carries a new date; "none": a new client each time.
    """
    now = int(time.time())
    last = {"valid": now + 3600, "refresh": now - 60}.get(kind)
    cookies = [f"lbsessionid={s.cookie}|{date(last)}|{date(now)}" for s in servers] if last else [""]
    lines = []
    for cookie in cookies:
        headers = f'{{["Cookie"]="{cookie}"}}' if cookie else "{}"
        lines.append(f'  prepared[#prepared + 1] = wrk.format("GET", "{path}", {headers})')
    return write_script(os.path.join(folder, f"{kind}.lua"), "\n".join(lines))


def date(seconds):
    """A date in HAProxy's cookie form: units of four seconds, rounded up, five base64 digits."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    units = (seconds + 3) >> 2
    return "".join(digits[units >> shift & 63] for shift in (24, 18, 12, 6, 0))
