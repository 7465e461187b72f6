#!/usr/bin/env python3
"""Thousands of slow clients at once: does a well-behaved one on the same listener notice?

    bench/slow/slow.py                                   torii, every attack, plain and TLS, 4,000 clients
    bench/slow/slow.py --proxies haproxy,nginx,torii     the same for all three
    bench/slow/slow.py --modes H,B --plain --connections 1000

Needs Debian's slowhttptest, nginx-light and openssl (haproxy to compare), and `cargo build --release` done.

The attacks are slowhttptest's: H sends a header line every few seconds and never ends the head, B does
the same with a body, R asks for thousands of overlapping ranges, X reads a large answer a few bytes at
a time through a tiny window. Beside them a client sends at a fixed rate; its p99 is taken before and
during, and may at most double. In turn the same client asks the server itself: by as much as that p99
rises, the attacker's own work slows down client and server, and so much more is allowed.

Memory (proportional set size) and descriptors are read before, at their peak, and once the attack is
over. "gone after" is when the proxy held no attacker any more, counted from the moment when it held
most; a dash says that the attack ended first, so the proxy would have held them longer. The proxy has
a core to itself, everything else shares another. Proxy, server and well-behaved client run with
real-time priority where root may ask for it, so that what they are slowed by is the attack, not other
work on the machine.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import origin, processes, proxies  # noqa: E402

NAMES = ("haproxy", "nginx", "torii")
# slowhttptest's arguments for each attack, and the page it asks for.
ATTACKS = {
    "H": (["-H", "-i", "4", "-x", "24"], "/256"),
    "B": (["-B", "-i", "4", "-x", "24", "-s", "8192"], "/upload"),
    "R": (["-R", "-a", "10", "-b", "3000"], "/256"),
    "X": (["-X", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-k", "3"], "/1m"),
}
# New attackers a second.
RATE = 500
# Requests a second of the well-behaved client, to proxy and server together.
STEADY_RATE = 600
QUIET_SECONDS = 15
# What may be open beside attackers: the steady client's connections and those to the servers.
DESCRIPTORS_ELSE = 48
SETTLE_LIMIT = 90
# Pause between two readings of the memory during an attack; a reading delays the proxy a little.
MEMORY_SECONDS = 10
STEADY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "steady.py")


@dataclass
class Row:
    """One attack on one listener of one proxy."""

    proxy: str
    mode: str
    attack: str
    proxy_ms: tuple  # p99 quiet, during
    server_ms: tuple  # the same without a proxy
    failed: int
    held: int
    gone_after: float | None
    memory_kib: tuple  # before, peak, after
    descriptors: tuple  # before, after

    def faults(self, options):
        """What must hold and does not."""
        found = []
        (quiet, during), (server_quiet, server_during) = self.proxy_ms, self.server_ms
        if during >= 2 * quiet * max(1, server_during / server_quiet):
            found.append(f"p99 {during:.2f} ms, quiet {quiet:.2f} ms")
        if self.failed:
            found.append(f"{self.failed} well-behaved requests failed")
        if self.gone_after is None:
            found.append("attackers were not closed")
        if self.memory_kib[2] > self.memory_kib[0] + options.memory_growth_kib:
            found.append(f"memory {self.memory_kib[0]} KiB before, {self.memory_kib[2]} KiB after")
        if self.descriptors[1] > self.descriptors[0] + DESCRIPTORS_ELSE:
            found.append(f"{self.descriptors[0]} descriptors before, {self.descriptors[1]} after")
        return found


def main():
    """Runs the attacks, prints the table. Exit status 1 if something that must hold for torii does not."""
    options = arguments()
    processes.require({"nginx", "openssl", "slowhttptest", "taskset"} | (set(options.proxies) - {"torii"}))
    processes.stop_on_signals()
    if "torii" in options.proxies and not os.access(options.torii, os.X_OK):
        sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
    print(f"{options.connections} slow clients, one worker")
    print("p99 quiet / during; memory in KiB before / peak / after; descriptors before / after\n")
    columns = "proxy | listener | attack | p99 ms | without proxy ms | held | gone after s | memory | descriptors"
    print(f"| {columns} |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    faults = []
    with (
        tempfile.TemporaryDirectory(prefix="torii-slow-") as folder,
        origin.origin(folder, options.client_core, ahead=True) as servers,
    ):
        for name in options.proxies:
            for mode in options.modes:
                for attack in options.attacks:
                    row = measure(options, folder, servers, name, mode, attack)
                    show(row)
                    if name == "torii":
                        faults += [f"torii, {mode}, {attack}: {fault}" for fault in row.faults(options)]
    for fault in faults:
        print(f"FAILED: {fault}")
    sys.exit(1 if faults else 0)


def arguments():
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=4000, help="slow clients (4000)")
    parser.add_argument("--seconds", type=int, default=120, help="an attack is given up after this long (120)")
    parser.add_argument("--modes", dest="attacks", default=",".join(ATTACKS), help="comma-separated, of H B R X")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--plain", dest="modes", action="store_const", const=["plain"])
    mode.add_argument("--tls", dest="modes", action="store_const", const=["tls"])
    parser.add_argument("--proxies", default="torii", help="comma-separated, of haproxy nginx torii (torii)")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    parser.add_argument("--driver", default="auto", choices=["auto", "io_uring", "epoll"], help="torii's io.driver")
    parser.add_argument("--memory-growth-kib", type=int, default=8192, help="bound of memory after an attack (8192)")
    options = parser.parse_args()
    options.modes = options.modes or ["plain", "tls"]
    options.proxies = options.proxies.split(",")
    options.attacks = options.attacks.split(",")
    if not set(options.proxies) <= set(NAMES) or not set(options.attacks) <= set(ATTACKS):
        parser.error(f"--proxies takes {', '.join(NAMES)}; --modes takes {', '.join(ATTACKS)}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("this needs two cores: one for the proxy alone, one for everything else")
    options.client_core, options.proxy_core = cores[0], cores[-1]
    return options


def measure(options, folder, servers, name, mode, attack):
    """One fresh proxy: quiet, attack, quiet again. Gives the row."""
    with tempfile.TemporaryDirectory(dir=folder) as room:
        setup = proxies.Setup(
            folder=room,
            servers=servers,
            certificate=proxies.certificate(room),
            core=options.proxy_core,
            sink_port=None,
            torii=os.path.abspath(options.torii),
            driver=options.driver,
            ahead=True,
            connections=2 * options.connections,
        )
        with proxies.proxy(name, setup) as proxy:
            samples = os.path.join(room, "steady")
            port = proxy.tls if mode == "tls" else proxy.plain
            command = [sys.executable, STEADY, port, mode, servers[0].port, STEADY_RATE, samples]
            with processes.running(
                command, options.client_core, os.path.join(room, "steady.log"), ahead=True
            ) as steady:
                time.sleep(QUIET_SECONDS)
                before = reading(proxy)
                start = time.time()
                peak, gone_after = drive(options, proxy, mode, attack, before, room)
                end = time.time()
                after = settled(proxy, before, options)
                processes.stop(steady)
            timed = read_samples(samples)
    p99s = {
        target: (
            p99([ms for due, ms, to in timed if to == target and start - QUIET_SECONDS + 2 <= due < start]),
            p99([ms for due, ms, to in timed if to == target and start <= due < end]),
        )
        for target in ("proxy", "server")
    }
    return Row(
        proxy=name,
        mode=mode,
        attack=attack,
        proxy_ms=p99s["proxy"],
        server_ms=p99s["server"],
        failed=sum(1 for _, ms, _ in timed if ms == float("inf")),
        held=max(0, peak[1] - before[1]),
        gone_after=gone_after,
        memory_kib=(before[0], peak[0], after[0]),
        descriptors=(before[1], after[1]),
    )


def reading(proxy):
    """Memory and descriptors."""
    with processes.briefly_ahead():
        return processes.memory_kib(proxy.pid), processes.descriptor_count(proxy.pid)


def drive(options, proxy, mode, attack, before, room):
    """Runs slowhttptest to its end. Gives the highest reading, and when the proxy had closed all attackers."""
    arguments, path = ATTACKS[attack]
    # Other work on the machine must not hold the attack back either.
    command = (["nice", "-n", "-10"] if os.geteuid() == 0 else []) + [
        "taskset",
        "-c",
        str(options.client_core),
        "slowhttptest",
        *arguments,
    ]
    command += ["-c", str(options.connections), "-r", str(RATE), "-l", str(options.seconds)]
    command += ["-u", proxy.url(mode == "tls", path)]
    log = os.path.join(room, "slowhttptest.log")
    memory, descriptors, peak_at, gone_after = 0, 0, time.monotonic(), None
    read_at = time.monotonic()
    # Without an end of attackers before that moment the attack is still growing.
    grown = time.monotonic() + options.connections / RATE
    with processes.running(command, None, log) as attacker:
        while attacker.poll() is None:
            time.sleep(0.5)
            now = processes.descriptor_count(proxy.pid)
            if now > descriptors:
                descriptors, peak_at = now, time.monotonic()
            if time.monotonic() > read_at + MEMORY_SECONDS:
                memory, read_at = max(memory, reading(proxy)[0]), time.monotonic()
            gone = now <= before[1] + DESCRIPTORS_ELSE and time.monotonic() > grown
            if gone and gone_after is None and attacker.poll() is None:
                gone_after = time.monotonic() - peak_at
    if gone_after is None and "No open connections left" in re.sub(r"\x1b\[[0-9;]*m", "", processes.tail(log, 400)):
        gone_after = time.monotonic() - peak_at
    return (memory, descriptors), gone_after


def settled(proxy, before, options):
    """The reading once memory and descriptors are back, or when there is no more waiting for it."""
    deadline = time.monotonic() + SETTLE_LIMIT
    while True:
        time.sleep(2)
        now = reading(proxy)
        back = now[0] <= before[0] + options.memory_growth_kib // 2 and now[1] <= before[1] + DESCRIPTORS_ELSE
        if back or time.monotonic() > deadline:
            return now


def read_samples(path):
    """(due, milliseconds, whom it went to) of each request."""
    with open(path) as lines:
        fields = (line.split() for line in lines)
        return [(float(due), float(milliseconds), target) for due, milliseconds, target in fields]


def p99(milliseconds):
    """The 99th percentile."""
    if not milliseconds:
        sys.exit("the well-behaved client has no samples")
    return sorted(milliseconds)[int(len(milliseconds) * 0.99)]


def pair(milliseconds):
    """Quiet and during."""
    return f"{milliseconds[0]:.2f} / {milliseconds[1]:.2f}"


def show(row):
    """Prints a row as soon as it is there."""
    gone = "–" if row.gone_after is None else f"{row.gone_after:.0f}"
    memory = " / ".join(f"{value:,}" for value in row.memory_kib)
    print(
        f"| {row.proxy} | {row.mode} | {row.attack} | {pair(row.proxy_ms)} | {pair(row.server_ms)} "
        f"| {row.held:,} | {gone} "
        f"| {memory} | {row.descriptors[0]} / {row.descriptors[1]} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
