#!/usr/bin/env python3
"""Millions of requests of mixed shapes through torii: does it leak, panic or fail a request?

    bench/soak/soak.py                                  5,000,000 requests, at most 45 minutes
    bench/soak/soak.py --requests 200000 --minutes 3    a short look
    bench/soak/soak.py --proxy haproxy                  checks the script itself

Needs Debian's nginx-light, wrk and openssl, and `cargo build --release` done.

Two wrk processes, one plain and one TLS, send the mixture of `mixture.py`; a third process aborts
transfers at every stage. Once a second memory (PSS), descriptors and threads are sampled. The first
fifth of the requests, at least one slice, is warm-up: what it reached is the baseline that the rest may exceed only by
the named bounds. The last word is an idle moment: once all clients are gone the descriptors must be
back at what they were before the first request, plus pooled server connections.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mixture  # noqa: E402
from rig import client, origin, processes, proxies, sink  # noqa: E402

WARM_UP_SHARE = 0.2


@dataclass
class Sample:
    """The proxy at one moment."""

    seconds: float
    pss_kib: int
    descriptors: int
    threads: int


@dataclass
class Outcome:
    """Everything the verdict is made of."""

    requests: int = 0
    bytes: int = 0
    errors: dict = field(default_factory=dict)
    aborts: dict = field(default_factory=dict)
    seconds: float = 0.0
    before: Sample | None = None
    idle: Sample | None = None
    samples: list = field(default_factory=list)
    warm_count: int = 0
    logged: dict = field(default_factory=dict)
    exit_status: int | None = None
    panics: list = field(default_factory=list)


def main():
    """Runs the soak, prints the summary; exit status 1 if anything that must hold did not."""
    options = arguments()
    processes.require({"nginx", "wrk", "openssl", "taskset"} | ({options.proxy} - {"torii"}))
    processes.stop_on_signals()
    if options.proxy == "torii" and not os.access(options.torii, os.X_OK):
        sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
    outcome = soak(options)
    faults = verdict(outcome, options)
    report(outcome, options)
    for fault in faults:
        print(f"FAILED: {fault}")
    print("" if faults else "passed")
    sys.exit(1 if faults else 0)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=5_000_000, help="answers to collect (5000000)")
    parser.add_argument("--minutes", type=float, default=45, help="give up after this long (45)")
    parser.add_argument("--connections", type=int, default=64, help="client connections (64)")
    parser.add_argument("--slice", type=int, default=10, help="seconds of one run of wrk (10)")
    parser.add_argument("--memory-growth-mib", type=float, default=16, help="bound beyond the baseline (16)")
    parser.add_argument("--descriptor-growth", type=int, default=64, help="bound beyond the baseline (64)")
    parser.add_argument("--pooled", type=int, default=768, help="server connections that may stay open (768)")
    parser.add_argument("--proxy", default="torii", choices=["torii", "haproxy", "nginx"])
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    parser.add_argument("--driver", default="auto", choices=["auto", "io_uring", "epoll"], help="torii's io.driver")
    return parser.parse_args()


def soak(options):
    """Starts everything, drives the load slice by slice, stops everything."""
    outcome = Outcome()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="torii-soak-"))
        servers = stack.enter_context(origin.origin(folder, None))
        log = stack.enter_context(sink.sink(folder, None))
        setup = proxies.Setup(
            folder=folder,
            servers=servers,
            certificate=proxies.certificate(folder),
            core=None,
            sink_port=log.port,
            torii=os.path.abspath(options.torii),
            driver=options.driver,
        )
        proxy = stack.enter_context(proxies.proxy(options.proxy, setup))
        script = client.write_script(os.path.join(folder, "mixture.lua"), mixture.lua(servers))
        start = time.monotonic()
        outcome.before = sample(proxy, start)
        drive(options, proxy, script, outcome, start)
        outcome.idle = idle_sample(proxy, start, outcome.before.descriptors)
        outcome.logged = log.read()
        outcome.exit_status = proxy.process.poll()
        if outcome.exit_status is None:
            outcome.exit_status = processes.stop(proxy.process, patience=40)
        with open(proxy.log_path, errors="replace") as lines:
            outcome.panics = [line.strip() for line in lines if "panicked" in line][:5]
    return outcome


def drive(options, proxy, script, outcome, start):
    """Load until the wanted number of answers, the time limit or the proxy's end."""
    limit = start + options.minutes * 60
    each = max(1, options.connections // 2)
    warm_requests = options.requests * WARM_UP_SHARE
    with mixture.Aborter(proxy.plain) as aborter:
        while outcome.requests < options.requests and time.monotonic() < limit and proxy.process.poll() is None:
            clients = [client.start(proxy.url(tls, "/256"), script, options.slice, each, None) for tls in (0, 1)]
            while any(wrk.poll() is None for wrk in clients):
                time.sleep(1)
                outcome.samples.append(sample(proxy, start))
            for wrk in clients:
                add(outcome, client.finish(wrk, options.slice))
            if outcome.requests < warm_requests or outcome.warm_count == 0:
                outcome.warm_count = len(outcome.samples)
            show_progress(outcome, options)
        outcome.aborts = aborter.finish()
    outcome.seconds = time.monotonic() - start


def add(outcome, result):
    """Adds one run of wrk."""
    outcome.requests += result.requests
    outcome.bytes += result.bytes
    for kind, count in result.errors.items():
        outcome.errors[kind] = outcome.errors.get(kind, 0) + count


def sample(proxy, start):
    """Memory, descriptors and threads of the proxy now."""
    return Sample(
        seconds=time.monotonic() - start,
        pss_kib=processes.memory_kib(proxy.pid),
        descriptors=processes.descriptor_count(proxy.pid),
        threads=processes.thread_count(proxy.pid),
    )


def idle_sample(proxy, start, before):
    """A sample after the last client has left: waits until the descriptors stand still (40 s at most)."""
    latest = sample(proxy, start)
    for _ in range(20):
        time.sleep(2)
        previous, latest = latest, sample(proxy, start)
        if latest.descriptors <= before or latest.descriptors == previous.descriptors:
            break
    return latest


def verdict(outcome, options):
    """Everything that did not hold, in words."""
    faults = []
    if outcome.requests < options.requests:
        faults.append(f"{outcome.requests} of {options.requests} requests were answered in the time given")
    if outcome.panics:
        faults.append(f"panic: {outcome.panics[0]}")
    if outcome.exit_status != 0 and options.proxy == "torii":
        faults.append(f"SIGTERM was to end the proxy with status 0, it was {outcome.exit_status}")
    for kind, count in outcome.errors.items():
        if count:
            faults.append(f"{count} client errors of kind {kind}")
    refused = {code: count for code, count in outcome.logged["statuses"].items() if code.startswith("5")}
    if refused:
        faults.append(f"answers of class 5xx in the access log: {refused}")
    if outcome.aborts.get("refused"):
        faults.append(f"{outcome.aborts['refused']} connections of the aborting client were refused")
    return faults + growth(outcome, options)


def growth(outcome, options):
    """What the samples after warm-up exceed, compared with the highest one of the warm-up."""
    warm, rest = outcome.samples[: outcome.warm_count], outcome.samples[outcome.warm_count :]
    if not warm or not rest:
        return ["too few samples to judge growth: ask for more requests or a shorter --slice"]
    faults = []
    memory = (max(s.pss_kib for s in rest) - max(s.pss_kib for s in warm)) / 1024
    if memory > options.memory_growth_mib:
        faults.append(f"memory grew by {memory:.1f} MiB after warm-up, bound {options.memory_growth_mib} MiB")
    open_files = max(s.descriptors for s in rest) - max(s.descriptors for s in warm)
    if open_files > options.descriptor_growth:
        faults.append(f"{open_files} descriptors more than in warm-up, bound {options.descriptor_growth}")
    kept = outcome.idle.descriptors - outcome.before.descriptors
    if kept > options.pooled:
        faults.append(f"{kept} descriptors still open with no client, bound {options.pooled}")
    threads = max(s.threads for s in rest) - max(s.threads for s in warm)
    if threads > 2:  # the kernel may add an io_uring helper thread
        faults.append(f"{threads} threads more than in warm-up")
    return faults


def show_progress(outcome, options):
    """One line per slice, on standard error."""
    last = outcome.samples[-1]
    print(
        f"{last.seconds:6.0f} s {outcome.requests:9} of {options.requests} requests, {last.pss_kib / 1024:.1f} MiB,"
        f" {last.descriptors} descriptors, {last.threads} threads, errors {sum(outcome.errors.values())}",
        file=sys.stderr,
        flush=True,
    )


def slope_kib_per_minute(samples):
    """Least-squares slope of memory over time."""
    if len(samples) < 2:
        return 0.0
    mean_x = sum(s.seconds for s in samples) / len(samples)
    mean_y = sum(s.pss_kib for s in samples) / len(samples)
    spread = sum((s.seconds - mean_x) ** 2 for s in samples)
    return 60 * sum((s.seconds - mean_x) * (s.pss_kib - mean_y) for s in samples) / spread


def report(outcome, options):
    """The summary table."""
    warm, rest = outcome.samples[: outcome.warm_count], outcome.samples[outcome.warm_count :]
    rate = outcome.requests / max(outcome.seconds, 1)
    print(f"\n{options.proxy}: {outcome.requests} requests in {outcome.seconds:.0f} s ({rate:.0f}/s), ", end="")
    print(f"{outcome.bytes / 2**30:.1f} GiB to clients, TLS and plain")
    print(f"client errors: {outcome.errors}\naborted transfers: {outcome.aborts}")
    print(f"access log: {outcome.logged['lines']} lines, statuses {outcome.logged['statuses']}")
    print(f"termination states: {outcome.logged['states']}")
    print(f"exit status after SIGTERM: {outcome.exit_status}\n")
    print(f"{'':22}{'PSS MiB':>10}{'descriptors':>14}{'threads':>10}")
    print_row("before any request", [outcome.before])
    print_row("warm-up, highest", warm)
    print_row("after it, highest", rest)
    print_row("no client left", [outcome.idle])
    print(f"\nmemory slope after warm-up: {slope_kib_per_minute(rest):+.1f} KiB per minute")


def print_row(title, samples):
    """The highest of each figure."""
    if samples:
        memory = max(s.pss_kib for s in samples) / 1024
        print(f"{title:22}{memory:>10.1f}{max(s.descriptors for s in samples):>14}", end="")
        print(f"{max(s.threads for s in samples):>10}")


if __name__ == "__main__":
    main()
