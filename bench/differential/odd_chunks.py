"""How a chunked body, its extensions and its trailers can be odd."""

from catalogue import CRLF, odd
from shapes import Chunk, simple

CHUNK = "RFC 9112 7.1: a chunk is size, CRLF, data, CRLF"


@odd("chunk size: not hexadecimal", CHUNK, "chunked")
def chunk_size(request, chance):
    chunk = chance.choice(request.chunks)
    size = b"%x" % len(chunk.data)
    forms = (
        b"0x%s",
        b"+%s",
        b"-%s",
        b"%s_",
        b"%s 5",
        b" %s",
        b"%s.",
        b"g",
        b"",
        b"%s\x00",
        b"\t%s",
        b"%s,",
        b"'%s'",
        b"%sh",
        b"\x0b%s",
    )
    form = chance.choice(forms)
    chunk.size = form % size if b"%" in form else form


@odd("chunk size: blank behind", "RFC 9112 7.1.1: blanks only belong to an extension", "chunked")
def chunk_blank(request, chance):
    chunk = chance.choice(request.chunks)
    chunk.size = b"%x" % len(chunk.data) + chance.choice((b" ", b"\t", b"   ", b" \t "))


@odd("chunk size too large", "RFC 9112 7.1: sizes must not overflow", "chunked")
def chunk_large(request, chance):
    sizes = (b"f" * 16, b"f" * 15, b"1" + b"0" * 16, b"8" + b"0" * 15, b"f" * 17, b"1" + b"0" * 8 + b"5", b"ffffffff")
    chance.choice(request.chunks).size = chance.choice(sizes)


@odd("chunk size: leading zeros, upper case", "RFC 9112 7.1: hexadecimal digits", "chunked")
def chunk_zeros(request, chance):
    chunk = chance.choice(request.chunks)
    chunk.size = b"0" * chance.choice((1, 4, 10, 14, 40)) + b"%X" % len(chunk.data)


@odd("chunk line end", CHUNK, "chunked")
def chunk_line_end(request, chance):
    chance.choice(request.chunks).line_end = chance.choice(
        (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\n", b"\x00\r\n", b"")
    )


@odd("chunk data end", CHUNK, "chunked")
def chunk_data_end(request, chance):
    chance.choice(request.chunks).data_end = chance.choice((b"\n", b"XX", b"", b"\r", b"\r\n\r\n", b"\r\r\n", b"X\r\n"))


@odd("chunk size does not match the data", CHUNK, "chunked")
def chunk_mismatch(request, chance):
    chunk = chance.choice(request.chunks)
    chunk.size = b"%x" % max(1, len(chunk.data) + chance.choice((-2, -1, 1, 2, 100)))


@odd("chunk extension", "RFC 9112 7.1.1: read over and left out", "chunked")
def chunk_extension(request, chance):
    extensions = (b";a=b", b';a=b;c="d e"', b";a", b"; a = b", b" ;a=b", b';a="\\""', b";a;b;c", b";" + b"x" * 200)
    chance.choice(request.chunks).extension = chance.choice(extensions)


@odd("chunk extension, malformed", "RFC 9112 7.1.1: no line end and no open quote in an extension", "chunked")
def chunk_bad_extension(request, chance):
    inner = simple(request.marker, b"inner")
    extensions = (
        b';a="',
        b';a="\r\n0\r\n\r\n' + inner,
        b";\n",
        b";a\nb",
        b";\r",
        b";\x00",
        b";a=\x7f",
        b";;",
        b";=b",
        b"; ",
    )
    chance.choice(request.chunks).extension = chance.choice((*extensions, b";\nx\r\n0\r\n\r\n" + inner, b";a\rb"))


@odd("chunk extension, long", "a limit of ours: 256 bytes for a line, 16 KiB for a message", "chunked")
def chunk_long_extension(request, chance):
    extension = b";" + b"x" * chance.choice((255, 300, 4096, 65536))
    request.chunks = [Chunk(b"t", extension=extension) for _ in range(chance.choice((1, 3, 10)))]


@odd("empty line between chunks", CHUNK, "chunked")
def chunk_empty_line(request, chance):
    chance.choice(request.chunks).data_end = b"\r\n\r\n"


@odd("last chunk missing or odd", CHUNK, "chunked")
def chunk_last(request, chance):
    last = (b"", b"0\n", b"00000\r\n", b"0 \r\n", b"0;a=b\r\n", b"0\r", b"-0\r\n", b"0x0\r\n", b"0\r\n0\r\n", b"\r\n")
    request.last = chance.choice(last)


@odd("end of the trailers", CHUNK, "chunked")
def chunk_final(request, chance):
    request.final = chance.choice((b"\n", b"\r", b"", b"\r\r\n", b"X\r\n", b" \r\n"))


@odd("trailers", "RFC 9110 6.5.1: fields that decide about a message are left out", "chunked")
def trailers(request, chance):
    fields = (
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Host: evil.example",
        b"Authorization: x",
        b"X-Sum: 1",
    )
    fields += (
        b"X-Forwarded-For: 6.6.6.6",
        b"Cookie: a=b",
        b"Connection: close",
        b"Trailer: x",
        b"X-Two: a, b",
        b"X-Empty:",
    )
    request.trailers = [chance.choice(fields) + CRLF for _ in range(chance.choice((1, 1, 2, 5)))]


@odd("trailers, malformed", "RFC 9112 5: trailers are fields", "chunked")
def bad_trailers(request, chance):
    lines = (
        b"nocolon",
        b"X : y",
        b": y",
        b" X: y",
        b"X: y\r\n z",
        b"X\x00: y",
        b"X: \x00",
        b"X: y\n",
        b"GET / HTTP/1.1",
        b"X: \ry",
    )
    request.trailers = [chance.choice(lines) + CRLF]


@odd("trailers, many or long", "a limit of ours: 8 KiB of trailers", "chunked")
def long_trailers(request, chance):
    request.trailers = [
        b"X-%d: " % n + b"t" * chance.choice((10, 100, 3000)) + CRLF for n in range(chance.choice((10, 33, 120)))
    ]


@odd("many small chunks", "any number of chunks is a body", "chunked")
def small_chunks(request, chance):
    request.chunks = [Chunk(b"t") for _ in range(chance.choice((50, 500, 3000)))]
    request.payload = b"t" * len(request.chunks)
