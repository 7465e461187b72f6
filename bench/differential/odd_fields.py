"""How field lines can be odd, whatever they mean."""

from catalogue import CRLF, odd

COMMON_FIELDS = (b"Accept", b"User-Agent", b"Cookie", b"X-Torii", b"Referer", b"Via", b"Authorization")
SEPARATORS = b'"(),/:;<=>?@[\\]{} \t'
SMUGGLED = (b"Content-Length: 3", b"Transfer-Encoding: chunked", b"Host: evil.example")

FIELD = "RFC 9112 5: a field line is a token, a colon, a value"


@odd("field without a name", FIELD)
def field_unnamed(request, chance):
    request.add(chance, chance.choice((b": x", b":", b" : x", b"\t: x")) + CRLF)


@odd("field without a colon", FIELD)
def field_no_colon(request, chance):
    request.add(chance, chance.choice((b"nocolon", b"no colon", b"a=b", b"GET / HTTP/1.1", b"\x00", b"x" * 300)) + CRLF)


@odd("blank before the first field", "RFC 9112 2.2: refused, as a fold of the request line would be")
def field_first_blank(request, chance):
    request.lines.insert(0, chance.choice((b" X-Torii: y", b"\tX-Torii: y", b" ", b" \t ", b" GET / HTTP/1.1")) + CRLF)


@odd("blank before a colon", "RFC 9112 5.1: no blank before the colon")
def field_blank(request, chance):
    request.add(chance, chance.choice(COMMON_FIELDS) + chance.choice((b" ", b"\t", b"  ")) + b": y\r\n")


@odd("folded field", "RFC 9112 5.2: a folded line is refused")
def field_folded(request, chance):
    end = chance.choice((b"\r\n", b"\r\n", b"\n"))
    request.add(
        chance,
        chance.choice(COMMON_FIELDS) + b": y" + end + chance.choice((b" z", b"\tz", b" Host: evil", b" ")) + CRLF,
    )


@odd("odd byte in a name", "RFC 9110 5.1: a name is a token")
def name_byte(request, chance):
    byte = bytes([chance.choice((*SEPARATORS, 0, 1, 0x0D, 0x1F, 0x7F, 0x80, 0x85, 0xA0, 0xFF))])
    name = chance.choice(COMMON_FIELDS)
    cut = chance.randint(0, len(name))
    request.add(chance, name[:cut] + byte + name[cut:] + b": y\r\n")


@odd("unusual but valid name", "RFC 9110 5.1: any token")
def name_valid(request, chance):
    names = (
        b"x",
        b"!#$%&'*+-.^_`|~",
        b"X_Torii",
        b"123",
        b"-",
        b"_",
        b"x" * 270,
        b"Content-Length0" + b"a" * 255,
        b"X.Y",
    )
    request.add(chance, chance.choice(names) + b": y\r\n")


@odd("control character in a value", "RFC 9110 5.5: no control characters in values")
def value_control(request, chance):
    byte = bytes([chance.choice((*range(9), *range(0x0B, 0x20), 0x7F))])
    value = chance.choice((b"a" + byte + b"b", byte, byte + b"a", b"a" + byte))
    request.add(chance, chance.choice(COMMON_FIELDS) + b": " + value + CRLF)


@odd("bytes from 128 in a value", "RFC 9110 5.5: obs-text is data; not trimmed")
def value_obs_text(request, chance):
    value = bytes(chance.choice((0x80, 0x85, 0xA0, 0xC3, 0xE9, 0xFF, 0x41)) for _ in range(chance.randint(1, 8)))
    request.add(chance, chance.choice(COMMON_FIELDS) + b": " + value + CRLF)


@odd("blanks around a value", "RFC 9112 5.1: blanks around a value are no part of it")
def value_blanks(request, chance):
    blanks = [b"".join(chance.choice((b" ", b"\t")) for _ in range(chance.randint(0, 40))) for _ in range(2)]
    request.add(chance, chance.choice(COMMON_FIELDS) + b":" + blanks[0] + b"y y" + blanks[1] + CRLF)


@odd("empty value", "RFC 9110 5.5: a value may be empty")
def value_empty(request, chance):
    request.add(chance, chance.choice(COMMON_FIELDS) + chance.choice((b":", b": ", b":\t")) + CRLF)


@odd("many fields", "a limit of ours: 100 fields")
def field_many(request, chance):
    for number in range(chance.choice((50, 90, 97, 98, 99, 100, 150, 1000)) - len(request.lines)):
        request.lines.append(b"X-%d: y\r\n" % number)


@odd("long field", "a limit of ours: 16 KiB for a head")
def field_long(request, chance):
    request.add(chance, b"X-Torii: " + b"t" * chance.choice((1000, 4000, 8000, 15000, 16384, 20000, 70000)) + CRLF)


@odd("line end in the head", "RFC 9112 2.2: CRLF; a bare LF is refused, for servers differ about it")
def line_end(request, chance):
    end = chance.choice((b"\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\x00\r\n"))
    place = chance.randint(0, 2)
    if place == 0:
        request.line_end = end
    elif place == 1:
        request.add(chance, chance.choice(COMMON_FIELDS) + b": y" + end)
    else:
        request.head_end = chance.choice((b"\n", b"\r", b"\r\r\n", b" \r\n"))


@odd("smuggled line behind a bare CR or LF", "RFC 9112 2.2: a CR alone is no line end")
def smuggled_line(request, chance):
    end = chance.choice((b"\r", b"\n"))
    request.add(chance, b"X-Torii: y" + end + chance.choice(SMUGGLED) + CRLF)


@odd("bytes of the head changed at random", "whatever comes out is read by the same rules")
def random_bytes(request, chance):
    case = [line for line in request.lines if line.startswith(b"X-Case")]
    head = bytearray(b"".join(line for line in request.lines if line not in case))
    interesting = b'\x00\r\n\t :;,"\\\x0b\x7f\x80\xff0/'
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place = chance.randrange(len(head))
        choice = chance.randrange(4)
        if choice == 0:
            head[place] = chance.choice(interesting)
        elif choice == 1:
            head.insert(place, chance.choice(interesting))
        elif choice == 2 and len(head) > 1:
            del head[place]
        else:
            head[place:place] = head[place : place + chance.randint(1, 12)]
    request.lines = case + [bytes(head)]
