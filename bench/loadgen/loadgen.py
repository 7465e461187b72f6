#!/usr/bin/env python3
"""What a request costs torii-loadgen, beside wrk, h2load, hey and ab; and how exact its open loop is.

    bench/loadgen/loadgen.py                      everything: some 25 minutes
    bench/loadgen/loadgen.py --only closed --tools wrk --rounds 9
    bench/loadgen/loadgen.py --check              also fail if a figure misses its aim

Needs Debian's nginx-light and wrk (h2load, hey and ab take part if they are there), openssl, two cores,
and `cargo build --release -p torii-loadgen` done.

closed   Every tool keeps 64 connections busy, plain and TLS: to the bundled origin, which is faster than
         any of them, so that the client's core is full; and to nginx, which is slower with TLS, so that
         the client sleeps in between. The client has one core, the server the other. The tools take turns,
         round after round. Processor time is the whole process's, user and system, as the kernel accounts
         it when it ends; the figure is requests per second of it. The aims are those of a full core.
open     30,000 requests per second for 10 s from one thread to the bundled origin: how late they were sent.
memory   10,000 connections, plain and TLS: the largest resident size of the process.

Measure on an otherwise idle machine. What shares the client's core makes sends late and caches cold.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig import processes  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CLIENT_CORE, SERVER_CORE = 0, 1
CONNECTIONS = 64
SIZE = 256
RATE = 30_000
MANY = 10_000
# What the tool promises: requests per CPU-second beside wrk's, send lag in microseconds, memory in MiB.
AIM_PLAIN, AIM_TLS, AIM_LAG_US, AIM_MIB = 1.0, 1.3, 200, 100

NGINX = """
worker_processes 1; daemon off; error_log {folder}/error.log; pid {folder}/nginx.pid;
worker_rlimit_nofile 20000;
events {{ worker_connections 15000; }}
http {{
  access_log off; keepalive_requests 1000000000; ssl_protocols {versions};
  server {{ listen 127.0.0.1:{plain} reuseport; location / {{ return 200 "{body}"; }} }}
  server {{ listen 127.0.0.1:{tls} ssl reuseport; ssl_certificate {folder}/cert.pem;
           ssl_certificate_key {folder}/key.pem; location / {{ return 200 "{body}"; }} }}
}}
"""


def loadgen_path(arguments):
    path = arguments.loadgen or os.path.join(ROOT, "target", "release", "torii-loadgen")
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there: cargo build --release -p torii-loadgen")
    return path


def tools(loadgen, seconds, folder):
    """Command lines by tool, each with how its requests are counted."""
    record = os.path.join(folder, "record.json")

    def counted(pattern):
        def count(text):
            found = re.search(pattern, text)
            return int(found.group(1)) if found else 0

        return count

    def recorded(_text):
        with open(record) as file:
            counts = json.load(file)["counts"]
        if counts["wrong"] or counts["failed"]:
            sys.exit(f"torii-loadgen had errors: {counts}")
        return counts["ok"]

    own = [loadgen, "max", "-k", "-c", CONNECTIONS, "-t", 1, "--no-pin", "-d", f"{seconds}s", "--warm-up", "0s"]
    every = {
        "torii-loadgen": (own + ["--quiet", "--json", record], recorded),
        "wrk": (["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}"], counted(r"(\d+) requests in")),
        "h2load": (["h2load", "--h1", "-t1", f"-c{CONNECTIONS}", "-D", seconds], counted(r"(\d+) succeeded")),
        "hey": (["hey", "-cpus", 1, "-c", CONNECTIONS, "-z", f"{seconds}s"], counted(r"\[200\]\s+(\d+) responses")),
        "ab": (["ab", "-q", "-k", "-c", CONNECTIONS, "-t", seconds, "-n", 10**8], counted(r"Complete requests:\s+(\d+)")),
    }
    return {name: tool for name, tool in every.items() if name == "torii-loadgen" or processes.find(tool[0][0])}


def spend(command, core):
    """Runs a command on one core to its end; returns its output and its processor time in seconds."""
    command = ["taskset", "-c", str(core)] + [str(part) for part in command]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, _status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        return output.read().decode(errors="replace"), usage.ru_utime + usage.ru_stime


def closed(arguments, folder, loadgen, server, urls):
    """The tools in turns, against one server; returns whether the aims are met."""
    met = True
    for kind, url, aim in (("plain", urls["plain"], AIM_PLAIN), ("TLS", urls["tls"], AIM_TLS)):
        wanted = ["torii-loadgen", "wrk"] + arguments.tools.split(",")
        contest = tools(loadgen, arguments.seconds, folder)
        contest = {name: tool for name, tool in contest.items() if name in wanted}
        rows = {name: [] for name in contest}
        for _round in range(arguments.rounds):
            for name, (command, count) in list(contest.items()):
                text, spent = spend(command + [url], CLIENT_CORE)
                requests = count(text)
                if requests == 0 and name in ("torii-loadgen", "wrk"):
                    sys.exit(f"{name} made no request:\n{text}")
                if requests == 0:
                    # As hey, which puts the port into the TLS server name: RFC 6066 section 3 has it refused.
                    print(f"\n{name} gets no answer from {server}, {kind}: left out")
                    del contest[name], rows[name]
                    continue
                rows[name].append((requests / arguments.seconds, spent / requests * 1e6))
        rounds = f"{arguments.rounds} rounds of {arguments.seconds} s"
        print(f"\nclosed loop, {server}, {kind}: {CONNECTIONS} connections, {rounds}")
        print(f"{'':>14} {'requests/s':>11} {'CPU us/request':>15} {'requests per CPU-s, of wrk':>27}")
        for name, samples in rows.items():
            rate, cost = (statistics.median(column) for column in zip(*samples))
            ratios = [wrk[1] / own[1] for wrk, own in zip(rows["wrk"], samples)]
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
            print(f"{name:>14} {rate:>11,.0f} {cost:>15.2f} {statistics.median(ratios):>9.2f} ({spread})")
        ratio = statistics.median(wrk[1] / own[1] for wrk, own in zip(rows["wrk"], rows["torii-loadgen"]))
        if server == "origin":
            met &= tell(f"at least {aim} of wrk", ratio >= aim)
    return met


def tell(aim, is_met):
    print(f"  {'met' if is_met else 'MISSED'}: {aim}")
    return is_met


def origin(loadgen, folder, tls, size=64):
    """The bundled origin on the servers' core, as a context, and its address."""
    port = processes.free_port()
    command = [loadgen, "origin", "--listen", f"127.0.0.1:{port}", "--size", str(size)] + (["--tls"] if tls else [])
    return processes.running(command, SERVER_CORE, os.path.join(folder, "origin.log")), port


def open_loop(_arguments, folder, loadgen):
    """One thread at a rate; returns whether it was sent in time."""
    record = os.path.join(folder, "open.json")
    context, port = origin(loadgen, folder, False)
    with context:
        time.sleep(1)
        command = [loadgen, "run", "-r", RATE, "-d", "10s", "--warm-up", "2s", "-t", 1, "--no-pin"]
        command += ["-c", CONNECTIONS, "--quiet", "--json", record, f"http://127.0.0.1:{port}/"]
        _, spent = spend(command, CLIENT_CORE)
    with open(record) as file:
        run = json.load(file)
    lag = {name: ns / 1000 for name, ns in run["histograms"]["send_lag"]["percentiles_ns"].items()}
    counts = run["counts"]
    share = run["client"]["busy_share"]
    print(f"\nopen loop, {RATE}/s on one core: {counts['ok']} of {counts['planned']} answered")
    print(f"  send lag p50 {lag['50']:.0f} us, p99 {lag['99']:.0f} us, p99.9 {lag['99.9']:.0f} us")
    print(f"  client busy {share:.0%} of its core, {spent / 12 / RATE * 1e6:.2f} us a request")
    return tell(f"p99 of send lag under {AIM_LAG_US} us", lag["99"] < AIM_LAG_US and counts["ok"] == counts["planned"])


def memory(_arguments, folder, loadgen):
    """Many connections at once; returns whether their memory stays small."""
    met = True
    for kind in ("plain", "tls"):
        context, port = origin(loadgen, folder, kind == "tls")
        scheme = "https" if kind == "tls" else "http"
        with context:
            time.sleep(1)
            command = [loadgen, "max", "-k", "-c", MANY, "-t", 1, "-d", "30s", "--quiet", "--no-pin"]
            command += ["--timeout", "60s", "--connect-timeout", "60s", "--tls-timeout", "60s"]
            record = os.path.join(folder, "memory.json")
            command += ["--json", record, f"{scheme}://127.0.0.1:{port}/"]
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL)
            peak = 0
            while process.poll() is None:
                peak = max(peak, resident_peak_kib(process.pid))
                time.sleep(0.2)
        with open(record) as file:
            opened = max(second["open_connections"] for second in json.load(file)["series"])
        print(f"\nmemory, {kind}: {peak / 1024:.1f} MiB at most, {opened} connections open at once")
        met &= tell(f"{MANY} connections in less than {AIM_MIB} MiB", opened == MANY and peak / 1024 < AIM_MIB)
    return met


def resident_peak_kib(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--tools", default="wrk,h2load,hey,ab", help="that take part beside torii-loadgen")
    parser.add_argument("--tls-versions", default="TLSv1.2 TLSv1.3", help="what nginx speaks")
    parser.add_argument("--only", choices=("closed", "open", "memory"))
    parser.add_argument("--loadgen", help="path of torii-loadgen")
    parser.add_argument("--check", action="store_true", help="fail if a figure misses its aim")
    arguments = parser.parse_args()
    processes.require(["nginx", "wrk", "openssl", "taskset"])
    processes.stop_on_signals()
    loadgen = loadgen_path(arguments)
    wanted = [arguments.only] if arguments.only else ["closed", "open", "memory"]
    met = True
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        if "closed" in wanted:
            ports = {"plain": processes.free_port(), "tls": processes.free_port()}
            make_certificate(folder)
            config = os.path.join(folder, "nginx.conf")
            with open(config, "w") as file:
                file.write(NGINX.format(folder=folder, versions=arguments.tls_versions, body="x" * SIZE, **ports))
            urls = {"plain": f"http://127.0.0.1:{ports['plain']}/", "tls": f"https://127.0.0.1:{ports['tls']}/"}
            nginx = [processes.find("nginx"), "-c", config]
            with processes.running(nginx, SERVER_CORE, os.path.join(folder, "nginx.log")):
                time.sleep(1)
                met &= closed(arguments, folder, loadgen, "nginx", urls)
            (plain, plain_port), (tls, tls_port) = (origin(loadgen, folder, tls, SIZE) for tls in (False, True))
            urls = {"plain": f"http://127.0.0.1:{plain_port}/", "tls": f"https://127.0.0.1:{tls_port}/"}
            with plain, tls:
                time.sleep(1)
                met &= closed(arguments, folder, loadgen, "origin", urls)
        if "open" in wanted:
            met &= open_loop(arguments, folder, loadgen)
        if "memory" in wanted:
            met &= memory(arguments, folder, loadgen)
    sys.exit(1 if arguments.check and not met else 0)


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-days", "2", "-subj", "/CN=localhost"],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    main()
