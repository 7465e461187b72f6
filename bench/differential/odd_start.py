"""How a request line, a Host, a field with a meaning and what surrounds a request can be odd."""

from catalogue import CRLF, odd, pieces
from shapes import HOST, simple

# ---- request line ----

TARGET = "RFC 9112 3.2: origin-form, absolute-form, or * with OPTIONS"


@odd("blanks in the request line", "RFC 9112 3: single spaces; others are refused")
def line_blanks(request, chance):
    gap = chance.choice((b"  ", b"\t", b" \t", b"\x0b", b"\x0c", b"\r", b"\x85", b"\xa0", b""))
    place = chance.randrange(4)
    if place == 0:
        request.gap = gap
    elif place == 1:
        request.second_gap = gap
    elif place == 2:
        request.version += gap or b" "
    else:
        request.lead = gap or b" "


@odd("empty lines before the request", "RFC 9112 2.2: a few are read over")
def line_lead(request, chance):
    request.lead = chance.choice((b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"\r\n" * 5, b"\r\n" * 100, b"\n\r\n", b" \r\n"))


@odd("method", "RFC 9110 9.1: any token, case counts")
def method(request, chance):
    methods = (
        b"get",
        b"GeT",
        b"FOO",
        b"X-TORII",
        b"PROPFIND",
        b"G\x00T",
        b"G T",
        b"",
        b"GET\x80",
        b"(GET)",
        b"M" * 200,
    )
    request.method = chance.choice(
        (*methods, b"M" * 20000, b"PRI", b"CONNECT", b"TRACE", b"GET,POST", b'"GET"', b"-", b"!")
    )


@odd("version", "RFC 9112 2.3: HTTP/1.0 or HTTP/1.1, nothing else")
def version(request, chance):
    versions = (
        b"HTTP/1.10",
        b"HTTP/01.1",
        b"http/1.1",
        b"Http/1.1",
        b"HTTP/9.9",
        b"HTTP/2.0",
        b"HTTP/1.2",
        b"HTTP/0.9",
        b"",
    )
    more = (
        b"HTTP/1",
        b"HTTP/1.",
        b"HTTP/.1",
        b"HTTP/1.1.1",
        b"HTTP 1.1",
        b"HTTP/1,1",
        b"HTTP/1.1x",
        b"HTTPS/1.1",
        b"HTTP/-1.1",
    )
    request.version = chance.choice((*versions, *more, b"HTTP/1.\xb2", b"HTTP/ 1.1", b"HTTP/3", b"X"))
    if not request.version and chance.random() < 0.5:
        request.second_gap = b""


@odd("HTTP/1.0", "RFC 9112 9.3: kept only if asked for")
def old_version(request, chance):
    request.version = b"HTTP/1.0"
    request.set(b"Connection", chance.choice((b"keep-alive", b"Keep-Alive", b"close", b"x")))
    if chance.random() < 0.3:
        request.drop(b"Host")


@odd("target: other form", TARGET)
def target_form(request, chance):
    path = request.target
    targets = (
        b"*",
        b"main",
        path[1:],
        b"/",
        b"?x=1",
        b"#" + path,
        b"." + path,
        HOST + b":80",
        b"ftp://x" + path,
        b"",
        b"//",
        b"\\",
    )
    request.target = chance.choice(
        (*targets, b"**", b"/*", b"mailto:x", b"urn:" + path, b"http:" + path, b"http:/" + path, b":80")
    )


@odd("target: unusual path", "RFC 9112 3.2.1: sent on as received")
def target_path(request, chance):
    path = request.target
    targets = (
        b"//evil.example" + path,
        path + b"/%00",
        path + b"/%",
        path + b"/%zz",
        path + b"/../x",
        path + b"//a//b",
    )
    targets += (
        path + b"?a=b?c",
        path + b"?",
        path + b";a=b",
        path + b"/%2e%2e/",
        path + b"/\\..\\",
        path + b"/" + b"x" * 3000,
    )
    request.target = chance.choice(
        (*targets, path + b'/"<>^`{|}', path + b"/[a]", path + b"/@:", path + b"/%C3%A9", b"/." + path)
    )


@odd("target: byte that is not allowed", "RFC 3986 2: no control characters, blanks, `#`, bytes from 128")
def target_byte(request, chance):
    byte = bytes([chance.choice((*range(0x20), 0x20, 0x23, 0x7F, 0x80, 0xC3, 0xFF))])
    request.target += chance.choice((byte, b"/a" + byte + b"b", b"?a" + byte + b"b"))


@odd("target: absolute-form", "RFC 9112 3.2.2: the target's host is the host")
def target_absolute(request, chance):
    scheme = chance.choice((b"http://", b"HTTP://", b"https://", b"Http://"))
    hosts = (
        HOST,
        HOST.upper(),
        HOST + b":80",
        b"evil.example",
        HOST + b":",
        b"u:p@" + HOST,
        b"",
        HOST + b":8080",
        b"[::1]",
        HOST + b".",
    )
    request.target = (
        scheme + chance.choice(hosts) + chance.choice((request.target, request.target, b"", b"?x=1", b"#f"))
    )


@odd("target too long", "a limit of ours: 16 KiB for a head")
def target_long(request, chance):
    request.target += b"/" + b"x" * chance.choice((4000, 8000, 14000, 16384, 17000, 66000))


@odd("HTTP/2 preface", "a version that is not spoken here")
def preface(request, chance):
    request.lead = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.choice((b"", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"))


@odd("no HTTP at all", "neither a request line nor fields")
def no_http(request, chance):
    leads = (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"\x00" * 20,
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    )
    request.lead = chance.choice(
        (*leads, b"HELO x\r\n", b"GET /\r\n", b"\r\n\r\n\x00\r\nQUIT\n!\x11\x20", b"*1\r\n$4\r\nPING\r\n", b"\xff\xfe")
    )


# ---- Host ----

ONE_HOST = "RFC 9112 3.2: one Host, and a valid one"


@odd("host missing", ONE_HOST)
def host_missing(request, chance):
    request.drop(b"Host")


@odd("host twice", ONE_HOST)
def host_twice(request, chance):
    request.add(chance, b"Host: " + chance.choice((HOST, b"evil.example", b"", HOST.upper(), HOST + b":80")) + CRLF)


@odd("host malformed", ONE_HOST)
def host_bad(request, chance):
    hosts = (
        b"u@" + HOST,
        b"u:p@" + HOST,
        HOST + b"/x",
        b"a,b",
        b"a b",
        b"a\x00b",
        b"@",
        HOST + b":99999",
        b"[]",
        b"",
        HOST + b":x",
    )
    more = (
        b"[::1",
        b"::1",
        HOST + b"?x",
        HOST + b"#x",
        b"a\\b",
        b"a:1:2",
        b"[::1]x",
        b":80",
        b"[::g]",
        b"\xc3\xa9",
        b"a\x7fb",
        b"a\tb",
    )
    request.set(
        b"Host",
        chance.choice((*hosts, *more, b"a;b", b'"a"', b"<a>", b"a%00b", b"a%zzb", HOST + b":-1", HOST + b":+80")),
    )


@odd("host unusual but valid", "RFC 9110 7.2: sent on as received")
def host_valid(request, chance):
    hosts = (
        HOST + b":80",
        HOST + b":",
        HOST.upper(),
        HOST + b".",
        b"[::1]",
        b"[::1]:8080",
        b"127.0.0.1",
        b"a_b",
        b"xn--e-0ga",
        b"a" * 255,
    )
    request.set(
        b"Host",
        chance.choice((*hosts, HOST + b":00080", b"a--b", b"a%41", b"!$&'()*+;=", HOST + b":65535", b"~", b"-")),
    )


# ---- fields with a meaning ----

pieces(
    "connection: odd list",
    "RFC 9110 7.6.1: a list of tokens",
    (
        b"close",
        b"keep-alive",
        b"close, keep-alive",
        b"keep-alive, close",
        b",",
        b"Close",
        b"closed",
        b"close;x",
        b'"close"',
        b"x,,y",
        b"",
    ),
    field=b"Connection",
)
pieces(
    "expect",
    "RFC 9110 10.1.1: only `100-continue` is sent on",
    (
        b"100-continue",
        b"100-Continue",
        b"100-continue, x",
        b"x",
        b"100-continue;q=1",
        b"",
        b"200-ok",
        b" 100-continue ",
    ),
    field=b"Expect",
    base="length",
)
pieces(
    "TE",
    "RFC 9110 10.1.4: only `trailers` is sent on",
    (b"trailers", b"chunked", b"gzip, trailers", b"trailers;q=0.5", b"", b"Trailers", b"chunked;q=0, trailers"),
    field=b"TE",
)
pieces(
    "cookie",
    "cookies are data",
    (b"a=b", b";a=b", b",a=b", b"a", b"=", b"a=b;;c=d", b'a="b;c"', b"a=" + b"x" * 8000, b"lb=w1; " * 50),
    field=b"Cookie",
)
pieces(
    "forwarded fields of the client",
    "kept in order, ours added behind",
    (b"1.1.1.1", b"1.1.1.1, 2.2.2.2", b"", b"unknown", b"[::1]", b"127.0.0.1", b"x" * 500),
    field=b"X-Forwarded-For",
)


@odd("connection nominates a field", "RFC 9110 7.6.1: fields of this hop end here, but framing and Host are not of one")
def nomination(request, chance):
    names = (b"Content-Length", b"Transfer-Encoding", b"Host", b"X-Forwarded-For", b"close, X-Hop", b"X-Hop", b"Cookie")
    request.set(b"Connection", chance.choice(names))
    request.add(chance, chance.choice((b"X-Hop: y", b"x-hop: y", b"Cookie: a=b")) + CRLF)


@odd("expect twice", "RFC 9110 10.1.1: sent on once", "length")
def expect_twice(request, chance):
    for _ in range(2):
        request.add(chance, b"Expect: " + chance.choice((b"100-continue", b"100-continue", b"x")) + CRLF)


@odd("upgrade", "RFC 9110 7.8: no switch without a 101")
def upgrade(request, chance):
    value = chance.choice((b"websocket", b"h2c", b"HTTP/2.0", b"foo", b"websocket, h2c", b"", b"TLS/1.0"))
    request.add(chance, b"Upgrade: " + value + CRLF)
    if chance.random() < 0.7:
        request.set(
            b"Connection", chance.choice((b"upgrade", b"Upgrade", b"keep-alive, Upgrade", b"Upgrade, HTTP2-Settings"))
        )
    if chance.random() < 0.3:
        request.add(chance, b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
        request.add(chance, b"Sec-WebSocket-Version: 13\r\n")


@odd("answered before the body", "the connection to the server is not used again with a body unsent")
def early(request, chance):
    request.add(chance, b"X-Early: 1\r\n")


@odd("last request of the connection", "RFC 9112 9.6: nothing is read after `close`")
def last_request(request, chance):
    request.set(b"Connection", b"close")
    request.follow = chance.choice((request.follow, b"garbage\r\n\r\n", b"\x00" * 10, b"\r\n"))


@odd("garbage after the request", "the next request is refused, this one is answered")
def garbage_follows(request, chance):
    request.follow = (
        chance.choice((b"garbage\r\n\r\n", b"\x00\x00\x00\x00", b"0\r\n\r\n", b"GET\r\n\r\n", b": x\r\n\r\n"))
        + request.follow
    )


@odd("several requests at once", "RFC 9112 9.3.2: answered one after another, in order")
def pipelined(request, chance):
    body = b"torii"
    post = simple(request.marker, b"inner", b"POST")[:-2] + b"Content-Length: %d\r\n\r\n" % len(body) + body
    request.follow = (
        b"".join(chance.choice((post, simple(request.marker, b"inner"))) for _ in range(chance.randint(1, 5)))
        + request.follow
    )
