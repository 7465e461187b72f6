"""A UDP syslog receiver that counts lines, their status classes and their termination states.

Run as its own process (`python3 sink.py PORT FILE`) so that it lives on the client's core and costs
the measuring process nothing. It rewrites FILE as JSON twice a second and on SIGTERM.
"""

import collections
import contextlib
import json
import os
import re
import signal
import socket
import sys
import time

# `… 0/0/0/1/1 200 412 - - --VN 1/1/0/0/0 …`: status and termination state of HAProxy's HTTP log line.
HAPROXY_LINE = re.compile(rb" (-?\d+) \+?\d+ \S+ \S+ ([-A-Za-z]{4}) \d")
RECEIVE_BUFFER = 32 * 1024 * 1024
# Holds the lines of a whole measurement, about 1 KiB of kernel memory each, where root may ask for it.
RESTING_BUFFER = 1_000_000_000
SO_RCVBUFFORCE = 33


class Counts:
    """What was received so far."""

    def __init__(self):
        self.lines = 0
        self.statuses = collections.Counter()
        self.states = collections.Counter()

    def add(self, line):
        """Counts one datagram. nginx's own format only adds to `lines`."""
        self.lines += 1
        match = HAPROXY_LINE.search(line)
        if match:
            self.statuses[match[1]] += 1
            self.states[match[2]] += 1

    def write(self, path):
        """Replaces the file at `path` in one step, so that a reader never sees half of it."""
        document = {
            "lines": self.lines,
            "statuses": {status.decode(): count for status, count in self.statuses.items()},
            "states": {state.decode(): count for state, count in self.states.items()},
        }
        with open(path + ".new", "w") as file:
            json.dump(document, file)
        os.replace(path + ".new", path)


def serve(port, path):
    """Receives until SIGTERM."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RESTING_BUFFER)
    except PermissionError:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    receiver.bind(("127.0.0.1", port))
    receiver.settimeout(0.2)
    counts = Counts()
    signal.signal(signal.SIGTERM, lambda *_: (counts.write(path), os._exit(0)))
    counts.write(path)
    written = time.monotonic()
    while True:
        with contextlib.suppress(socket.timeout):
            for _ in range(1000):
                counts.add(receiver.recv(8192))
        if time.monotonic() - written > 0.5:
            counts.write(path)
            written = time.monotonic()


class Sink:
    """The running receiver, as its user sees it."""

    def __init__(self, port, path, process):
        self.port = port
        self.path = path
        self.process = process

    @contextlib.contextmanager
    def resting(self):
        """Lets lines wait in the kernel for the length of a `with` block, where it has room for them.

        A receiver that works through 45,000 lines a second takes a quarter of the core on which the
        client and the servers run, and then their core, not the proxy, is what is measured.
        """
        if os.geteuid() != 0:
            yield
            return
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def read(self):
        """Latest counts, at most half a second old once lines have stopped."""
        with open(self.path) as file:
            return json.load(file)


@contextlib.contextmanager
def sink(folder, core):
    """Runs the receiver for the length of a `with` block."""
    from . import processes

    path = os.path.join(folder, "sink.json")
    port = processes.free_port()
    log = os.path.join(folder, "sink.log")
    with processes.running([sys.executable, os.path.abspath(__file__), port, path], core, log) as process:
        processes.wait_for(lambda: os.path.exists(path), "the log sink", 10, log, process)
        yield Sink(port, path, process)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
