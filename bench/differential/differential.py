#!/usr/bin/env python3
"""The same odd requests through torii, HAProxy and nginx to a server that records every byte.

    bench/differential/differential.py                          10,000 requests, seed 1
    bench/differential/differential.py --requests 300 --seed 7  a short look
    bench/differential/differential.py --only "chunk line end"  one class, every case printed
    bench/differential/differential.py --table                  what is taken differently, as a Markdown table

Needs Debian's haproxy and nginx-light, and `cargo build --release` done.

Each case is a valid request with one to three oddities (the `odd_*` modules), sent in one write with a
plain request behind it. For each proxy it is recorded which requests the server got, how they were
framed, what was in their bodies, and what the client was answered. `verdict.py` says what is in
order: torii may refuse more than the others; where it forwards, it has to forward what at least one
of them does, and the server has to get plain messages only. The exit status is 1 if a case breaks that.
"""

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import odd_chunks  # noqa: E402, F401  (the four add to the catalogue)
import odd_fields  # noqa: E402, F401
import odd_framing  # noqa: E402, F401
import odd_start  # noqa: E402, F401
import plain  # noqa: E402
import recorder  # noqa: E402
import report  # noqa: E402
import sender  # noqa: E402
import shapes  # noqa: E402
import verdict  # noqa: E402
from catalogue import CATALOGUE  # noqa: E402
from rig import processes  # noqa: E402

NAMES = ("torii", "haproxy", "nginx")
# Cases under way at each proxy.
PARALLEL = 24
# Silence after which a proxy is taken to wait for more, and the same where a case is looked at again.
QUIET, QUIET_AGAIN = 0.5, 3.0
# Time for what is still under way between proxy and server when the last client has left.
SETTLE = 2.0
# A case that cannot be broken down further than this is reported as it is.
AGAIN_MAX = 200
LOG_SERVER = re.compile(r" origin/origin ")


def main():
    """Runs all cases, prints the report. Exit status 1 if torii forwarded what it should not."""
    options = arguments()
    processes.require({"haproxy", "nginx"})
    processes.stop_on_signals()
    if not os.access(options.torii, os.X_OK):
        sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
    with tempfile.TemporaryDirectory(prefix="torii-differential-") as folder:
        results = asyncio.run(Run(folder, options).everything())
    sys.exit(1 if report.show(results, options) else 0)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000, help="cases (10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same cases (1)")
    parser.add_argument(
        "--only", choices=sorted(CATALOGUE), metavar="CLASS", help="cases of this class alone, all printed"
    )
    parser.add_argument("--table", action="store_true", help="print the classes as a Markdown table")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    options = parser.parse_args()
    options.torii = os.path.abspath(options.torii)
    return options


@dataclasses.dataclass
class Result:
    """One case and what became of it."""

    case: shapes.Case
    marker: str
    sent: bytes
    outcomes: dict
    verdict: verdict.Verdict


class Run:
    """Proxies, recorders and cases of one run."""

    def __init__(self, folder, options):
        self.folder = folder
        self.options = options
        self.recorders = {name: recorder.Recorder() for name in NAMES}
        self.ports = {}
        self.number = 0

    async def everything(self):
        """All results."""
        async with contextlib.AsyncExitStack() as stack:
            processes_by_name = {}
            for name in NAMES:
                origin = await stack.enter_async_context(self.recorders[name].listening())
                running = plain.proxy(name, self.folder, origin.port, self.options.torii)
                self.ports[name], processes_by_name[name] = stack.enter_context(running)
            catalogue = {self.options.only: CATALOGUE[self.options.only]} if self.options.only else CATALOGUE
            cases = list(shapes.generate(self.options.seed, self.options.requests, catalogue))
            results = await self.run(cases, QUIET)
            results = await self.look_again(results)
            await asyncio.to_thread(processes.stop, processes_by_name["torii"], 40)
        return results + self.unlogged(results)

    async def run(self, cases, quiet):
        """Runs cases side by side; judges them when everything has arrived."""
        gate = asyncio.Semaphore(PARALLEL)
        prepared = []
        for case in cases:
            self.number += 1
            marker = f"id{self.number:06}z"
            prepared.append((case, marker, case.build(marker, CATALOGUE)))

        async def one(marker, data):
            async with gate:
                answers = await asyncio.gather(*(sender.send(self.ports[n], data, marker, quiet) for n in NAMES))
            return dict(zip(NAMES, answers))

        answers = await asyncio.gather(*(one(marker, request.render()) for _, marker, request in prepared))
        await asyncio.sleep(SETTLE)
        messages = {name: self.by_marker(name) for name in NAMES}
        return [
            self.judged(case, marker, request, answer, messages)
            for (case, marker, request), answer in zip(prepared, answers)
        ]

    def judged(self, case, marker, request, answers, messages):
        """One result."""
        outcomes = {name: verdict.Outcome(messages[name].get(marker, []), answers[name]) for name in NAMES}
        payload = request.payload if request.chunks is None else b"".join(chunk.data for chunk in request.chunks)
        return Result(case, marker, request.render(), outcomes, verdict.judge(outcomes, payload))

    def by_marker(self, name):
        """Recorded messages by the case they name. One that names none is kept under the empty string."""
        found = collections.defaultdict(list)
        for message in self.recorders[name].messages:
            for marker in message.markers() or [b""]:
                found[f"id{marker.decode()}z" if marker else ""].append(message)
        return found

    async def look_again(self, results):
        """Repeats alone what looks wrong, with more patience; and looks which oddity of several is the cause."""
        again = []
        for index, result in enumerate(results):
            if result.verdict.faults and len(again) < AGAIN_MAX:
                again.append(index)
        for index in again:
            results[index] = (await self.run([results[index].case], QUIET_AGAIN))[0]
        known = {(r.case.names(), tuple(r.verdict.words.values())) for r in results if len(r.case.mutations) == 1}
        parts, owners = [], []
        for index, result in enumerate(results):
            words = tuple(result.verdict.words.values())
            names = result.case.names()
            if len(names) == 1 or not result.verdict.faults and any(((name,), words) in known for name in names):
                continue
            for mutation in result.case.mutations:
                base = CATALOGUE[mutation[0]].base or result.case.base
                parts.append(dataclasses.replace(result.case, base=base, mutations=(mutation,)))
                owners.append(index)
        by_owner = collections.defaultdict(list)
        for single, index in zip(await self.run(parts, QUIET), owners):
            by_owner[index].append(single)
        for index, singles in by_owner.items():
            if verdict.explained(results[index], singles):
                results[index].verdict.faults.clear()
            same = [single for single in singles if single.verdict.words == results[index].verdict.words]
            if same and not results[index].verdict.faults:
                results[index] = same[0]
        return results

    def unlogged(self, results):
        """Results again whose requests at the server are more than the lines in torii's log."""
        lines = collections.Counter()
        with open(os.path.join(self.folder, "access.log"), encoding="latin-1") as log:
            for line in log:
                if LOG_SERVER.search(line):
                    lines.update(set(recorder.MARKER.findall(line.encode("latin-1"))))
        faulty = []
        for result in results:
            logged = lines[result.marker[2:-1].encode()]
            named = [m for m in result.outcomes["torii"].complete() if recorder.MARKER.search(m.target)]
            if len(named) > logged:
                fault = f"{len(named)} requests at the server, {logged} lines in the log"
                faulty.append(dataclasses.replace(result, verdict=verdict.Verdict(result.verdict.words, [fault])))
        return faulty


if __name__ == "__main__":
    main()
