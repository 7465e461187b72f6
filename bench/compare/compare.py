#!/usr/bin/env python3
"""The same work through HAProxy, nginx and torii in turn: what does one request cost each of them?

    bench/compare/compare.py                       all three, plain and TLS, 256-byte answers
    bench/compare/compare.py --tls --body 16k --rounds 7 --json result.json
    bench/compare/compare.py --proxies haproxy,torii --cookie refresh --log off

Needs Debian's haproxy, nginx-light, wrk and openssl, two cores, and `cargo build --release` done.

The proxy runs alone on one core; wrk, the three servers and the log sink share another. The proxies
take turns within a round and the order rotates, so that drift of the machine meets all alike. The
processor time is what the kernel accounted to the proxy's processes (all threads, user and system)
from just before wrk starts to just after it ends, divided by the answers that wrk counted. On
loopback a sender also pays for its receiver's TCP input, which is true for every proxy here.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import client, origin, processes, proxies, sink  # noqa: E402

NAMES = ("haproxy", "nginx", "torii")
FIGURES = ("requests_per_s", "cpu_us", "user_us", "system_us", "p50_us", "p99_us", "pss_kib")


def main():
    """Measures, prints the tables, writes the JSON file. Exit status 1 if any request failed."""
    options = arguments()
    processes.require(programs(options))
    processes.stop_on_signals()
    if "torii" in options.proxies and not os.access(options.torii, os.X_OK):
        sys.exit(f"{options.torii} is not there: run `cargo build --release`, or name it with --torii")
    with tempfile.TemporaryDirectory(prefix="torii-compare-") as folder:
        document = {"facts": facts(options), "options": vars(options), "rounds": measure(options, folder)}
    document["medians"] = medians(document["rounds"])
    report(document)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(document, file, indent=1)
    sys.exit(1 if any(sample["errors"] for sample in document["rounds"]) else 0)


def arguments():
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="length of one measurement (8)")
    parser.add_argument("--warm-up", type=int, default=2, help="unmeasured seconds before it (2)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each proxy (5)")
    parser.add_argument("--connections", type=int, default=64, help="client connections (64)")
    parser.add_argument("--body", default="256", choices=[*origin.SIZES, "server.html"], help="answer size (256)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--plain", dest="modes", action="store_const", const=["plain"])
    mode.add_argument("--tls", dest="modes", action="store_const", const=["tls"])
    mode.add_argument("--both", dest="modes", action="store_const", const=["plain", "tls"], help="the default")
    parser.add_argument("--cookie", default="valid", choices=["valid", "refresh", "none"], help="clients send (valid)")
    parser.add_argument("--log", default="udp", choices=["udp", "off"], help="access log target (udp)")
    parser.add_argument("--proxies", default=",".join(NAMES), help="comma-separated, of haproxy nginx torii")
    parser.add_argument("--torii", default="target/release/torii", help="binary (target/release/torii)")
    parser.add_argument("--driver", default="auto", choices=["auto", "io_uring", "epoll"], help="torii's io.driver")
    parser.add_argument("--http-reuse", default="safe", choices=["safe", "aggressive", "always"], help="HAProxy's")
    parser.add_argument("--proxy-core", type=int, help="core of the proxy (the last one)")
    parser.add_argument("--client-core", type=int, help="core of everything else (the first one)")
    parser.add_argument("--json", help="file for all samples, medians and facts")
    options = parser.parse_args()
    options.modes = options.modes or ["plain", "tls"]
    options.proxies = options.proxies.split(",")
    if not set(options.proxies) <= set(NAMES):
        parser.error(f"--proxies takes {', '.join(NAMES)}")
    if min(options.seconds, options.rounds, options.connections) < 1:
        parser.error("--seconds, --rounds and --connections start at 1")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 and options.proxy_core is None:
        parser.error("this needs two cores: one for the proxy alone, one for client and servers")
    options.proxy_core = cores[-1] if options.proxy_core is None else options.proxy_core
    options.client_core = cores[0] if options.client_core is None else options.client_core
    return options


def programs(options):
    """Every program that this run starts, the torii binary apart."""
    return {"nginx", "wrk", "openssl", "taskset"} | (set(options.proxies) - {"torii"})


def measure(options, folder):
    """All rounds. Gives a list of samples, one per proxy, mode and round."""
    samples = []
    with origin.origin(folder, options.client_core) as servers:
        for number in range(options.rounds):
            turn = number % len(options.proxies)
            for name in options.proxies[turn:] + options.proxies[:turn]:
                for mode in options.modes:
                    sample = measure_once(options, folder, servers, name, mode)
                    samples.append({"round": number + 1, **sample})
                    show_progress(samples[-1], options)
    return samples


def measure_once(options, folder, servers, name, mode):
    """Starts one proxy and its log sink, warms up, measures, stops both."""
    path = f"/{options.body}"
    with tempfile.TemporaryDirectory(dir=folder) as room, sink.sink(room, options.client_core) as log:
        setup = proxies.Setup(
            folder=room,
            servers=servers,
            certificate=proxies.certificate(room),
            core=options.proxy_core,
            sink_port=log.port if options.log == "udp" else None,
            torii=os.path.abspath(options.torii),
            driver=options.driver,
            reuse=options.http_reuse,
        )
        script = client.cookie_script(room, path, servers, options.cookie)
        with proxies.proxy(name, setup) as proxy:
            load = (proxy.url(mode == "tls", path), script)
            if options.warm_up:
                client.run(*load, options.warm_up, options.connections, options.client_core)
            before = settled(log)
            with log.resting():
                user, system = processes.cpu_seconds(proxy.pid)
                result = client.run(*load, options.seconds, options.connections, options.client_core)
                user_end, system_end = processes.cpu_seconds(proxy.pid)
            if proxy.process.poll() is not None:
                sys.exit(f"{name} ended during the measurement:\n{processes.tail(proxy.log_path)}")
            pss_kib = processes.memory_kib(proxy.pid)
            after = settled(log)
    if result.requests == 0:
        sys.exit(f"{name} answered nothing ({mode}): {result.errors}")
    if options.log == "udp" and name != "nginx":
        check_work(name, options.cookie, after["states"])
    requests = result.requests
    return {
        "proxy": name,
        "mode": mode,
        "requests_per_s": requests / result.seconds,
        "cpu_us": (user_end + system_end - user - system) * 1e6 / requests,
        "user_us": (user_end - user) * 1e6 / requests,
        "system_us": (system_end - system) * 1e6 / requests,
        "pss_kib": pss_kib,
        "p50_us": result.p50_us,
        "p99_us": result.p99_us,
        "errors": result.error_count(),
        "logged": after["lines"] - before["lines"],
        "client": asdict(result),
    }


def settled(log):
    """What the sink counted, once the number of lines stands still (20 s at most)."""
    counts = log.read()
    for _ in range(28):
        time.sleep(0.7)
        latest = log.read()
        if latest["lines"] == counts["lines"]:
            break
        counts = latest
    return counts


def check_work(name, cookie, states):
    """Ends the script unless the access log shows that the cookies were handled as the run says."""
    wanted = {"valid": "--VN", "refresh": "--VU", "none": "--NI"}[cookie]
    if states.get(wanted, 0) < 0.99 * sum(states.values()):
        sys.exit(f"{name} was to log {wanted} for these clients, it logged {states}")


def show_progress(sample, options):
    """One line per measurement, on standard error."""
    print(
        f"round {sample['round']}/{options.rounds} {sample['mode']:5} {sample['proxy']:8}"
        f" {sample['requests_per_s']:8.0f} req/s {sample['cpu_us']:6.2f} us/req, {sample['errors']} errors",
        file=sys.stderr,
        flush=True,
    )


def medians(samples):
    """Median of each figure by mode and proxy, errors and log lines summed."""
    groups = {}
    for sample in samples:
        groups.setdefault(sample["mode"], {}).setdefault(sample["proxy"], []).append(sample)
    return {mode: {proxy: summary(group) for proxy, group in by_proxy.items()} for mode, by_proxy in groups.items()}


def summary(group):
    """One proxy's rounds in one mode as one record."""
    record = {figure: statistics.median(sample[figure] for sample in group) for figure in FIGURES}
    costs = [sample["cpu_us"] for sample in group]
    record["cpu_us_spread"] = [min(costs), max(costs)]
    record["errors"] = sum(sample["errors"] for sample in group)
    requests = sum(sample["client"]["requests"] for sample in group)
    record["logged_share"] = sum(sample["logged"] for sample in group) / requests
    return record


def report(document):
    """Prints facts and one table per mode."""
    options = document["options"]
    print()
    for name, value in document["facts"].items():
        print(f"{name + ':':10} {value}")
    print(
        f"load:      {options['connections']} connections, keep-alive, body {options['body']}, cookie "
        f"{options['cookie']}, log {options['log']}, medians of {options['rounds']} rounds of {options['seconds']} s"
    )
    print("nginx:     does less work than the others: it inserts no cookie and probes no server")
    for mode, table in document["medians"].items():
        print(f"\n{mode}\n")
        print_table(table, options)


def print_table(table, options):
    """One row per proxy; the ratios are of processor time per request, below 1 is cheaper."""
    header = ["proxy", "req/s", "CPU us/req", "user", "system", "min..max", "p50 us", "p99 us", "PSS MiB", "errors"]
    rivals = [name for name in ("haproxy", "nginx") if name in table]
    header += ["logged"] if options["log"] == "udp" else []
    header += [f"CPU/{name}" for name in rivals]
    rows = [header]
    for name in (name for name in NAMES if name in table):
        figures = table[name]
        low, high = figures["cpu_us_spread"]
        row = [name, f"{figures['requests_per_s']:.0f}", f"{figures['cpu_us']:.2f}"]
        row += [f"{figures['user_us']:.2f}", f"{figures['system_us']:.2f}", f"{low:.2f}..{high:.2f}"]
        row += [f"{figures['p50_us']:.0f}", f"{figures['p99_us']:.0f}", f"{figures['pss_kib'] / 1024:.1f}"]
        row += [str(figures["errors"])]
        row += [f"{figures['logged_share']:.1%}"] if options["log"] == "udp" else []
        row += [f"{figures['cpu_us'] / table[rival]['cpu_us']:.2f}" for rival in rivals]
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    for row in rows:
        print("  ".join(cell.rjust(width) if column else cell.ljust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))))


def facts(options):
    """Machine and versions: a figure without them cannot be compared."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    found = {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "kernel": platform.release(),
        "cpu": f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores; proxy on core "
        f"{options.proxy_core}, everything else on core {options.client_core}",
        "wrk": first_line(["wrk", "-v"]),
        "servers": "3, " + first_line([processes.find("nginx"), "-v"]),
    }
    if "haproxy" in options.proxies:
        found["haproxy"] = f"{first_line([processes.find('haproxy'), '-v'])}, http-reuse {options.http_reuse}"
    if "torii" in options.proxies:
        found["torii"] = f"{first_line([options.torii, '--version'])}, io driver {options.driver}"
    return found


def first_line(command):
    """First line that a program prints about itself."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().split("\n")[0].split(" - http")[0]


if __name__ == "__main__":
    main()
