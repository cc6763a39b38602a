"""A provider's credential: read where it is kept, used no longer than allowed."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.gateway.edge.credentials import (
    Credentials,
    NotReadYetError,
    OriginError,
    VaultError,
)
from roadworthy.gateway.edge.origin import Origin
from roadworthy.gateway.edge.vault import VaultServer
from roadworthy.gateway.failures import status_for
from roadworthy.gateway.routing import Failure, may_go_on
from roadworthy.gateway.snapshot import ProviderEntry
from roadworthy.models import envelope

KEY = bytes(range(32))
CANARY = "sk-canary-0a1b2c3d4e5f"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shelf:
    """A vault in memory, with an outage."""

    def __init__(self) -> None:
        self.value = CANARY
        self.away = False
        self.asked = 0

    def read(self, path: str, field: str) -> str:
        """Return the secret of the one path there is."""
        self.asked += 1
        if self.away:
            raise VaultError("the vault cannot be reached (ConnectionRefusedError)")
        assert (path, field) == ("secret/data/openai", "api_key")
        return self.value


def entry(reference: str, **more: object) -> ProviderEntry:
    """Return a provider with its credential there."""
    return ProviderEntry("p", "https://api.example.com/v1", api_key_ref=reference, **more)  # type: ignore[arg-type]


IN_VAULT = entry("vault:secret/data/openai#api_key", secret_cache_s=100)


def settled(credentials: Credentials) -> None:
    """Wait until nothing is being fetched in the background."""
    until = time.monotonic() + 5
    while credentials._fetching and time.monotonic() < until:
        time.sleep(0.002)


def test_a_secret_in_a_vault_is_fetched_once_and_kept_for_its_time() -> None:
    """The loop never waits for it: what is not there yet says so."""
    clock, shelf = Clock(), Shelf()
    credentials = Credentials(vault=shelf, monotonic=clock)
    with pytest.raises(NotReadYetError):
        credentials.read(IN_VAULT)
    credentials.fetch(IN_VAULT)
    credentials.fetch(IN_VAULT)
    held = credentials.read(IN_VAULT)
    assert (held.value, held.good_until_s, shelf.asked) == (CANARY, 1100.0, 1)


def test_it_is_fetched_anew_in_the_background() -> None:
    """From half its time on; calls go on with the one held."""
    clock, shelf = Clock(), Shelf()
    credentials = Credentials(vault=shelf, monotonic=clock)
    credentials.fetch(IN_VAULT)
    shelf.value = CANARY + "-next"
    clock.now += 49
    assert credentials.read(IN_VAULT).value == CANARY
    assert shelf.asked == 1
    clock.now += 2
    assert credentials.read(IN_VAULT).value == CANARY
    settled(credentials)
    assert credentials.read(IN_VAULT).value == CANARY + "-next"


def test_a_vault_that_is_away_is_not_missed_until_the_end_of_the_time() -> None:
    """Then the provider cannot be called, and no one asks more often than every five seconds."""
    clock, shelf = Clock(), Shelf()
    credentials = Credentials(vault=shelf, monotonic=clock)
    credentials.fetch(IN_VAULT)
    shelf.away = True
    for _ in range(9):
        clock.now += 11
        assert credentials.read(IN_VAULT).value == CANARY
        settled(credentials)
    clock.now += 1.5
    asked = shelf.asked
    for _ in range(50):
        with pytest.raises(OriginError) as caught:
            credentials.read(IN_VAULT)
        assert caught.value.code == "provider_secret_unavailable"
    assert shelf.asked == asked
    clock.now += 6
    with pytest.raises(NotReadYetError):
        credentials.read(IN_VAULT)
    with pytest.raises(OriginError, match="cannot be reached"):
        credentials.fetch(IN_VAULT)
    shelf.away = False
    clock.now += 6
    credentials.fetch(IN_VAULT)
    assert credentials.read(IN_VAULT).value == CANARY


def test_without_a_vault_it_is_said_which_setting_is_missing() -> None:
    """And to the provider's callers alone."""
    with pytest.raises(OriginError, match="ROADWORTHY_VAULT_URL"):
        Credentials().fetch(IN_VAULT)


def test_a_sealed_secret_opens_for_its_provider() -> None:
    """With the keys of this gateway, at the address it was set for; each failure has its own words."""
    sealed = envelope.seal(
        CANARY,
        name="k",
        destination="https://api.example.com:443",
        key=KEY,
        randomness=secrets.token_bytes(envelope.RANDOM_BYTES),
    )
    credentials = Credentials(keys=lambda: {envelope.key_id(KEY): KEY})
    assert credentials.read(entry("sealed:k", sealed=sealed)).value == CANARY
    moved = ProviderEntry("p", "https://evil.example.com/v1", api_key_ref="sealed:k", sealed=sealed)
    for provider, keys, code in (
        (moved, credentials, "provider_secret_void"),
        (entry("sealed:k"), credentials, "provider_secret_missing"),
        (entry("sealed:other", sealed=sealed), credentials, "provider_secret_missing"),
        (entry("sealed:k", sealed=sealed), Credentials(), "provider_secret_missing"),
        (entry("sealed:k", sealed=sealed[:-5]), credentials, "provider_secret_missing"),
        (entry("nowhere:k"), credentials, "provider_secret_missing"),
    ):
        with pytest.raises(OriginError) as caught:
            keys.read(provider)
        assert caught.value.code == code
        assert CANARY[:6] not in caught.value.message


HEADS = [
    ("openai", {}, [b"authorization: Bearer k"], b"/v1/x"),
    ("anthropic", {}, [b"x-api-key: k", b"anthropic-version: 2023-06-01"], b"/v1/x"),
    ("anthropic", {"api_version": "2026-01-01"}, [b"anthropic-version: 2026-01-01"], b"/v1/x"),
    ("gemini", {}, [b"x-goog-api-key: k"], b"/v1/x"),
    ("azure-openai", {"api_version": "2024-10-21"}, [b"api-key: k"], b"/v1/x?api-version=2024-10-21"),
    ("bedrock", {"region": "eu-central-1"}, [b"authorization: Bearer k"], b"/v1/x"),
    ("openai", {"headers": {"openai-organization": "org-1"}}, [b"openai-organization: org-1"], b"/v1/x"),
]


@pytest.mark.parametrize(("dialect", "more", "lines", "target"), HEADS)
def test_each_dialect_carries_its_credential_its_way(
    dialect: str,
    more: dict[str, object],
    lines: list[bytes],
    target: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its version, its path, and the headers that were declared."""
    monkeypatch.setenv("RW_TEST_KEY", "k")
    made = Origin(entry("env:RW_TEST_KEY", dialect=dialect, **more), ssl.create_default_context())
    head, _, body = made.request("/x", b"{}", at=0.0).partition(b"\r\n\r\n")
    found = head.split(b"\r\n")
    assert found[0] == b"POST " + target + b" HTTP/1.1"
    assert set(lines) <= set(found)
    assert b"content-length: 2" in found
    assert body == b"{}"
    assert (
        sum(line.startswith((b"authorization", b"x-api-key", b"api-key", b"x-goog")) for line in found) == 1
    )


@pytest.mark.parametrize("path", ["x", "/a b", "/a\r\nhost: x", "/ü", "//evil.example.com\n"])
def test_a_path_cannot_leave_its_line(path: str) -> None:
    """A request has the one target it was made for."""
    made = Origin(ProviderEntry("p", "https://a/v1"), ssl.create_default_context())
    with pytest.raises(OriginError):
        made.request(path, b"", at=0.0)


def test_an_error_that_repeats_the_credential_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole key, both parts of an AWS key; words like it stay."""
    monkeypatch.setenv("RW_TEST_KEY", CANARY)
    made = Origin(entry("env:RW_TEST_KEY"), ssl.create_default_context())
    assert made.scrub(b"Bad key " + CANARY.encode() + b"!") == b"Bad key [credential]!"
    monkeypatch.setenv("RW_TEST_KEY", "AKIAEXAMPLEEXAMPLE00:" + "s" * 40 + ":" + "t" * 20)
    made = Origin(
        entry("env:RW_TEST_KEY", dialect="bedrock", region="eu-central-1"), ssl.create_default_context()
    )
    assert made.scrub(b"s" * 40 + b" " + b"t" * 20 + b" ss") == b"[credential] [credential] ss"


def test_a_missing_credential_is_its_providers_alone() -> None:
    """Another target may answer; when none is left, the caller is told to come back."""
    for code in ("provider_secret_missing", "provider_secret_void", "provider_secret_unavailable"):
        assert may_go_on(Failure(code, "x"))
    assert status_for(Failure("provider_secret_unavailable", "x")) == 503


# ------------------------------------------------------------------ a real vault


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Run OpenBao with a secret in it; give its address and a token."""
    program = shutil.which("bao", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("OpenBao is not installed")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    token = f"root-{secrets.token_hex(8)}"
    home = tmp_path_factory.mktemp("bao")
    server = subprocess.Popen(
        [
            *(program, "server", "-dev", f"-dev-root-token-id={token}", "-dev-no-store-token"),
            f"-dev-listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(home)},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while not _put(url, token, "secret/data/openai", {"data": {"api_key": CANARY, "n": 7}}):
            assert time.monotonic() < until, "OpenBao did not start"
            time.sleep(0.1)
        yield url, token
    finally:
        server.terminate()
        server.wait(20)


def _put(url: str, token: str, path: str, body: object) -> bool:
    request = urllib.request.Request(
        f"{url}/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"x-vault-token": token, "content-type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=2):
            return True
    except OSError:
        return False


def test_openbao_gives_a_secret(bao: tuple[str, str], tmp_path: Path) -> None:
    """By path and field, with the token from its file, read anew each time."""
    url, token = bao
    file = tmp_path / "token"
    file.write_text(token + "\n")
    server = VaultServer(url, token_file=file)
    assert server.read("secret/data/openai", "api_key") == CANARY
    credentials = Credentials(vault=server)
    credentials.fetch(IN_VAULT)
    assert credentials.read(IN_VAULT).value == CANARY
    for path, field, said in (
        ("secret/data/openai", "nothing", "no field 'nothing'"),
        ("secret/data/openai", "n", "no field 'n'"),
        ("secret/data/nobody", "api_key", "nothing is at that path"),
    ):
        with pytest.raises(VaultError, match=said):
            server.read(path, field)
    file.write_text("wrong")
    with pytest.raises(VaultError, match="may not read"):
        server.read("secret/data/openai", "api_key")
    file.unlink()
    with pytest.raises(VaultError, match="cannot be read from its file"):
        server.read("secret/data/openai", "api_key")


def test_a_vault_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """Quickly, and as the vault's failure."""
    with pytest.raises(VaultError, match="cannot be reached"):
        VaultServer("http://127.0.0.1:9", token_file=None).read("secret/x", "y")
    for url in ("ftp://x", "http://", "http://u:p@x", "http://127.1:8200"):
        with pytest.raises(ValueError, match="address"):
            VaultServer(url, token_file=None)
