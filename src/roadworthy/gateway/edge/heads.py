"""Pure: heads of messages in the form that nearly everyone writes, read in one step.

What is not in exactly this form is not judged here: None leaves it to the parser, which knows all of
HTTP/1.1. The form is a part of what the parser accepts, and means the same to both; tests/fuzz holds them
together:

- a request is `POST PATH HTTP/1.1` with a Content-Length, an answer has a final status and a Content-Length;
- every line ends in CRLF; every field is a name of letters, digits and hyphens, a colon, one space, and a
  value that is printable ASCII without space at its ends; nothing is folded, empty, or given twice;
- nothing bears on the framing but that one Content-Length: no Transfer-Encoding, Upgrade, Expect, Trailer or
  TE, and of Connection only `keep-alive`.
"""

from __future__ import annotations

import re

from roadworthy.gateway.edge.limits import Limits, valid_host

HEAD_MAX = 8 * 1024
KEPT_HEADS = 1024
KEPT_HEAD_MAX = 2 * 1024

# Nothing is ever tried twice (the `+` after a quantifier): the time is a part of the length.
_FIELDS = rb"((?:[A-Za-z0-9-]++: [!-~][ -~]*+(?<! )\r\n)++)\r\n"
_REQUEST = re.compile(rb"POST (/[A-Za-z0-9/._~%?=&:,+-]*+) HTTP/1\.1\r\n" + _FIELDS)
_ANSWER = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [A-Za-z0-9 _.-]*+)?\r\n" + _FIELDS)
_FIELD = re.compile(rb"([^:]+): ([^\r]+)\r\n")
_USUAL_LENGTH, _SMALL_LENGTH = b"\r\nContent-Length: ", b"\r\ncontent-length: "

# The fields of an answer that mean something here; others may come as often as they like.
_SAID = re.compile(
    rb"\n(?i:(c(?:ontent-(?:type|length|encoding)|onnection)|t(?:ransfer-encoding|railer|e)|retry-after"
    rb"|upgrade|expect|proxy-connection|http2-settings|keep-alive)): ([^\r]*)"
)

# Whatever could change where the message ends, or wants more than an answer.
_UNUSUAL = frozenset(
    {
        *(b"transfer-encoding", b"upgrade", b"expect", b"trailer", b"te", b"content-encoding"),
        *(b"proxy-connection", b"http2-settings", b"keep-alive"),
    }
)
# Answers to which a Content-Length does not say that a body follows.
_BODILESS = frozenset({b"204", b"205", b"304"})


class RequestHead:
    """A request's head, understood. Many requests may share one: nobody changes it.

    `meaning` is what the doors read out of it, once for all of them.
    """

    __slots__ = ("headers", "meaning", "method", "path")

    def __init__(self, method: bytes, path: bytes, headers: dict[bytes, bytes]) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.meaning: object | None = None


def read_request(data: bytes, limits: Limits) -> tuple[RequestHead, int] | None:
    """Return a request's head and the length it announces, or None for the parser to decide."""
    match = _REQUEST.match(data)
    if match is None or match.end() > HEAD_MAX:
        return None
    begin, end = match.span(2)
    path = match[1]
    if end - begin > limits.header_bytes or len(path) + 14 > limits.request_line_bytes:
        return None
    headers = _fields(data, begin, end)
    if headers is None or len(headers) > limits.header_fields:
        return None
    length = headers.get(b"content-length", b"")
    host = headers.get(b"host")
    if host is None or not valid_host(host) or not length.isdigit() or len(length) > 9:
        return None
    del headers[b"content-length"]  # heads are shared; the body says how long it is
    return RequestHead(b"POST", path, headers), int(length)


def read_answer(data: bytes) -> tuple[int, dict[bytes, bytes], int, int] | None:
    """Return an answer's status, what it says of its body, its length, and where it begins; or None."""
    match = _ANSWER.match(data)
    if match is None or match.end() > HEAD_MAX or match[1] in _BODILESS:
        return None
    said = _SAID.findall(data, match.start(2) - 1, match.end())
    headers: dict[bytes, bytes] = {name.lower(): value for name, value in said}
    if len(headers) != len(said) or not _UNUSUAL.isdisjoint(headers):
        return None
    connection = headers.get(b"connection")
    if connection is not None and connection.lower() != b"keep-alive":
        return None
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or len(length) > 9:
        return None
    return int(match[1]), headers, int(length), match.end()


def _fields(data: bytes, begin: int, end: int) -> dict[bytes, bytes] | None:
    pairs = _FIELD.findall(data, begin, end)
    headers: dict[bytes, bytes] = {name.lower(): value for name, value in pairs}
    if len(headers) != len(pairs) or not _UNUSUAL.isdisjoint(headers):
        return None
    connection = headers.get(b"connection")
    if connection is not None and connection.lower() != b"keep-alive":
        return None
    return headers


class Heads:
    """Remembers the heads of requests by their bytes: a caller's next one differs in its length alone.

    The key is the head without the digits of its first Content-Length line (of its first content-length line,
    if there is none in capitals). Two heads of one key have the same lines but for those digits, and as many
    such lines; one that was understood has just one.
    """

    __slots__ = ("_kept", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept: dict[bytes, RequestHead] = {}

    def whole(self, data: bytes) -> tuple[RequestHead, bytes] | None:
        """Return the head and body of a request that `data` is exactly, or None for the parser to decide."""
        end = data.find(b"\r\n\r\n", 0, HEAD_MAX) + 4
        if end < 4:
            return None
        first = data.find(_USUAL_LENGTH, 0, end) + len(_USUAL_LENGTH)
        if first < len(_USUAL_LENGTH):
            first = data.find(_SMALL_LENGTH, 0, end) + len(_SMALL_LENGTH)
            if first < len(_SMALL_LENGTH):
                return None
        last = data.find(b"\r", first, end)
        digits = data[first:last]
        if len(digits) > 9 or not digits.isdigit():
            return None
        length = int(digits)
        if len(data) != end + length or length > self._limits.body_bytes:
            return None
        key = data[:first] + data[last:end]
        head = self._kept.get(key)
        if head is None:
            read = read_request(data, self._limits)
            if read is None or read[1] != length:
                return None
            head = read[0]
            # With other digits it may be some bytes longer, and must still be within the limit.
            if len(key) + 16 <= min(KEPT_HEAD_MAX, self._limits.header_bytes):
                kept = self._kept
                if len(kept) >= KEPT_HEADS:
                    del kept[next(iter(kept))]
                kept[key] = head
        return head, data[end:]
