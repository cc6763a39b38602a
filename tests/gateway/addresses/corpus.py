"""Addresses that no provider may have unless it is declared: one list for saving and for connecting."""

from __future__ import annotations

import ipaddress

TARGETS = (
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",  # noqa: S104  never bound
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
)
"""Inside, reserved, or where clouds keep credentials."""
METADATA = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16")
_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
_CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
_BOLD = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def spellings(address: str) -> list[str]:
    """Return the hosts that some program reads as this IPv4 address."""
    parts = [int(part) for part in address.split(".")]
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = parts
    low16, low24 = c << 8 | d, b << 16 | c << 8 | d
    high, low = number >> 16, number & 0xFFFF
    plain = [
        address,
        f"{address}.",
        str(number),
        f"{number}.",
        f"0x{number:x}",
        f"0X{number:08X}",
        f"0{number:o}",
        f"{a}.{low24}",
        f"{a}.{b}.{low16}",
        f"{a}.{b}.0x{low16:x}",
        ".".join(f"0x{part:x}" for part in parts),
        ".".join(f"0{part:o}" for part in parts),
        ".".join(f"000{part:03o}" for part in parts),
        ".".join(f"{part:03d}" for part in parts),
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"0x{a:x}.{low24}",
        str(number + (1 << 32)),
        f"{a + 256}.{b}.{c}.{d}",
        f"{a}.{b}.{c}.{d}.0",
        f"-{number}",
    ]
    disguised = [
        address.translate(_WIDE),
        address.translate(_CIRCLED).replace("0", "⓪"),
        address.translate(_BOLD),
        address.translate(_ARABIC),
        address.replace(".", "。"),
        address.replace(".", "．"),
        address.replace(".", "｡"),
        address.replace(".", "%2e"),
        "".join(f"%{ord(letter):02x}" for letter in address),
        f"{address}%00.example.com",
        f"{address}\u200b",
        f"{address}\t",
    ]
    wrapped = [
        f"[::ffff:{address}]",
        f"[::ffff:{high:x}:{low:x}]",
        f"[0:0:0:0:0:ffff:{address}]",
        f"[::ffff:0:{address}]",
        f"[64:ff9b::{address}]",
        f"[64:ff9b::{high:x}:{low:x}]",
        f"[64:ff9b:1::{high:x}:{low:x}]",
        f"[2002:{high:x}:{low:x}::]",
        f"[2002:{high:x}:{low:x}::1]",
        f"[2001:0:4136:e378:8000:63bf:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}]",
        f"[fe80::5efe:{address}]",
        f"[2606:4700::5efe:{high:x}:{low:x}]",
        f"[::ffff:{address}%25lo]",
        f"[::{address}]",
    ]
    return [*plain, *disguised, *wrapped]


NAMES = (
    *("localhost", "LOCALHOST", "localhost.", "LocalHost.", "localhost.localdomain", "a.localhost"),
    *("localhost.example.localhost", "ip6-localhost", "ip6-loopback", "loopback", "broadcasthost"),
    *("intranet", "db", "redis", "kubernetes", "kubernetes.default.svc", "api.default.svc.cluster.local"),
    *("printer.local", "host.docker.internal", "gateway.docker.internal", "vault.internal", "nas.lan"),
    *("router.home.arpa", "wiki.corp", "hr.intranet", "host.private", "box.home"),
    *("metadata", "metadata.google.internal", "METADATA.google.internal", "metadata.google.internal."),
    *("metadata.goog", "metadata.azure.internal", "metadata.tencentyun.com", "metadata.packet.net"),
    *("metadata.platformequinix.com", "instance-data", "instance-data.ec2.internal"),
    *("ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "locaIhost\u200b", "lo\u00adcalhost", "localhost\uff0eexample"),
    *("localhost%00", "loc%61lhost", "%6c%6f%63%61%6c%68%6f%73%74", "a_b..c", ".localhost", "-x.example.com"),
)
LOCAL6 = (
    *(
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000:0000::0001]",
        "[::1%25lo]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
    ),
    *("[fe80::a9fe:a9fe]", "[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fd00:ec2::23]", "[fd20:ce::254]"),
    *("[fd00:42::42]", "[fec0::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[100::1]", "[::1", "::1"),
    *("[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[v1.fe80::1]", "[]", "[::1]example.com"),
)


def hosts() -> list[str]:
    """Return every host, each once."""
    found = [spelled for target in TARGETS for spelled in spellings(target)]
    return list(dict.fromkeys((*found, *NAMES, *LOCAL6)))


def urls() -> list[str]:
    """Return every address of a provider to refuse."""
    odd = (
        "http://example.com@127.0.0.1/v1",
        "http://127.0.0.1:80@example.com/v1",
        "http://example.com\\@127.0.0.1/v1",
        "http://127.0.0.1\\.example.com/v1",
        "http://127.0.0.1#@example.com/v1",
        "http://127.0.0.1?@example.com/v1",
        "http:///127.0.0.1/v1",
        "http:127.0.0.1/v1",
        "http:/127.0.0.1/v1",
        "//127.0.0.1/v1",
        "127.0.0.1/v1",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_INFO",
        "ftp://127.0.0.1/",
        "dict://127.0.0.1:11211/",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/v1",
        "jar:http://127.0.0.1!/",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:-1/v1",
        "http://127.0.0.1:8 0/v1",
        "http://127.0.0.1\r\nhost: example.com/v1",
        "http://example.com:80:80/v1",
        "http://[::1]:80:80/v1",
        "",
        "http://",
        "https://:443/",
    )
    return [*(f"http://{host}/v1" for host in hosts()), *odd]
