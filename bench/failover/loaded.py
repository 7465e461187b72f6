"""Minutes of full load on a pair: does the standby ever believe that the active node is gone?

Used by failover.py. Both cores are filled by wrk through the shared address. tcpdump keeps every advert
that each node sends, with the kernel's time; an advert by the standby, or a change of the address's
owner, is a false failover. The lengths between the active node's adverts say how near it came.
"""

import json
import os
import struct
import sys
import tempfile
import time

from network import SHARED
from subjects import PORT, SUBJECTS, Timing, pair

from rig import processes

CONNECTIONS = 128
PCAP_HEAD = 24
PCAP_RECORD = 16


def measure(options, net, folder, kept):
    """One run; its figures are kept. Exit status 1 if there was a false failover."""
    name = f"{options.kind}-{options.interval_ms}ms"
    SUBJECTS[name] = (options.kind, Timing(3, options.interval_ms))
    seconds = int(options.no_false_failover * 60)
    with tempfile.TemporaryDirectory(dir=folder) as room:
        with pair(name, net, room, options.torii, options.threads) as subject:
            time.sleep(2)
            with listener(net, room, "a"), listener(net, room, "b"):
                time.sleep(1)
                wrk = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", f"http://{SHARED}:{PORT}/"]
                log = os.path.join(room, "wrk.log")
                with processes.running(net.inside("client", wrk), None, log) as load:
                    owners = watch(net, load, seconds)
                time.sleep(1)
            status = json.loads(subject.command("a", "status", "--json").stdout) if options.kind == "torii" else None
        run = figures(adverts(room, "a"), adverts(room, "b"), options.interval_ms)
        run |= {"kind": options.kind, "minutes": seconds / 60, "owners": owners, "requests_per_second": rate(log), "status": status}
    kept.add_loaded(run)
    if run["standby_adverts"] or owners != ["a"]:
        print(table(kept.document["loaded"]))
        sys.exit(f"false failover: {run['standby_adverts']} adverts by the standby, owners seen: {owners}")


def listener(net, room, node):
    """tcpdump on a node's port, for what the node sends."""
    path = os.path.join(room, f"{node}.pcap")
    words = ["tcpdump", "-i", f"port-{node}", "-Q", "in", "-U", "-w", path, "ip proto 112"]
    return processes.running(net.inside("lan", words), None, os.path.join(room, f"{node}.tcpdump.log"))


def watch(net, load, seconds):
    """Every owner of the address seen until the load ends, in order and without repetition."""
    seen = []
    deadline = time.monotonic() + seconds + 60
    while load.poll() is None and time.monotonic() < deadline:
        seen.extend(owner for owner in net.owners() if owner not in seen)
        time.sleep(0.5)
    return seen


def adverts(room, node):
    """Times of the adverts in a capture file, in seconds."""
    with open(os.path.join(room, f"{node}.pcap"), "rb") as file:
        data = file.read()
    times = []
    at = PCAP_HEAD
    while at + PCAP_RECORD <= len(data):
        second, microsecond, length, _ = struct.unpack_from("=IIII", data, at)
        times.append(second + microsecond / 1e6)
        at += PCAP_RECORD + length
    return times


def figures(active, standby, interval_ms):
    """What the two captures say."""
    gaps = sorted((later - earlier) * 1000 for earlier, later in zip(active, active[1:]))
    share = lambda part: round(gaps[min(len(gaps) - 1, int(part * len(gaps)))], 3)  # noqa: E731
    return {
        "interval_ms": interval_ms,
        "adverts": len(active),
        "standby_adverts": len(standby),
        "advert_gap_ms": {"median": share(0.5), "p99": share(0.99), "p999": share(0.999), "most": share(1.0)},
    }


def rate(log):
    """Requests per second that wrk says it made."""
    with open(log) as file:
        lines = [line.split() for line in file if line.startswith("Requests/sec:")]
    return float(lines[0][1]) if lines else 0.0


def table(runs):
    """Markdown: a row for each run."""
    lines = [
        "| pair | adverts every ms | minutes | requests/s | adverts | by the standby | between adverts ms: median | 99th "
        "| 99.9th | most | timer lag µs, 99th / most |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        gap = run["advert_gap_ms"]
        lines.append(
            f"| {run['kind']} | {run['interval_ms']} | {run['minutes']:g} | {run['requests_per_second']:,.0f} | {run['adverts']:,} "
            f"| {run['standby_adverts']} | {gap['median']} | {gap['p99']} | {gap['p999']} | {gap['most']} "
            f"| {lag(run)} |"
        )
    return "\n".join(lines)


def lag(run):
    """How late the timers of torii's own thread were, as its status says."""
    if not run["status"]:
        return "–"
    timer_lag = run["status"]["pair"]["timer_lag"]
    return f"{timer_lag['p99_us']:,} / {timer_lag['max_us']:,}"
