"""Pure: requests whose end, target or sender is in doubt; each is refused and ends its connection."""

from __future__ import annotations

from collections.abc import Iterator

POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"host: a\r\n"
KEY = b"authorization: Bearer rwk_aaaaaaaa_" + b"a" * 43 + b"\r\n"
START = POST + HOST
END = b"content-length: 0\r\n\r\n"
CHUNKED = START + b"transfer-encoding: chunked\r\n\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
"""What must never be read as a request of its own."""
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

_LENGTHS = (
    b"", b" ", b"+1", b"-1", b"--1", b"0x1", b"1e1", b"1.0", b"1_0", "１".encode(), "٣".encode(), b"1,1",
    b"1, 1", b"1,2", b"1;2", b"1 1", b"1\tx", b"9" * 20, b"18446744073709551617", b"1\x00", b"1\x0b", b"abc",
    b"'1'", b'"1"', b"1 ;", b"0,40", b"\xc2\xb2", b"1-", b"(1)", b"NaN",
)  # fmt: skip
_CODINGS = (
    b"xchunked", b"chunkedx", b"chunked, identity", b"identity, chunked", b"gzip, chunked",
    b"chunked, chunked",
    b"chunked;q=1", b"chunked ;x", b"chunked\x0b", b"\x0bchunked", b'"chunked"', b"chunked\x00", b"chunk",
    b"identity", b"deflate", b"compress", b"chunked,", b",chunked", b"chunked\tx", b"cow", b"chunked chunked",
    b"CHUNKED, gzip", b"", b"chunked\xa0", b"[chunked]",
)  # fmt: skip
_CHUNKS = (
    b"0x1\r\nx\r\n0\r\n\r\n", b"1g\r\nx\r\n0\r\n\r\n", b"-1\r\nx\r\n0\r\n\r\n", b"+1\r\nx\r\n0\r\n\r\n",
    b" 1\r\nx\r\n0\r\n\r\n", b"\t1\r\nx\r\n0\r\n\r\n", b"\r\nx\r\n0\r\n\r\n", b"g\r\nx\r\n0\r\n\r\n",
    b"f" * 18 + b"\r\nx\r\n0\r\n\r\n", b"1" + b"0" * 16 + b"\r\nx\r\n0\r\n\r\n", b"1_0\r\nx\r\n0\r\n\r\n",
    b"1\x00\r\nx\r\n0\r\n\r\n", b"1,1\r\nx\r\n0\r\n\r\n", b"1\nx\r\n0\r\n\r\n", b"1\r\nx\n0\r\n\r\n",
    b"1\r\nxx\r\n0\r\n\r\n", b"1\r\nx0\r\n\r\n", b"1\rx\r\n0\r\n\r\n", b"1\r\nx\r\n0\n\n",
    b"1;a\nb\r\nx\r\n0\r\n\r\n", b"1;a\rb\r\nx\r\n0\r\n\r\n", b"1;a\x00\r\nx\r\n0\r\n\r\n",
    b"1 1\r\nx\r\n0\r\n\r\n",
    b"\xef\xbc\x91\r\nx\r\n0\r\n\r\n",
)  # fmt: skip
_TARGETS = (
    b"http://evil/healthz", b"HTTP://evil/healthz", b"http:///healthz", b"https://a/healthz", b"*",
    b"healthz", b"\\healthz", b"a:80", b"?x", b"#x", b"/a b", b"/a\tb", b"/a\x00b", b"/\xff", b"/\xc3\xa9",
    b"/a\x7f", b"ftp://a/", b"javascript:alert(1)", b"",
)  # fmt: skip
_HOSTS = (
    b"a/b", b"a/../b", b"a?b", b"a#b", b"u@a", b"u:p@a", b"a\\b", b"a b", b"a:b", b"a:999999", b"a:",
    b"a:80:80",
    b"a,b", b"a, b", b"", b"[::1", b"::1", b"[::g]", b"[::1]x", b"a%2f", b"a\x00", b"a;b", b"a'b", b'a"b',
    b"<a>", b"http://a", b"/", b"?", b"#", b"\xc3\xa9",
)  # fmt: skip
_METHODS = (
    b"post",
    b"Post",
    b"P OST",
    b"",
    b"POST\x00",
    b"P\xc3\xb6ST",
    b"PO/ST",
    b"A" * 200,
    b"POST:",
    b"(POST)",
)
_VERSIONS = (
    b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3", b"HTTP/1.10", b"HTTP/1", b"http/1.1", b"HTTQ/1.1",
    b"HTTP/11", b"HTTP 1.1", b"HTTP/1.1x", b"HTTP/-1.1", b"XHTTP/1.1",
)  # fmt: skip
_BEGINNINGS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x05\x01\x00",
    b"\x00" + START + END, b"\xef\xbb\xbf" + START + END, b" " + START + END, b"\t" + START + END,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + START + END, b"SSH-2.0-x\r\n", b"{}\r\n\r\n",
)  # fmt: skip
_ONCE = {
    b"authorization": KEY.split(b": ")[1].strip(), b"x-api-key": b"rwk_x",
    b"content-type": b"application/json", b"host": b"a", b"expect": b"100-continue",
    b"x-roadworthy-use-case": b"claims", b"content-encoding": b"identity", b"x-roadworthy-task": b"code",
}  # fmt: skip


def _framing() -> Iterator[tuple[str, bytes]]:
    for value in _LENGTHS:
        yield f"length {value!r}", START + b"content-length: " + value + b"\r\n\r\nx"
    for first, second in ((a, b) for a in (b"0", b"1", b"5", b"40") for b in (b"0", b"1", b"40", b"05")):
        yield (
            f"lengths {first!r} {second!r}",
            START + b"content-length: " + first + b"\r\nContent-Length: " + second + b"\r\n\r\nx",
        )
    for value in _CODINGS:
        yield f"coding {value!r}", START + b"transfer-encoding: " + value + b"\r\n\r\n0\r\n\r\n"
    for value in (b"chunked", b"Chunked", b"CHUNKED", b"xchunked", b"identity"):
        for size in (b"0", b"5", b"40"):
            coding, length = b"transfer-encoding: " + value + b"\r\n", b"content-length: " + size + b"\r\n"
            yield f"{value!r} then {size!r}", START + coding + length + b"\r\n0\r\n\r\n"
            yield f"{size!r} then {value!r}", START + length + coding + b"\r\n0\r\n\r\n"
    for name in (
        b"transfer-encoding ", b"transfer-encoding\t", b"transfer encoding", b"transfer\x0bencoding",
        b"transfer-encoding\x00", b"\x0btransfer-encoding", b"transfer-encoding\r", b"content-length ",
        b"content-length\t", b"content length", b"content-length\x00",
    ):  # fmt: skip
        yield f"name {name!r}", START + b"content-length: 5\r\n" + name + b": chunked\r\n\r\n0\r\n\r\n"
    yield "coding in 1.0", b"POST / HTTP/1.0\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "coding twice", START + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n"


def _chunks() -> Iterator[tuple[str, bytes]]:
    for body in _CHUNKS:
        yield f"chunk {body[:12]!r}", CHUNKED + body
    for name in (b"authorization", b"content-length", b"transfer-encoding", b"host", b"x"):
        yield f"trailer {name!r}", CHUNKED + b"1\r\nx\r\n0\r\n" + name + b": 1\r\n\r\n"


def _lines() -> Iterator[tuple[str, bytes]]:
    yield "bare line feeds", (START + END).replace(b"\r\n", b"\n")
    yield "bare returns", (START + END).replace(b"\r\n", b"\r") + b"\r\n\r\n"
    for at in (b"1.1", b"host: a", b"content-length: 0"):
        whole = START + b"x: y\r\n" + END
        yield f"line feed after {at!r}", whole.replace(at + b"\r\n", at + b"\n", 1)
        yield f"return after {at!r}", whole.replace(at + b"\r\n", at + b"\r", 1)
        yield f"two returns after {at!r}", whole.replace(at + b"\r\n", at + b"\r\r\n", 1)
        for fold in (b" b", b"\tb", b" ", b"\t: b"):
            yield f"fold {fold!r} after {at!r}", whole.replace(at + b"\r\n", at + b"\r\n" + fold + b"\r\n", 1)
    for sign in sorted(set(range(256)) - _TOKEN - {10, 13, 58}):
        if sign < 128 or sign % 16 == 0:
            yield f"name with {sign}", START + b"x" + bytes([sign]) + b"y: a\r\n" + END
    for sign in sorted(set(range(32)) - {9, 10, 13} | {127}):
        yield f"value with {sign}", START + b"x: a" + bytes([sign]) + b"b\r\n" + END
    yield "no name", START + b": a\r\n" + END
    yield "no colon", START + b"x\r\n" + END


def _senders() -> Iterator[tuple[str, bytes]]:
    for target in _TARGETS:
        yield f"target {target!r}", b"GET " + target + b" HTTP/1.1\r\n" + HOST + END
    for host in _HOSTS:
        yield f"host {host!r}", POST + b"host: " + host + b"\r\n" + END
    yield "no host", POST + END
    for method in _METHODS:
        yield f"method {method[:9]!r}", method + b" / HTTP/1.1\r\n" + HOST + END
    for version in _VERSIONS:
        yield f"version {version!r}", b"GET / " + version + b"\r\n" + HOST + END
    for begin in _BEGINNINGS:
        yield f"beginning {begin[:9]!r}", begin
    for name, value in _ONCE.items():
        line, other = name + b": " + value + b"\r\n", name.title() + b": " + value + b"\r\n"
        yield f"twice {name!r}", (POST if name == b"host" else START) + line + other + END


CASES: dict[str, bytes] = dict([*_framing(), *_chunks(), *_lines(), *_senders()])
