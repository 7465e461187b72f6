#!/usr/bin/env python3
"""A flood of TLS handshakes: do clients that are connected already keep their rate?

    bench/slow/flood.py                                  torii
    bench/slow/flood.py --proxies haproxy,nginx,torii    all three

Needs Debian's nginx-light and openssl (haproxy to compare), and `cargo build --release` done.

The flood opens connections as fast as a core allows, says a ClientHello on each and closes it: at once
("leave"), or once the proxy has answered, which costs it the whole arithmetic ("take"). Beside it a
client sends at a fixed rate over connections that it had before, one request after the other, to the
proxy and as a control straight to the server in turn. The figure is the part of its rate that it keeps.
The proxy has a core to itself, everything else shares another; proxy, server and well-behaved client
run with real-time priority where root may ask for it.
"""

import argparse
import os
import select
import socket
import ssl
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import slow  # noqa: E402
from rig import origin, processes, proxies  # noqa: E402

KINDS = ("leave", "take")
# Of the well-behaved client's requests in a second, what has to be left of it.
KEPT = 0.8
QUIET_SECONDS = 8
# Handshakes under way at once.
OPEN = 512


def main():
    """Floods, prints the table. Exit status 1 if torii's established clients lose too much."""
    if sys.argv[1:2] == ["attack"]:
        return attack(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
    options = arguments()
    processes.require({"nginx", "openssl", "taskset"} | (set(options.proxies) - {"torii"}))
    processes.stop_on_signals()
    print(f"A flood of handshakes for {options.seconds} s beside {slow.STEADY_RATE} requests a second, one worker\n")
    print("| proxy | flood | hellos a second | rate kept | p99 ms quiet / during | without proxy ms |")
    print("|---|---|---|---|---|---|", flush=True)
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="torii-flood-") as folder,
        origin.origin(folder, options.client_core, ahead=True) as servers,
    ):
        for name in options.proxies:
            for kind in KINDS:
                kept = measure(options, folder, servers, name, kind)
                failed |= name == "torii" and kept < KEPT
    sys.exit(1 if failed else 0)


def arguments():
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="length of a flood (10)")
    parser.add_argument("--proxies", default="torii", help="comma-separated, of haproxy nginx torii (torii)")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    options = parser.parse_args()
    options.proxies = options.proxies.split(",")
    if not set(options.proxies) <= set(slow.NAMES):
        parser.error(f"--proxies takes {', '.join(slow.NAMES)}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("this needs two cores: one for the proxy alone, one for everything else")
    options.client_core, options.proxy_core = cores[0], cores[-1]
    return options


def measure(options, folder, servers, name, kind):
    """One fresh proxy: quiet, then flooded. Prints the row, gives the part of the rate that was kept."""
    with tempfile.TemporaryDirectory(dir=folder) as room:
        setup = proxies.Setup(
            folder=room,
            servers=servers,
            certificate=proxies.certificate(room),
            core=options.proxy_core,
            sink_port=None,
            torii=os.path.abspath(options.torii),
            driver="auto",
            ahead=True,
            connections=4 * OPEN,
        )
        samples, told = os.path.join(room, "steady"), os.path.join(room, "flood.log")
        with proxies.proxy(name, setup) as proxy:
            command = [sys.executable, slow.STEADY, proxy.tls, "tls", servers[0].port, slow.STEADY_RATE, samples]
            log = os.path.join(room, "steady.log")
            with processes.running(command, options.client_core, log, ahead=True) as steady:
                time.sleep(QUIET_SECONDS)
                start = time.time()
                flood = [sys.executable, os.path.abspath(__file__), "attack", proxy.tls, kind, options.seconds]
                with processes.running(flood, options.client_core, told) as attacker:
                    attacker.wait(timeout=options.seconds + 30)
                end = time.time()
                processes.stop(steady)
        timed = slow.read_samples(samples)
        hellos = float(processes.tail(told, 40))
    quiet = [sample for sample in timed if start - QUIET_SECONDS + 2 <= sample[0] < start]
    # Counted by when they were answered: a request that is late takes the place of the next one.
    answered = sum(1 for due, ms, _ in timed if start <= due + ms / 1000 < end)
    kept = answered / (end - start) / slow.STEADY_RATE
    during = [sample for sample in timed if start <= sample[0] < end]
    tails = [
        slow.pair([slow.p99([ms for _, ms, to in part if to == target]) for part in (quiet, during)])
        for target in ("proxy", "server")
    ]
    print(f"| {name} | {kind} | {hellos:,.0f} | **{kept:.2f}** | {tails[0]} | {tails[1]} |", flush=True)
    return kept


def attack(port, kind, seconds):
    """Floods for that long, then prints the hellos sent in a second."""
    hello = client_hello()
    poll, flooding, count = select.epoll(), {}, 0
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        while len(flooding) < OPEN:
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", port))
            poll.register(connection, select.EPOLLOUT)
            flooding[connection.fileno()] = connection
        for descriptor, events in poll.poll(end - now):
            connection = flooding[descriptor]
            if events == select.EPOLLOUT:
                connection.send(hello)
                count += 1
                if kind == "take":
                    poll.modify(descriptor, select.EPOLLIN)
                    continue
            poll.unregister(descriptor)
            flooding.pop(descriptor).close()
    print(count / seconds)


def client_hello():
    """What Python's TLS says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl._create_unverified_context().wrap_bio(incoming, outgoing, server_hostname="flood.example")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


if __name__ == "__main__":
    main()
