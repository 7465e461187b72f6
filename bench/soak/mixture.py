"""What the soak's clients do: the weighted mixture of requests for wrk, and transfers that break off.

Sizes run from 0 B to 1 MiB, bodies go both ways with a length and chunked, connections are kept and
not, cookies are valid, unknown, malformed and absent.
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys

# (weight, size name of the origin). Mean answer: about 9 KiB.
DOWNLOADS = ((14, "0"), (40, "256"), (18, "4k"), (10, "16k"), (4, "64k"), (1.2, "256k"), (0.4, "1m"))
UPLOAD_SIZES = (0, 1, 300, 4096, 70_000, 1_048_576)
UPLOAD_WEIGHTS = (2, 2, 4, 3, 1, 0.1)
PREPARED = 2000
SEED = 20260704


def lua(servers):
    """Lua that fills wrk's table of prepared requests. The same mixture at every run (fixed seed)."""
    chance = random.Random(SEED)
    lines = ["  local function body(size) return string.rep('t', size) end"]
    lines.append("  local function add(text) prepared[#prepared + 1] = text end")
    for _ in range(PREPARED):
        headers = {"Host": "soak.example", **cookie(chance, servers)}
        if chance.random() < 0.05:
            headers["Connection"] = "close"
        lines.append(upload(chance, headers) if chance.random() < 0.12 else download(chance, headers))
    return "\n".join(lines)


def cookie(chance, servers):
    """A Cookie header as clients of all ages send it, or none."""
    server = chance.choice(servers).cookie
    kinds = [
        None,
        f"lbsessionid={server}",
        f"a=1; lbsessionid={server}; b=2",
        f"lbsessionid={server}|AAAAB|AAAAB",
        "lbsessionid=gone",
        "lbsessionid=",
        "theme=dark; language=en",
    ]
    value = chance.choices(kinds, (4, 4, 2, 1, 0.5, 0.2, 1))[0]
    return {"Cookie": value} if value else {}


def download(chance, headers):
    """One GET or HEAD-like request line; a third of the answers are chunked."""
    name = chance.choices([name for _, name in DOWNLOADS], [weight for weight, _ in DOWNLOADS])[0]
    path = f"/chunked/{name}" if chance.random() < 0.33 and name != "0" else f"/{name}"
    return f"  add(wrk.format('GET', '{path}', {table(headers)}))"


def upload(chance, headers):
    """One POST, by length or in chunks of uneven size."""
    size = chance.choices(UPLOAD_SIZES, UPLOAD_WEIGHTS)[0]
    if chance.random() < 0.5:
        return f"  add(wrk.format('POST', '/upload', {table(headers)}, body({size})))"
    head = "".join(f"{name}: {value}\\r\\n" for name, value in headers.items())
    chunks = []
    while size > 0:
        piece = min(size, chance.choice((1, 7, 1000, 16_384, 65_536)) if len(chunks) < 40 else size)
        chunks.append(f"'{piece:x}\\r\\n' .. body({piece}) .. '\\r\\n'")
        size -= piece
    parts = " .. ".join([*chunks, "'0\\r\\n\\r\\n'"])
    return f"  add('POST /upload HTTP/1.1\\r\\n{head}Transfer-Encoding: chunked\\r\\n\\r\\n' .. {parts})"


def table(headers):
    """A Lua table of headers."""
    return "{" + ", ".join(f"['{name}']='{value}'" for name, value in headers.items()) + "}"


# ---- clients that break off ----

BREAKS = ("silent", "half_head", "half_upload", "half_chunk", "mid_download", "reset", "half_close")


class Aborter:
    """A process that opens connections to the plain listener and breaks them off, about 100 a second."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        command = [sys.executable, os.path.abspath(__file__), str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return self

    def finish(self):
        """Stops it; gives how many of each kind it did."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=30)
        return json.loads(output) if output else {}

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def abort_forever(port):
    """Until SIGTERM; then prints the counts as JSON."""
    counts = dict.fromkeys((*BREAKS, "refused"), 0)
    chance = random.Random(SEED)
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    while not stopping:
        kind = chance.choice(BREAKS)
        try:
            break_off(port, kind, chance)
            counts[kind] += 1
        except ConnectionRefusedError:
            counts["refused"] += 1
        except OSError:
            counts[kind] += 1  # the proxy was quicker to close: also a way to end
        signal.sigtimedwait([], 0.01)
    print(json.dumps(counts))


def break_off(port, kind, chance):
    """One connection that ends badly."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        host = b"Host: soak.example\r\n"
        if kind == "half_head":
            request = b"GET /256 HTTP/1.1\r\n" + host + b"Cookie: lbsessionid=w01\r\n\r\n"
            connection.sendall(request[: chance.randrange(1, len(request) - 2)])
        elif kind == "half_upload":
            connection.sendall(b"POST /upload HTTP/1.1\r\n" + host + b"Content-Length: 100000\r\n\r\n" + b"t" * 30000)
        elif kind == "half_chunk":
            connection.sendall(b"POST /upload HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n")
            connection.sendall(b"1000\r\n" + b"t" * 100)
        elif kind in ("mid_download", "reset"):
            connection.sendall(b"GET /1m HTTP/1.1\r\n" + host + b"\r\n")
            connection.recv(chance.choice((1, 1000, 20_000)))
        elif kind == "half_close":
            connection.sendall(b"GET /16k HTTP/1.1\r\n" + host + b"\r\n")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


if __name__ == "__main__":
    abort_forever(int(sys.argv[1]))
