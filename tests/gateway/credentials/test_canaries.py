"""S-07: canaries in every field for a secret are found in no log, spool, database, export, page or error."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import logging
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import yaml

from roadworthy import main
from roadworthy.foundation import clock
from roadworthy.gateway.edge.credentials import Credentials
from roadworthy.gateway.edge.vault import VaultServer
from roadworthy.gateway.process import Gateway, GatewaySettings
from roadworthy.gateway.snapshot import GrantEntry, KeyEntry, PrincipalEntry
from roadworthy.gateway.source import compile_snapshot
from roadworthy.settings import Settings
from roadworthy.testing.gateway_process import PEPPER, RunningGateway, SnapshotSource, key_hash
from roadworthy.usage import operations as usage
from tests.api.conftest import Control, administrator

ECHOES = ("ok", "stream", "echo-400", "echo-401", "echo-404", "echo-429", "echo-500", "echo-200", "echo-html")
PLACES = ("env", "file", "sealed", "vault", "azure", "gemini", "anthropic", "aws")
BOT = "service-account/bot"


def canary() -> str:
    """Return a secret with every sort of letter that a credential may have."""
    return secrets.token_urlsafe(24) + "+/=" + secrets.token_urlsafe(9)


def forms(secret: str) -> dict[str, bytes]:
    """Return what a leak of a secret may look like."""
    data = secret.encode()
    shapes = {
        "its beginning": data[:6],
        "its end": data[-12:],
        "url-encoded": quote(secret, safe="").encode()[:30],
        "sha256": hashlib.sha256(data).hexdigest()[:16].encode(),
        "sha256 base64": base64.b64encode(hashlib.sha256(data).digest())[:16],
        "hex": data.hex()[:24].encode(),
        "reversed": data[::-1][:16],
    }
    for shift in range(3):  # the three ways in which base64 can fall on it
        encoded = base64.b64encode(b"\0" * shift + data)
        shapes[f"base64 {shift}"] = encoded[4 * (shift > 0) + 4 : 4 * (shift > 0) + 24]
    return shapes


class Parrot(BaseHTTPRequestHandler):
    """A provider, and a vault, that repeats every header it was sent wherever it can."""

    protocol_version = "HTTP/1.1"
    vault: dict[str, str]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as a vault."""
        self._send(200, {"data": {"data": {"api_key": self.server.vaulted}, "metadata": {"version": 1}}})  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        """Answer as a provider: what is asked for is in the model's name, in the path or the body."""
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        heard = " ".join(f"{name}={value}" for name, value in self.headers.items())
        asked = self.path + body
        for status in (400, 401, 404, 429, 500):
            if f"echo-{status}" in asked:
                self._send(status, {"error": {"message": f"Bad key: {heard}", "type": "x", "code": heard}})
                return
        if "echo-200" in asked:
            self._send(200, {"error": {"message": f"Bad key: {heard}"}})
        elif "echo-html" in asked:
            self._send(502, f"<html><title>{heard}</title>{heard}</html>")
        elif "m-stream" in asked:
            self._send(
                200, 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n', "text/event-stream"
            )
        else:
            message = {"role": "assistant", "content": "Hi"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            use = {"prompt_tokens": 1, "completion_tokens": 1}
            self._send(200, {"id": "x", "choices": [choice], "usage": use})

    def _send(self, status: int, said: Any, kind: str = "application/json") -> None:
        data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Planted:
    """An installation with a canary in every place for a secret, and a gateway that uses them all."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.canaries = {place: canary() for place in PLACES}
        self.canaries["aws"] = secrets.token_urlsafe(40)
        self.canaries["vault token"] = canary()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
        self.server.vaulted = self.canaries["vault"]  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._plant(monkeypatch)
        installation = main.open_installation(Settings(data_dir=folder / "data"))
        self.control = Control(installation, main.build_control(installation), administrator(installation))
        self.canaries["api token"] = self.control.token.split("_", 2)[2]
        self.key = f"rwk_aaaaaaaa_{secrets.token_urlsafe(32)}"
        self.canaries["gateway key"] = self.key.split("_", 2)[2]
        self.heard: list[bytes] = []
        self._declare()

    def _plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for place in ("env", "azure", "gemini", "anthropic"):
            monkeypatch.setenv(f"CANARY_{place.upper()}", self.canaries[place])
        session = secrets.token_urlsafe(40)
        self.canaries["aws session"] = session
        monkeypatch.setenv("CANARY_AWS", f"AKIAEXAMPLEEXAMPLE00:{self.canaries['aws']}:{session}")
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "key").write_text(self.canaries["file"])
        (outside / "token").write_text(self.canaries["vault token"])

    def _declare(self) -> None:
        places: dict[str, tuple[str, dict[str, Any]]] = {
            "env": ("openai", {"env": "CANARY_ENV"}),
            "file": ("openai", {"file": str(self.folder / "outside" / "key")}),
            "sealed": ("openai", {"sealed": "sealed-key"}),
            "vault": ("openai", {"vault": {"path": "secret/data/openai"}}),
            "azure": ("azure-openai", {"env": "CANARY_AZURE"}),
            "gemini": ("gemini", {"env": "CANARY_GEMINI"}),
            "anthropic": ("anthropic", {"env": "CANARY_ANTHROPIC"}),
            "aws": ("bedrock", {"env": "CANARY_AWS"}),
        }
        documents = [_document("Unit", "ops", {"title": "Ops"})]
        for name, (dialect, place) in places.items():
            spec: dict[str, Any] = {"title": name, "dialect": dialect, "base_url": self.url, "api_key": place}
            spec |= {"allow_private": True, "api_version": "2024-10-21", "region": "eu-central-1"}
            documents.append(_document("Provider", name, spec))
            for echo in ECHOES:
                model: dict[str, Any] = {"title": echo, "provider": name, "upstream_model": f"m-{echo}"}
                model |= {"context_tokens": 1000, "max_output_tokens": 100}
                documents.append(_document("Model", f"{name}-{echo}", model))
        client = self.control.client()
        planned = client.post("/v1/plan", json={"manifests": [{"text": yaml.safe_dump_all(documents)}]})
        applied = client.post("/v1/apply", json={"plan": planned.json()["plan"]})
        assert applied.status_code == 200, applied.text
        sealed = {"value": self.canaries["sealed"], "provider": "sealed"}
        answer = client.put("/v1/secrets/sealed-key", json=sealed)
        assert answer.status_code == 200, answer.text
        self.heard += [planned.content, applied.content, answer.content]

    def gateway(self) -> RunningGateway:
        """Return a gateway that may call all of it."""
        installation = self.control.installation
        with installation.database.read() as tx:
            compiled = compile_snapshot(tx, now=clock.now())
        grant = GrantEntry("g", "case", models=tuple(sorted(compiled.models)), logging="full")
        snapshot = msgspec.structs.replace(
            compiled,
            keys={key_hash(self.key): KeyEntry("aaaaaaaa", BOT, "case")},
            principals={BOT: PrincipalEntry("bot")},
            grants=(grant,),
        )
        made = RunningGateway(installation.settings.data_dir, SnapshotSource(snapshot))
        vault = VaultServer(self.url, token_file=self.folder / "outside" / "token")
        made.gateway = Gateway(
            holder=made.holder,
            spool=made.spool,
            pepper=PEPPER,
            settings=GatewaySettings(port=0),
            shipper=None,
            on_ready=made._on_ready,
            credentials=Credentials(keys=installation.keyring.keys, vault=vault),
        )
        return made


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name} if kind == "Unit" else {"name": name, "namespace": "ops"}
    return {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """Give it, and take it down."""
    made = Planted(tmp_path, monkeypatch)
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.control.installation.database.close()


def call(gateway: RunningGateway, key: str, model: str, *, stream: bool) -> bytes:
    """Make a call; return the answer, head and all."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", body=json.dumps(body), headers=headers)
    answer = connection.getresponse()
    said = f"{answer.status} {answer.getheaders()}\n".encode() + answer.read()
    connection.close()
    return said


def walk(control: Control) -> list[bytes]:
    """Return every page and answer of the control plane that can be reached from its routes and links."""
    client = control.client()
    routes = [
        route for one in control.installation.assembly.slices for r in one.routers for route in r.routes
    ]
    ahead = [route.path for route in routes if route.method == "GET" and "{" not in route.path]
    ahead += ["/v1/export", "/v1/openapi.json", "/v1/secrets/sealed-key", "/access/secrets/sealed-key.json"]
    seen: set[str] = set()
    said = []
    while ahead and len(seen) < 120:
        path = ahead.pop(0).partition("#")[0]
        if path in seen or path.startswith("/assets"):
            continue
        seen.add(path)
        answer = client.get(path, headers={"accept": "text/html,application/json;q=0.9,*/*;q=0.8"})
        said.append(f"{path} {answer.status_code} {dict(answer.headers)}\n".encode() + answer.content)
        ahead += [link for link in re.findall(r'href="(/[^"]*)"', answer.text) if link not in seen]
    assert len(seen) > 40, "the walk did not get far"
    return said


def stored(folder: Path) -> list[bytes]:
    """Return every file of the data directory but the keys', and the database once more as text."""
    keys = {"secrets.key", "pepper.key", "audit-signing.key"}
    found = [one.read_bytes() for one in folder.rglob("*") if one.is_file() and one.name not in keys]
    with sqlite3.connect(folder / "roadworthy.db") as database:
        found.append("\n".join(database.iterdump()).encode())
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_secret_is_found_anywhere(
    planted: Planted, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every place for one, every kind of error, at the noisiest level of logging."""
    caplog.set_level(logging.DEBUG)
    answers = list(planted.heard)
    with planted.gateway() as gateway:
        answers += [
            call(gateway, planted.key, f"{place}-{echo}", stream=echo == "stream")
            for place in PLACES
            for echo in ECHOES
        ]
        wrong = (planted.key[:-1], planted.key + "x", planted.control.token, planted.canaries["env"])
        answers += [call(gateway, key, "env-ok", stream=False) for key in wrong]
        misplaced = (planted.key, f"rwt_cccccccc_{planted.canaries['api token']}")
        answers += [call(gateway, planted.key, key, stream=False) for key in misplaced]
        records = gateway.records(at_least=len(PLACES) * len(ECHOES))
    assert any(b'"content": "Hi"' in one for one in answers), "no call was served"
    assert sum(b"[credential]" in one for one in answers) > 0, "no provider repeated anything"
    database = planted.control.installation.database
    with database.write() as tx:
        usage.ingest(tx, records, source="gateway", now=clock.now())
    client = planted.control.client()
    for path in ("/v1/secrets/sealed-key", "/v1/secrets/Sealed Key", "/v1/secrets/none"):
        for body in (
            {"value": planted.canaries["sealed"] + " x", "provider": "sealed"},
            [planted.canaries["sealed"]],
        ):
            answers.append(client.put(path, json=body).content)
    client.post("/v1/secrets-key/rotate", json={})
    answers += walk(planted.control)
    out, err = capfd.readouterr()
    places = {
        "an answer": answers,
        "a record": [msgspec.json.encode(one) for one in records],
        "a file": stored(planted.folder / "data"),
        "a log": [caplog.text.encode(), out.encode(), err.encode()],
    }
    found = [
        f"{name}: {form} in {place}"
        for name, secret in planted.canaries.items()
        for form, data in forms(secret).items()
        for place, texts in places.items()
        if any(data in text for text in texts)
    ]
    assert not found, "\n".join(found)


def test_the_search_finds_what_it_looks_for() -> None:
    """A search that cannot find proves nothing."""
    secret = canary()
    shapes = forms(secret)
    assert shapes["its beginning"] in f"Bearer {secret}".encode()
    for prefix in ("", "a", "ab", "Basic user:"):
        encoded = base64.b64encode((prefix + secret).encode())
        assert any(data in encoded for name, data in shapes.items() if name.startswith("base64"))
    assert shapes["url-encoded"] in quote(f"key={secret}", safe="=").encode()
    assert shapes["sha256"] in hashlib.sha256(secret.encode()).hexdigest().encode()
