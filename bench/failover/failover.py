#!/usr/bin/env python3
"""How long a client sees nothing when the shared address changes hands: keepalived + HAProxy, and torii.

    bench/failover/failover.py                                    every cell of the table, 30 runs each
    bench/failover/failover.py --subjects torii-10ms --events kill --runs 5
    bench/failover/failover.py --no-false-failover 10             ten minutes of full load at 10 ms adverts
    bench/failover/failover.py --table                            the table of what has been measured so far

Needs root (for network namespaces), Debian's keepalived, haproxy, nginx-light, iproute2, wrk and tcpdump,
and `cargo build --release` done.

A client opens a connection through the shared address every 5 ms, with one request on each. The gap is the
time from the last good answer to the next one, around the event. A connection has failed when it was
refused, reset, closed without an answer, or had none after five seconds. The events:

    planned    keepalived is stopped on the active node; `torii failover`
    kill       SIGKILL to HAProxy, or to torii, on the active node
    cut        the active node's cable is pulled

Results are kept in a file after each run; a run that was broken off goes on where it was. Two nodes, the
servers and the client share this machine: measure when it has nothing else to do.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import loaded  # noqa: E402
import network  # noqa: E402
import results  # noqa: E402
import subjects  # noqa: E402
from rig import processes  # noqa: E402

PERIOD_MS = 5
# Visits before the event, for the gap of undisturbed service, and after the address has moved.
QUIET_SECONDS = 1.0
AFTER_SECONDS = 1.5
# A check script runs every two seconds: the event may fall anywhere between two runs.
PHASE_SECONDS = 2.0
VISITOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "visitor.py")


def main():
    """Measures what is asked for and not there yet."""
    options = arguments()
    kept = results.Results(options.results)
    if not options.table:
        programs = {"ip", "keepalived", "haproxy", "nginx"}
        processes.require(programs | ({"wrk", "tcpdump"} if options.no_false_failover else set()))
        processes.stop_on_signals()
        if options.torii_needed and not os.access(options.torii, os.X_OK):
            sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
        with tempfile.TemporaryDirectory(prefix="torii-failover-") as folder, network.network() as net:
            with subjects.web_servers(net, folder):
                if options.no_false_failover:
                    loaded.measure(options, net, folder, kept)
                else:
                    measure_all(options, net, folder, kept)
    print(loaded.table(kept.document["loaded"]) if options.no_false_failover else kept.table())


def arguments():
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30, help="runs of each cell (30)")
    parser.add_argument("--subjects", default=",".join(subjects.SUBJECTS), help="comma-separated")
    parser.add_argument("--events", default=",".join(results.EVENTS), help="comma-separated")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    parser.add_argument("--threads", type=int, default=2, help="workers of a torii, threads of a HAProxy (2)")
    parser.add_argument("--results", default="target/failover.json", help="file that runs are kept in")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--no-false-failover", type=float, metavar="MINUTES", help="load without any event")
    parser.add_argument("--kind", default="torii", choices=["torii", "keepalived"], help="the pair under load (torii)")
    parser.add_argument("--interval-ms", type=int, default=10, help="adverts' interval under load (10)")
    options = parser.parse_args()
    options.subjects = options.subjects.split(",")
    options.events = options.events.split(",")
    if not set(options.subjects) <= set(subjects.SUBJECTS) or not set(options.events) <= set(results.EVENTS):
        parser.error(f"--subjects takes {', '.join(subjects.SUBJECTS)}; --events takes {', '.join(results.EVENTS)}")
    options.torii = os.path.abspath(options.torii)
    wanted = [options.kind] if options.no_false_failover else options.subjects
    options.torii_needed = any(name.startswith("torii") for name in wanted)
    return options


def measure_all(options, net, folder, kept):
    """Every cell that lacks runs; one pair of processes serves all events of a subject."""
    for name in options.subjects:
        missing = [event for event in options.events if len(kept.runs(name, event)) < options.runs]
        if not missing:
            continue
        with tempfile.TemporaryDirectory(dir=folder) as room:
            with subjects.pair(name, net, room, options.torii, options.threads) as pair:
                for event in missing:
                    while len(kept.runs(name, event)) < options.runs:
                        run = measure(net, room, pair, event)
                        kept.add(name, event, run)
                        number = len(kept.runs(name, event))
                        print(f"{name} {event} {number}: {json.dumps(run)}", file=sys.stderr, flush=True)


def measure(net, room, pair, event):
    """One run: node a is active, the event happens, node b is active, and everything goes back."""
    cause, undo = {
        "planned": (pair.hand_over, pair.take_back),
        "kill": (pair.kill_proxy, pair.revive_proxy),
        "cut": (lambda: net.cut("a"), lambda: net.mend("a")),
    }[event]
    path = os.path.join(room, "visits.json")
    arguments = [sys.executable, VISITOR, network.SHARED, subjects.PORT, PERIOD_MS, path]
    with processes.running(net.inside("client", arguments), None, os.path.join(room, "visitor.log")) as visitor:
        time.sleep(QUIET_SECONDS + random.uniform(0, PHASE_SECONDS))
        at = time.monotonic()
        cause()
        # Nothing else runs while the short gaps are measured; afterwards looking does not disturb.
        time.sleep(AFTER_SECONDS)
        if not net.has("b"):
            processes.wait_for(lambda: rarely(net.has, "b"), f"node b to take over after {event}", 60, pair.log("b"))
            time.sleep(AFTER_SECONDS)
        visitor.terminate()
        visitor.wait(30)
    with open(path) as file:
        run = results.of_run(json.load(file), at)
    undo()
    pair.wait_for_owner("a", 60)
    return run


def rarely(look, *arguments):
    """A look that takes its time, so that a wait of seconds costs the measurement nothing."""
    time.sleep(0.2)
    return look(*arguments)


if __name__ == "__main__":
    main()
