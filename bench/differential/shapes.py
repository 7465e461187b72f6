"""A request as parts that can be bent one by one, and the valid requests that every odd one starts from.

Nothing here is random by itself: a case is its base's name and a list of (mutation, seed), so that it
can be rendered again, whole or with a mutation left out.
"""

import random
from dataclasses import dataclass, field

from catalogue import CRLF

HOST = b"origin.example"


@dataclass
class Chunk:
    """One chunk, in the pieces that mutations touch."""

    data: bytes
    size: bytes | None = None  # None: the right one
    extension: bytes = b""
    line_end: bytes = CRLF
    data_end: bytes = CRLF

    def render(self):
        """Its bytes."""
        size = b"%x" % len(self.data) if self.size is None else self.size
        return size + self.extension + self.line_end + self.data + self.data_end


@dataclass
class Request:
    """The pieces of one request. `marker` is in the target, in a field and in the body."""

    marker: str
    lead: bytes = b""
    method: bytes = b"GET"
    gap: bytes = b" "
    target: bytes = b""
    second_gap: bytes = b" "
    version: bytes = b"HTTP/1.1"
    line_end: bytes = CRLF
    lines: list = field(default_factory=list)  # whole field lines, line ends included
    head_end: bytes = CRLF
    payload: bytes = b""
    chunks: list | None = None  # None: the payload goes as it is
    last: bytes = b"0\r\n"
    trailers: list = field(default_factory=list)
    final: bytes = CRLF
    # What follows on the connection.
    follow: bytes = b""

    def set(self, name, value):
        """Gives a field this value, in its place or at the end."""
        line = name + b": " + value + CRLF
        for index, old in enumerate(self.lines):
            if old.lower().startswith(name.lower() + b":"):
                self.lines[index] = line
                return
        self.lines.append(line)

    def drop(self, name):
        """Takes a field out."""
        self.lines = [line for line in self.lines if not line.lower().startswith(name.lower() + b":")]

    def add(self, chance, line):
        """Puts a whole field line somewhere among the others."""
        self.lines.insert(chance.randint(0, len(self.lines)), line)

    def as_length(self):
        """Frames the payload by its length."""
        self.chunks = None
        self.drop(b"Transfer-Encoding")
        self.set(b"Content-Length", b"%d" % len(self.payload))

    def as_chunks(self, chance):
        """Frames the payload in one to three chunks."""
        self.drop(b"Content-Length")
        self.set(b"Transfer-Encoding", b"chunked")
        payload = self.payload or b"torii"
        cuts = sorted(chance.sample(range(1, len(payload)), min(chance.randint(0, 2), len(payload) - 1)))
        self.chunks = [Chunk(payload[a:b]) for a, b in zip([0, *cuts], [*cuts, len(payload)])]

    def body(self):
        """The body's bytes."""
        if self.chunks is None:
            return self.payload
        return b"".join(c.render() for c in self.chunks) + self.last + b"".join(self.trailers) + self.final

    def render(self):
        """Everything that is sent, what follows included."""
        line = self.method + self.gap + self.target + self.second_gap + self.version + self.line_end
        return self.lead + line + b"".join(self.lines) + self.head_end + self.body() + self.follow


def simple(marker, kind, method=b"GET"):
    """A plain request that says in its target and in a field what it is."""
    return (
        method + b" /" + marker.encode() + b"/" + kind + b" HTTP/1.1\r\nHost: " + HOST + b"\r\n"
        b"X-Case: " + marker.encode() + b"-" + kind + b"\r\n\r\n"
    )


def get(request, chance):
    """No body."""


def post_length(request, chance):
    """A body with a length; half of them are a request of their own, to be seen if it is taken for one."""
    request.method = chance.choice((b"POST", b"POST", b"PUT", b"PATCH"))
    request.payload = payload(request, chance)
    request.as_length()


def post_chunked(request, chance):
    """The same in chunks."""
    request.method = chance.choice((b"POST", b"POST", b"PUT"))
    request.payload = payload(request, chance)
    request.as_chunks(chance)


def payload(request, chance):
    """Up to a few hundred bytes."""
    if chance.random() < 0.5:
        return simple(request.marker, b"inner")
    return bytes(chance.choice(b"torii gate\r\n0;") for _ in range(chance.choice((1, 5, 6, 17, 300))))


BASES = {"get": get, "length": post_length, "chunked": post_chunked}


@dataclass(frozen=True)
class Case:
    """One odd request, reproducible."""

    seed: int
    base: str
    mutations: tuple  # of (name, seed)

    def build(self, marker, catalogue):
        """The request with all mutations applied."""
        chance = random.Random(self.seed)
        request = Request(marker, target=b"/" + marker.encode() + b"/main")
        request.lines = [b"Host: " + HOST + CRLF, b"X-Case: " + marker.encode() + b"-main\r\n"]
        BASES[self.base](request, chance)
        request.follow = simple(marker, b"follow")
        for name, seed in self.mutations:
            if catalogue[name].base == "chunked" and request.chunks is None:
                request.as_chunks(chance)
            catalogue[name].apply(request, random.Random(seed))
        return request

    def names(self):
        """The mutations' names."""
        return tuple(name for name, _ in self.mutations)


def generate(seed, count, catalogue):
    """That many cases. Each mutation in turn stands alone in four cases of five; the fifth has two or three."""
    chance = random.Random(seed)
    names = sorted(catalogue)
    for number in range(count):
        chosen = [names[number % len(names)]]
        if number // len(names) % 5 == 4:
            chosen += chance.sample(names, chance.choice((1, 1, 2)))
        base = next((catalogue[n].base for n in chosen if catalogue[n].base), None) or chance.choice(sorted(BASES))
        yield Case(chance.getrandbits(32), base, tuple((name, chance.getrandbits(32)) for name in chosen))
