"""A well-behaved client: requests at a fixed rate over a few kept connections, and how long each took.

Run as its own process (`python3 steady.py PROXY_PORT TLS SERVER_PORT RATE FILE`) until SIGTERM; then
FILE holds one line for each request: seconds since the epoch when it was due, its milliseconds, and
whom it went to. Requests go to the proxy and, as a control, straight to the server in turn: what the
attacker's own work does to this client and the server shows in the control. A request that is late
because the one before it was slow is counted from when it was due, so that no stall hides behind a
client that waits.
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
    proxy, tls, server, rate, path = int(sys.argv[1]), sys.argv[2] == "tls", int(sys.argv[3]), *sys.argv[4:6]
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    gc.disable()
    targets = {"proxy": (proxy, tls), "server": (server, False)}
    connections = {name: [connect(*target) for _ in range(CONNECTIONS)] for name, target in targets.items()}
    samples = []
    due = time.time()
    while not stopping:
        due += 1 / float(rate)
        time.sleep(max(0, due - time.time()))
        name = "server" if len(samples) % 2 else "proxy"
        pool, turn = connections[name], len(samples) // 2 % CONNECTIONS
        answered = ask(pool[turn])
        if not answered:
            pool[turn] = connect(*targets[name])
            answered = ask(pool[turn])
        samples.append((due, (time.time() - due) * 1000 if answered else float("inf"), name))
    with open(path, "w") as file:
        file.writelines(f"{due:.4f} {milliseconds:.4f} {name}\n" for due, milliseconds, name in samples)


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
