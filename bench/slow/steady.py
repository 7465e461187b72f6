"""A well-behaved client: requests at a fixed rate over a few kept connections, and how long each took.

Run as its own process (`python3 steady.py PORT TLS RATE FILE`) until SIGTERM; then FILE holds one
line for each request: seconds since the epoch when it was due, and its milliseconds. A request that
is late because the one before it was slow is counted from when it was due, so that no stall hides
behind a client that waits.
"""

import gc
import signal
import socket
import ssl
import sys
import time

CONNECTIONS = 8
REQUEST = b"GET /256 HTTP/1.1\r\nHost: steady.example\r\n\r\n"
BODY_SIZE = 256


def main():
    """Sends until told to stop."""
    port, tls, rate, path = int(sys.argv[1]), sys.argv[2] == "tls", float(sys.argv[3]), sys.argv[4]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    gc.disable()
    connections = [connect(port, tls) for _ in range(CONNECTIONS)]
    samples = []
    due = time.time()
    while not stopping:
        due += 1 / rate
        time.sleep(max(0, due - time.time()))
        turn = len(samples) % CONNECTIONS
        if not ask(connections[turn]):
            connections[turn] = connect(port, tls)
            if not ask(connections[turn]):
                samples.append((due, float("inf")))
                continue
        samples.append((due, (time.time() - due) * 1000))
    with open(path, "w") as file:
        file.writelines(f"{due:.4f} {milliseconds:.4f}\n" for due, milliseconds in samples)


def connect(port, tls):
    """A connection, its time part of the next request's."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ssl._create_unverified_context().wrap_socket(connection) if tls else connection


def ask(connection):
    """One request; whether its whole answer came."""
    try:
        connection.sendall(REQUEST)
        answer = b""
        while len(answer.partition(b"\r\n\r\n")[2]) < BODY_SIZE:
            piece = connection.recv(4096)
            if not piece:
                return False
            answer += piece
        return answer.startswith(b"HTTP/1.1 200")
    except OSError:
        return False


if __name__ == "__main__":
    main()
