"""A client that opens a connection to the shared address every few milliseconds, one request on each.

Runs as its own process in the client's namespace: `python3 visitor.py ADDRESS PORT MILLISECONDS FILE`.
On SIGTERM it opens no more, waits for what is under way and writes FILE: a JSON list of
[begun, ended, outcome], seconds of the monotonic clock; the outcome of a good answer is "".
"""

import errno
import json
import os
import selectors
import signal
import socket
import sys
import time

# A visit without an answer after this many seconds has failed; the usual time-out of a client's connect.
PATIENCE = 5.0
REQUEST = b"GET /server.html HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n"


class Visit:
    """One connection under way."""

    def __init__(self, address):
        self.begun = time.monotonic()
        self.answer = b""
        self.asked = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.refused = self.socket.connect_ex(address)

    def step(self):
        """Goes on as far as it can. None: not finished; else the outcome."""
        try:
            if not self.asked:
                fault = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if fault:
                    return os.strerror(fault)
                self.socket.send(REQUEST)
                self.asked = True
                return None
            piece = self.socket.recv(4096)
        except BlockingIOError:
            return None
        except OSError as error:
            return os.strerror(error.errno)
        self.answer += piece
        return self.judge(ended=not piece)

    def judge(self, ended):
        """The outcome, once the answer is whole or cannot become so."""
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if found and not head.startswith(b"HTTP/1.1 200"):
            return head.partition(b"\r\n")[0].decode(errors="replace")
        if body.startswith(b"web") and body.endswith(b"\n"):
            return ""
        return "closed without an answer" if ended else None


class Visitor:
    """All visits."""

    def __init__(self, address, period):
        self.address = address
        self.period = period
        self.selector = selectors.EpollSelector()
        self.under_way = {}  # in the order of their beginnings
        self.done = []
        self.stopped = False

    def run(self):
        """Visits until told to stop."""
        following = time.monotonic()
        while not self.stopped or self.under_way:
            now = time.monotonic()
            if not self.stopped and now >= following:
                self.begin()
                following = max(following + self.period, now)
            self.give_up(now)
            wait = max(0.0, following - time.monotonic()) if not self.stopped else 0.05
            for key, _ in self.selector.select(wait):
                visit = key.data
                was_asked = visit.asked
                outcome = visit.step()
                if outcome is not None:
                    self.end(visit, outcome)
                elif visit.asked and not was_asked:
                    self.selector.modify(visit.socket, selectors.EVENT_READ, visit)

    def begin(self):
        """One more connection."""
        visit = Visit(self.address)
        if visit.refused not in (0, errno.EINPROGRESS):
            visit.socket.close()
            self.done.append((visit.begun, time.monotonic(), os.strerror(visit.refused)))
            return
        self.under_way[visit] = None
        self.selector.register(visit.socket, selectors.EVENT_WRITE, visit)

    def give_up(self, now):
        """Ends those whose time is over; the oldest come first."""
        while self.under_way:
            visit = next(iter(self.under_way))
            if now - visit.begun < PATIENCE:
                return
            self.end(visit, "no answer in time")

    def end(self, visit, outcome):
        """Keeps what came of it."""
        self.selector.unregister(visit.socket)
        visit.socket.close()
        del self.under_way[visit]
        self.done.append((visit.begun, time.monotonic(), outcome))

    def stop(self, *_):
        """No new ones."""
        self.stopped = True


def main():
    """Visits, then writes the file in one step."""
    address, port, milliseconds, path = sys.argv[1:]
    visitor = Visitor((address, int(port)), int(milliseconds) / 1000)
    signal.signal(signal.SIGTERM, visitor.stop)
    visitor.run()
    with open(path + ".new", "w") as file:
        json.dump(visitor.done, file)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
