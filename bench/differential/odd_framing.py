"""How the fields that delimit a body can be odd."""

from catalogue import CRLF, odd
from shapes import simple

FRAMING_FIELDS = (b"Content-Length: 3", b"Transfer-Encoding: chunked")

BOTH = "RFC 9112 6.1: two lengths are an attempt at smuggling"
CODING = "RFC 9112 6.1, 7: the only coding is `chunked`, once"
LENGTH = "RFC 9112 6.3: a length is one run of digits"


@odd("length and chunked", BOTH, "chunked")
def length_and_chunked(request, chance):
    request.add(chance, b"Content-Length: %d\r\n" % chance.choice((0, 5, 6, len(request.body()))))


@odd("length sized, chunked named", BOTH, "length")
def chunked_named(request, chance):
    request.payload = b"0\r\n\r\n" + simple(request.marker, b"inner")
    request.as_length()
    request.add(chance, b"Transfer-Encoding: chunked\r\n")


@odd("transfer-encoding: other value", CODING, "chunked")
def coding_value(request, chance):
    values = (b"xchunked", b"chunkedx", b'"chunked"', b"'chunked'", b"chunked, chunked", b"gzip, chunked, gzip")
    values += (b"chunked, gzip", b"gzip, chunked", b"gzip", b"identity", b"", b",chunked", b"chunked,", b"chunked;q=1")
    values += (b"chunked ,", b"identity, chunked", b"chunked, identity", b"x", b"chunked chunked", b"deflate,chunked")
    request.set(b"Transfer-Encoding", chance.choice(values))


@odd("transfer-encoding: case and blanks", "RFC 9112 7: codings are compared without case", "chunked")
def coding_case(request, chance):
    values = (b"Chunked", b"CHUNKED", b"chunked ", b" \tchunked", b"chunked\t", b"cHuNkEd  ")
    request.set(b"Transfer-Encoding", chance.choice(values))


@odd("transfer-encoding: control character", "RFC 9110 5.5: no control characters in values", "chunked")
def coding_control(request, chance):
    control = bytes([chance.choice((0, 1, 8, 0x0B, 0x0C, 0x0D, 0x1F, 0x7F, 0x85, 0xA0))])
    request.set(
        b"Transfer-Encoding", chance.choice((control + b"chunked", b"chunked" + control, b"chun" + control + b"ked"))
    )


@odd("transfer-encoding twice", CODING, "chunked")
def coding_twice(request, chance):
    value = chance.choice((b"chunked", b"identity", b"gzip", b"", b"x", b"cow"))
    request.add(chance, b"Transfer-Encoding: " + value + CRLF)


@odd("transfer-encoding in HTTP/1.0", "RFC 9112 6.1: HTTP/1.0 has no transfer codings", "chunked")
def coding_old_version(request, chance):
    request.version = b"HTTP/1.0"
    if chance.random() < 0.5:
        request.set(b"Connection", b"keep-alive")


@odd("framing field, blank before colon", "RFC 9112 5.1: no blank before the colon")
def framing_blank(request, chance):
    line = chance.choice(FRAMING_FIELDS).replace(b":", chance.choice((b" :", b"\t:", b"  :", b"\x0b:", b"\x00:")))
    request.add(chance, line + CRLF)


@odd("framing field, folded", "RFC 9112 5.2: a folded line is refused")
def framing_folded(request, chance):
    name, _, value = chance.choice(FRAMING_FIELDS).partition(b": ")
    request.add(chance, chance.choice((name + b":\r\n " + value, b"X: y\r\n " + name + b": " + value)) + CRLF)


@odd("framing field under another name", "a name that servers may take for a framing field")
def framing_disguised(request, chance):
    name, _, value = chance.choice(FRAMING_FIELDS).partition(b": ")
    other = chance.choice((b"_", b".", b" ", b"\x85", b"\xad", b"\r", b"--", b""))
    names = (name.replace(b"-", other), name + other, other + name, name + b"X", b"X" + name)
    request.add(chance, chance.choice(names) + b": " + value + CRLF)


@odd("content-length twice, same", LENGTH, "length")
def length_twice(request, chance):
    request.add(chance, b"Content-Length: %d\r\n" % len(request.payload))


@odd("content-length twice, different", LENGTH, "length")
def length_differs(request, chance):
    request.add(chance, b"content-length: %d\r\n" % chance.choice((0, 1, len(request.payload) + 1, 99999)))


@odd("content-length as a list", LENGTH, "length")
def length_list(request, chance):
    size = len(request.payload)
    request.set(
        b"Content-Length", b"%d%s%d" % (size, chance.choice((b", ", b",", b" , ")), chance.choice((size, 0, size + 1)))
    )


@odd("content-length empty", LENGTH)
def length_empty(request, chance):
    request.add(chance, b"Content-Length:" + chance.choice((b"", b" ", b"\t")) + CRLF)


@odd("content-length: not digits", LENGTH, "length")
def length_bad(request, chance):
    size = b"%d" % len(request.payload)
    forms = (
        b"+%s",
        b"-%s",
        b"0x%s",
        b"%s_0",
        b"%s.0",
        b"%s 5",
        b"%s;",
        b"%s\x00",
        b"%se0",
        b"%s,",
        b",%s",
        b"'%s'",
        b"%sx",
    )
    values = [form % size for form in forms] + [
        b"-0",
        b"\xef\xbc\x95",
        b"inf",
        b"chunked",
        size + b"\xa0",
        b"0b1",
        b"0o5",
    ]
    request.set(b"Content-Length", chance.choice(values))


@odd("content-length too large", LENGTH, "length")
def length_large(request, chance):
    values = (2**31, 2**32, 2**63 - 1, 2**63, 2**64, 2**64 + len(request.payload), 10**30, 2**128 + 5)
    request.set(b"Content-Length", b"%d" % chance.choice(values))


@odd("content-length with leading zeros", "RFC 9110 8.6: digits, read as decimal and written again", "length")
def length_zeros(request, chance):
    zeros = b"0" * chance.choice((1, 3, 10, 60))
    request.set(b"Content-Length", zeros + b"%d" % len(request.payload))


@odd("content-length short of the body", "RFC 9112 6.3: what lies beyond is the next request", "length")
def length_short(request, chance):
    request.payload = b"torii" + simple(request.marker, b"inner")
    request.set(b"Content-Length", b"5")


@odd("content-length beyond the body", "RFC 9112 6.3: what follows is still body", "length")
def length_long(request, chance):
    request.set(b"Content-Length", b"%d" % (len(request.payload) + chance.choice((1, 7, len(request.follow)))))


@odd("body without a length", "RFC 9112 6.3: without a length there is no body", "length")
def length_missing(request, chance):
    request.payload = simple(request.marker, b"inner")
    request.drop(b"Content-Length")
    request.version = chance.choice((b"HTTP/1.1", b"HTTP/1.0"))


@odd("body with a method that has none", "RFC 9110 9.3: any method may have a body", "length")
def body_with_get(request, chance):
    request.method = chance.choice((b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"))
    if chance.random() < 0.4:
        request.as_chunks(chance)


@odd("body in HTTP/1.0", "RFC 9112 6.3: a length is a length", "length")
def body_old_version(request, chance):
    request.version = b"HTTP/1.0"
    request.method = chance.choice((b"POST", b"GET", b"PUT", b"DELETE"))
