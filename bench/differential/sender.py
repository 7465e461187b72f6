"""The client: sends one case over a fresh connection and reads what comes back, until nothing does."""

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
RESPONSES_MAX = 64


@dataclass
class Response:
    """One response."""

    status: int
    number: int | None  # of the recorded message it answers; None: the proxy's own
    case: str
    whole: bool


@dataclass
class Answers:
    """Everything that the client saw."""

    responses: list = field(default_factory=list)
    closed: bool = False
    rest: bytes = b""  # what is no response

    def own(self):
        """Statuses that the proxy made itself."""
        return [r.status for r in self.responses if r.number is None]

    def numbers(self):
        """Numbers of the recorded messages whose responses arrived."""
        return [r.number for r in self.responses if r.number is not None]


async def send(port, data, marker, quiet):
    """Sends `data` at once; reads until the follow-up is answered, the end, or `quiet` seconds of silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = Answers()
    received = b""
    try:
        writing = asyncio.ensure_future(write(writer, data))
        while not finished(answers, marker):
            try:
                piece = await asyncio.wait_for(reader.read(65536), quiet)
            except (asyncio.TimeoutError, OSError) as error:
                answers.closed = not isinstance(error, asyncio.TimeoutError)
                break
            received += piece
            answers.closed = not piece
            parse(received, answers)
            if answers.closed:
                break
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return answers


async def write(writer, data):
    """Writes everything, or what the proxy takes."""
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()


def finished(answers, marker):
    """Whether the follow-up, sent last, was answered."""
    return any(r.case == f"{marker}-follow" and r.whole for r in answers.responses[-1:])


def parse(received, answers):
    """Reads all responses anew from the first byte."""
    answers.responses.clear()
    rest = received
    while rest and len(answers.responses) < RESPONSES_MAX:
        head, end, after = rest.partition(b"\r\n\r\n")
        status = STATUS_LINE.match(head)
        if not end or not status:
            break
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        if status[1].startswith(b"1"):
            rest = after
            continue
        number = fields.get(b"x-number")
        size = body_size(fields, after, number is None, answers.closed)
        case = fields.get(b"x-case", b"").decode("latin-1")
        whole = size <= len(after)
        answers.responses.append(Response(int(status[1]), int(number) if number else None, case, whole))
        rest = after[size:]
    answers.rest = rest


def body_size(fields, after, own, closed):
    """Bytes of a response's body."""
    if fields.get(b"x-method") == b"head":
        return 0
    # A proxy's own answer to HEAD has a length and no body.
    if own and (after.startswith(b"HTTP/1.") or (closed and not after)):
        return 0
    return int(fields.get(b"content-length", len(after)))
