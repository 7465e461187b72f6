"""Starts, watches and stops child processes, and reads what the kernel accounts to them.

Used by every other module of the rig. Never touches a process that it did not start itself.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# Debian package of each program, for the message when one is missing.
PACKAGES = {
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "wrk": "wrk",
    "openssl": "openssl",
    "slowhttptest": "slowhttptest",
    "taskset": "util-linux",
    "ip": "iproute2",
}


def require(programs):
    """Ends the script with one message that names every missing program and its Debian package."""
    missing = sorted({program for program in programs if find(program) is None})
    if missing:
        packages = " ".join(PACKAGES.get(program, program) for program in missing)
        sys.exit(f"missing: {', '.join(missing)}\ninstall with: apt-get install {packages}")


def find(program):
    """Path of a program; Debian keeps servers in /usr/sbin, which an ordinary user's PATH lacks."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def stop_on_signals():
    """Lets SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that every child is stopped."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def free_port():
    """A TCP port that is free now and lies below the range the kernel uses for outgoing connections."""
    for port in range(free_port.next, 32000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free_port.next = port + 1
        return port
    sys.exit("no free TCP port between 21000 and 32000")


free_port.next = 21000 + os.getpid() % 5000


@contextlib.contextmanager
def running(command, core, log_path, descriptors=20000, ahead=False):
    """Runs a command on one core (None: any) for the length of a `with` block, its output in `log_path`.

    `ahead` runs it before every ordinary process, where root may ask for that.
    """
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    with open(log_path, "ab") as log:
        process = subprocess.Popen(
            pinned + [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: (raise_descriptor_limit(descriptors), ahead and run_ahead()),
        )
    try:
        yield process
    finally:
        stop(process)


def raise_descriptor_limit(wanted):
    """Raises the soft limit of open files towards `wanted`, as far as the hard limit allows."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def run_ahead():
    """Gives this process the lowest real-time priority: other work on the machine no longer delays it."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


@contextlib.contextmanager
def briefly_ahead():
    """Runs a short `with` block ahead of other work.

    Reading a process's memory holds a lock that its page faults need: nobody may be preempted meanwhile.
    """
    run_ahead()
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def stop(process, patience=10):
    """SIGTERM, then SIGKILL after `patience` seconds. Returns the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def tail(path, lines=15):
    """Last lines of a log file, for error messages."""
    try:
        with open(path, errors="replace") as log:
            return "".join(log.readlines()[-lines:])
    except OSError:
        return ""


def wait_for(condition, what, seconds=15, log_path=None, process=None):
    """Polls `condition` until it is true. Ends the script, with the log's tail, when it stays false."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.02)
    sys.exit(f"gave up waiting: {what}\n{tail(log_path) if log_path else ''}")


def descendants(pid):
    """The process and every process below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    found.extend(int(child) for child in children.read().split())
    return found


def cpu_seconds(pid):
    """(user, system) seconds of a process and its descendants: every thread, living or ended."""
    user = system = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{member}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
    return user / TICKS_PER_SECOND, system / TICKS_PER_SECOND


def memory_kib(pid):
    """Proportional set size of a process and its descendants: shared pages are counted once."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{member}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return total


def descriptor_count(pid):
    """Open file descriptors of a process and its descendants."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            total += len(os.listdir(f"/proc/{member}/fd"))
    return total


def thread_count(pid):
    """Threads of a process and its descendants."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            total += len(os.listdir(f"/proc/{member}/task"))
    return total
