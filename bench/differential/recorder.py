"""The origin server behind a proxy: records every byte of every request and says what is wrong with it.

Reads as strictly as it can, because what a proxy forwards has to leave no choice to whoever reads it.
Answers each complete request with 200, its number and the request's own X-Case field.
"""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[^\r\n]*)?\r\n")
HEAD_END = re.compile(rb"\n\r?\n")
LENGTH = re.compile(rb"(0|[1-9][0-9]{0,18})\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21\x22\x24-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
MARKER = re.compile(rb"id(\d{6,})z")
KIND = re.compile(rb"z[-/](main|inner|follow)")
CASE = re.compile(rb"id\d{6,}z-[a-z]+\Z")
DISGUISE = re.compile(rb"(content[^a-z0-9]length|transfer[^a-z0-9]encoding)\Z")
# Fields that may stand once at most.
ONCE = (b"host", b"content-length", b"transfer-encoding", b"expect")
# Beyond any generated request; a peer that sends more is cut off.
SIZE_MAX = 4 * 1024 * 1024


@dataclass
class Message:
    """One request as it arrived."""

    number: int
    method: bytes = b""
    target: bytes = b""
    version: bytes = b""
    fields: list = field(default_factory=list)  # (lower-case name, value)
    framing: str = "none"  # none, length, chunked
    body: bytes = b""
    trailers: list = field(default_factory=list)
    raw: bytes = b""
    complete: bool = False
    faults: list = field(default_factory=list)

    def values(self, name):
        """Values of a field, in order."""
        return [value for found, value in self.fields if found == name]

    def kind(self):
        """main, inner, follow, or other: which of the case's requests this is."""
        case = self.values(b"x-case")
        kind = KIND.search(case[0] if case else self.target)
        return kind[1].decode() if kind else "other"

    def markers(self):
        """The cases that its bytes name."""
        return set(MARKER.findall(self.raw))


class Closed(Exception):
    """The proxy ended the connection in mid-message."""


class Reader:
    """The bytes of one connection, and those of the message being read."""

    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""
        self.taken = b""

    async def more(self):
        """Waits for bytes."""
        if len(self.buffer) + len(self.taken) > SIZE_MAX:
            raise Closed
        try:
            piece = await self.stream.read(65536)
        except OSError:
            piece = b""
        if not piece:
            raise Closed
        self.buffer += piece

    def take(self, count):
        """Moves bytes from the buffer to the message."""
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += piece
        return piece

    async def exactly(self, count):
        """That many bytes."""
        while len(self.buffer) < count:
            await self.more()
        return self.take(count)

    async def line(self):
        """Up to and with the next line feed."""
        while b"\n" not in self.buffer:
            await self.more()
        return self.take(self.buffer.index(b"\n") + 1)

    async def head(self):
        """Up to and with the first empty line, however it is ended."""
        while not (end := HEAD_END.search(self.buffer)):
            await self.more()
        return self.take(end.end())


class Recorder:
    """A listening server; `messages` is what arrived, in order."""

    def __init__(self):
        self.messages = []
        self.port = None

    @contextlib.asynccontextmanager
    async def listening(self):
        """Serves for the length of a `with` block."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def serve(self, stream, writer):
        """One connection."""
        reader = Reader(stream)
        try:
            while await self.serve_one(reader, writer):
                pass
        except (OSError, asyncio.CancelledError):
            pass  # the proxy is gone, or the run is over
        finally:
            writer.close()

    async def serve_one(self, reader, writer):
        """One message; gives whether another may follow."""
        reader.taken = b""
        try:
            if not reader.buffer:
                await reader.more()
        except Closed:
            return False
        message = Message(len(self.messages))
        self.messages.append(message)
        try:
            stays = await self.read(reader, writer, message)
            message.complete = True
        except Closed:
            reader.take(len(reader.buffer))
        message.raw = reader.taken
        if not message.complete:
            return False
        if reader.buffer:
            message.faults.append("bytes beyond the message")
        return stays if stays is not None else await answer(writer, message)

    async def read(self, reader, writer, message):
        """Reads a whole message. One that asks for it is answered before its body: then as `answer`, else None."""
        head = await reader.head()
        message.raw = head
        parse_head(head, message)
        stays = await answer(writer, message) if message.values(b"x-early") else None
        if stays is None and message.values(b"expect") == [b"100-continue"]:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if message.framing == "length":
            message.body = await reader.exactly(int(message.values(b"content-length")[0]))
        elif message.framing == "chunked":
            await read_chunks(reader, message)
        return stays


def parse_head(head, message):
    """Request line and fields, and everything that is wrong with them."""
    faults = message.faults
    lines = head.split(b"\n")
    if any(not line.endswith(b"\r") for line in lines[:-1]):
        faults.append("bare LF")
    lines = [line.removesuffix(b"\r") for line in lines[:-2]]
    first = REQUEST_LINE.match(lines[0])
    if first:
        message.method, message.target, message.version = first.groups()
    else:
        faults.append(f"request line {lines[0][:60]!r}")
        message.method, _, rest = lines[0].partition(b" ")
        message.target, _, message.version = rest.rpartition(b" ")
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            faults.append(f"field line {line[:60]!r}")
        if CONTROL.search(value):
            faults.append(f"control character in {line[:60]!r}")
        message.fields.append((name.lower(), value.strip(b" \t")))
    frame(message)


def frame(message):
    """How the body is delimited."""
    for name in {name for name, _ in message.fields} - set(ONCE):
        if DISGUISE.match(name):
            message.faults.append(f"field {name!r}, which some read as a framing field")
    for name in ONCE:
        if len(message.values(name)) > 1:
            message.faults.append(f"{name.decode()} more than once")
    lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
    if message.version == b"1" and not message.values(b"host"):
        message.faults.append("no host")
    if lengths and not LENGTH.match(lengths[0]):
        message.faults.append(f"content-length {lengths[0][:30]!r}")
    if lengths and lengths[0].isdigit() and int(lengths[0]) > 0:
        message.framing = "length"
    if codings and lengths:
        message.faults.append("content-length and transfer-encoding")
    if codings:
        message.framing = "chunked"
        if codings[0] != b"chunked":
            message.faults.append(f"transfer-encoding {codings[0][:30]!r}")
        if message.version == b"0":
            message.faults.append("transfer-encoding in HTTP/1.0")


async def read_chunks(reader, message):
    """A chunked body and its trailers."""
    while True:
        line = await reader.line()
        size = CHUNK_LINE.match(line)
        if not size:
            message.faults.append(f"chunk line {line[:40]!r}")
            raise Closed
        if size[2]:
            message.faults.append(f"chunk extension {line[:40]!r}")
        if int(size[1], 16) == 0:
            break
        message.body += await reader.exactly(int(size[1], 16))
        if await reader.exactly(2) != b"\r\n":
            message.faults.append("chunk data not followed by CRLF")
            raise Closed
    while (line := await reader.line()) != b"\r\n":
        name, colon, value = line.removesuffix(b"\r\n").partition(b":")
        if not colon or not TOKEN.match(name) or CONTROL.search(value) or not line.endswith(b"\r\n"):
            message.faults.append(f"trailer line {line[:60]!r}")
        message.trailers.append((name.lower(), value.strip(b" \t")))


async def answer(writer, message):
    """200 with the message's number. Gives whether the connection stays."""
    case = message.values(b"x-case")[:1]
    case = case[0] if case and CASE.match(case[0]) else b"unknown"
    method = message.method if TOKEN.match(message.method) else b"unknown"
    body = b"" if method == b"HEAD" else b"recorded"
    tokens = b",".join(message.values(b"connection")).lower()
    stays = not message.faults and b"close" not in tokens and (message.version == b"1" or b"keep-alive" in tokens)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Number: %d\r\n" % message.number
    head += b"X-Case: " + case + b"\r\nX-Method: " + method + b"\r\n"
    if not stays:
        head += b"Connection: close\r\n"
    elif message.version == b"0":
        head += b"Connection: keep-alive\r\n"
    writer.write(head + b"\r\n" + body)
    await writer.drain()
    return stays
