#!/usr/bin/env python3
"""What an idle client costs each proxy: memory for each of thousands of connections that say nothing.

    bench/idle/idle.py                                  8,000 clients, all three proxies, plain and TLS
    bench/idle/idle.py --proxies torii --plain          the part that a change of torii's parking moves
    bench/idle/idle.py --clients 4000 --driver epoll --limit-plain 512 --limit-tls 10240

Needs Debian's haproxy, nginx-light and openssl, and `cargo build --release` done.

Two kinds of idleness: "kept" clients had one request answered and keep their connection; "silent"
ones connected (with TLS: shook hands) and said nothing yet. Each row starts a fresh proxy, warms it
up, and reads its memory before the clients come, while they are idle, and after they left; the
figure is the difference of the first two over the number of clients. Memory is the proportional
set size of all the proxy's processes and threads once it no longer falls. What the kernel holds for
a socket is the same for all and not in it. A client counts only while its connection is open: a
proxy that closed one fails the run.
"""

import argparse
import contextlib
import os
import socket
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import origin, processes, proxies  # noqa: E402

NAMES = ("haproxy", "nginx", "torii")
KINDS = ("kept", "silent")
REQUEST = b"GET /256 HTTP/1.1\r\nHost: idle.example\r\n\r\n"
BODY_SIZE = 256
# No time-out may end a client while it is measured.
PATIENCE = 600
# Clients that come and go before the first reading, so that what the first ones allocate is not counted.
WARM_UP = 64
# The memory has settled once it did not fall for this long; torii gives back a part every ten seconds.
SETTLED_SECONDS = 12
SETTLE_LIMIT = 240
SAMPLE_SECONDS = 0.5
# A smaller fall is noise: pages shared with other processes count differently as those come and go.
SETTLED_KIB = 48


@dataclass
class Row:
    """One measurement."""

    proxy: str
    mode: str
    kind: str
    before_kib: int
    idle_kib: int
    after_kib: int
    settled_seconds: float  # from the last client's answer until the memory no longer fell
    clients: int

    def bytes_per_client(self):
        """The figure of the table."""
        return (self.idle_kib - self.before_kib) * 1024 / self.clients


def main():
    """Measures, prints the table. Exit status 1 if torii is above a limit that was asked for."""
    options = arguments()
    processes.require({"nginx", "openssl"} | (set(options.proxies) - {"torii"}))
    processes.stop_on_signals()
    processes.raise_descriptor_limit(20000)
    if "torii" in options.proxies and not os.access(options.torii, os.X_OK):
        sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
    print(f"{options.clients} idle clients, one worker, memory as proportional set size\n")
    columns = (
        "proxy | listener | clients are | before KiB | idle KiB | after KiB | settled after s | **bytes per client**"
    )
    print(f"| {columns} |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="torii-idle-") as folder, origin.origin(folder, None) as servers:
        rows = [
            show(measure(options, folder, servers, name, mode, kind))
            for mode in options.modes
            for kind in options.kinds
            for name in options.proxies
        ]
    sys.exit(1 if judge(rows, options) else 0)


def arguments():
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8000, help="idle connections (8000)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--plain", dest="modes", action="store_const", const=["plain"])
    mode.add_argument("--tls", dest="modes", action="store_const", const=["tls"])
    parser.add_argument("--kinds", default=",".join(KINDS), help="comma-separated, of kept silent")
    parser.add_argument("--proxies", default=",".join(NAMES), help="comma-separated, of haproxy nginx torii")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    parser.add_argument("--driver", default="auto", choices=["auto", "io_uring", "epoll"], help="torii's io.driver")
    parser.add_argument("--limit-plain", type=int, help="fail if torii takes more bytes for a plain client")
    parser.add_argument("--limit-tls", type=int, help="fail if torii takes more bytes for a TLS client")
    options = parser.parse_args()
    options.modes = options.modes or ["plain", "tls"]
    options.kinds = options.kinds.split(",")
    options.proxies = options.proxies.split(",")
    if not set(options.proxies) <= set(NAMES) or not set(options.kinds) <= set(KINDS):
        parser.error(f"--proxies takes {', '.join(NAMES)}; --kinds takes {', '.join(KINDS)}")
    if not 1 <= options.clients <= 19_000:
        parser.error("--clients goes from 1 to 19000: this process and the proxy have one descriptor for each")
    return options


def measure(options, folder, servers, name, mode, kind):
    """One fresh proxy, one crowd of clients. Gives the row."""
    with tempfile.TemporaryDirectory(dir=folder) as room:
        setup = proxies.Setup(
            folder=room,
            servers=servers,
            certificate=proxies.certificate(room),
            core=None,
            sink_port=None,
            torii=os.path.abspath(options.torii),
            driver=options.driver,
            connections=options.clients + 2 * WARM_UP,
            http_request=PATIENCE,
            keep_alive=PATIENCE,
            client=PATIENCE,
        )
        with proxies.proxy(name, setup) as proxy:
            port = proxy.tls if mode == "tls" else proxy.plain
            with crowd(port, mode, "kept", WARM_UP):
                pass
            before, _ = settled_memory(proxy)
            with crowd(port, mode, kind, options.clients) as clients:
                idle, seconds = settled_memory(proxy)
                check_open(clients, name)
            after, _ = settled_memory(proxy)
    return Row(name, mode, kind, before, idle, after, seconds, options.clients)


@contextlib.contextmanager
def crowd(port, mode, kind, count):
    """Opens that many idle clients for the length of a `with` block."""
    context = ssl._create_unverified_context() if mode == "tls" else None
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(client(port, context, kind)) for _ in range(count)]


def client(port, context, kind):
    """One connection, idle from now on."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    if context:
        connection = context.wrap_socket(connection)
    if kind == "kept":
        connection.sendall(REQUEST)
        read_answer(connection)
    return connection


def read_answer(connection):
    """Reads one whole answer of the known size, so that nothing of it is left on the way."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(answer.partition(b"\r\n\r\n")[2]) < BODY_SIZE:
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"expected an answer with status 200, got {answer[:80]!r}")


def settled_memory(proxy):
    """Memory in KiB once it has stopped falling, and the seconds until it had."""
    start = fallen = time.monotonic()
    lowest = now = processes.memory_kib(proxy.pid)
    while time.monotonic() - fallen < SETTLED_SECONDS and time.monotonic() - start < SETTLE_LIMIT:
        time.sleep(SAMPLE_SECONDS)
        now = processes.memory_kib(proxy.pid)
        if now < lowest - SETTLED_KIB:
            lowest, fallen = now, time.monotonic()
    return now, fallen - start


def check_open(clients, name):
    """Ends the script if the proxy has closed any of the connections."""
    closed = sum(1 for client in clients if is_closed(client))
    if closed:
        sys.exit(f"{name} closed {closed} of {len(clients)} idle clients: they cannot be counted")


def is_closed(client):
    """Whether the end of the stream has arrived. Unread TLS tickets are no end."""
    with socket.socket(fileno=os.dup(client.fileno())) as plain:
        plain.setblocking(False)
        try:
            return plain.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def show(row):
    """Prints a row as soon as it is there."""
    print(
        f"| {row.proxy} | {row.mode} | {row.kind} | {row.before_kib:,} | {row.idle_kib:,} | {row.after_kib:,} "
        f"| {row.settled_seconds:.0f} | **{row.bytes_per_client():,.0f}** |",
        flush=True,
    )
    return row


def judge(rows, options):
    """Prints what is above its limit; gives how many that are."""
    limits = {"plain": options.limit_plain, "tls": options.limit_tls}
    above = [r for r in rows if r.proxy == "torii" and limits[r.mode] and r.bytes_per_client() > limits[r.mode]]
    for row in above:
        print(f"FAILED: torii, {row.mode}, {row.kind}: {row.bytes_per_client():,.0f} B above {limits[row.mode]:,} B")
    return len(above)


if __name__ == "__main__":
    main()
