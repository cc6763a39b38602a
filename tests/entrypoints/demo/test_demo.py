"""The demo as a newcomer runs it: the installed program, real servers, the real model."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from roadworthy.entrypoints.children import alive
from roadworthy.entrypoints.demo import place, seed

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


def _ports() -> dict[str, int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return dict(zip(("control-port", "gateway-port", "model-port"), ports, strict=True))


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
    return {**kept, "ROADWORTHY_HOME": str(folder / "home"), "NO_COLOR": "1"}


def _run(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "roadworthy", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=_environment(folder),
    )


def _good(folder: Path, *words: str, given: str = "") -> str:
    ended = _run(folder, *words, given=given)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory that the demo of this module lives in."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> Iterator[str]:
    """Start the demo, leave it running, give what it printed; afterwards nothing of it may be left."""
    flags = [word for name, port in _ports().items() for word in (f"--{name}", str(port))]
    text = _good(folder, "demo", "--detach", "--data", str(folder / "data"), *flags)
    state = place.read(folder / "data")
    assert state is not None
    try:
        _good(folder, "sign-in", given=_links(text)[0])
        yield text
    finally:
        _good(folder, "demo", "--purge", "--yes", "--data", str(folder / "data"))
    assert not (folder / "data").exists()
    assert state.running() == {}


def _links(text: str) -> list[str]:
    return re.findall(r"http\S+/sign-in/\S+", text)


def _client(text: str) -> openai.OpenAI:
    found = re.search(r'base_url="([^"]+)", api_key="([^"]+)"', text)
    assert found is not None, text
    return openai.OpenAI(base_url=found[1], api_key=found[2], max_retries=0)


def test_what_it_prints_works(said: str) -> None:
    """The key in the snippet gets an answer from the real model, by the stock client."""
    with _client(said) as client:
        answer = client.chat.completions.create(
            model="default", max_tokens=8, messages=[{"role": "user", "content": "Hail damage."}]
        )
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert "not quality" in said


def test_the_company_is_at_every_stage(said: str, folder: Path) -> None:
    """One is granted, one waits, one is not ready, one is prohibited, one is stopped; one grant ends soon."""
    states = {}
    for name in ("claims-triage", "complaint-replies", "fraud-signals", "mood-radar", "renewal-letters"):
        states[name] = json.loads(_good(folder, "explain", name, "-o", "json"))["state"]
    assert states == {
        "claims-triage": "granted",
        "complaint-replies": "waiting for approval",
        "fraud-signals": "not ready",
        "mood-radar": "prohibited",
        "renewal-letters": "stopped",
    }


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("faster-claims", "improved"), ("fewer-repeat-calls", "worse"), ("quicker-quotes", "no evidence yet")],
)
def test_the_year_tells_what_it_was_made_to_tell(said: str, folder: Path, outcome: str, status: str) -> None:
    """One true improvement, one regression that was rolled back, one that cannot be told."""
    found = json.loads(_good(folder, "effect", outcome, "-o", "json"))
    assert found["status"] == status
    assert (found["window"]["end"] is not None) is (status == "worse")


def test_there_are_traces_of_answers_and_refusals(said: str, folder: Path) -> None:
    """Calls were made, some refused, some answered by the second target of a route.

    A few dozen on a machine of its own; a busy one makes fewer, because the demo does not wait for more.
    """
    items = json.loads(_good(folder, "traces", "--limit", "200", "-o", "json"))["items"]
    assert len(items) >= 14
    reasons = {one["reason_code"] for one in items if one["decision"] == "refused"}
    assert {"no_grant", "model_not_granted", "key_revoked"} <= reasons
    fallen = [one for one in items if one["route"] == "resilient" and one["decision"] == "allowed"]
    assert {one["model"] for one in fallen} == {"small"}


def test_only_sample_data_and_a_log_that_verifies(said: str, folder: Path) -> None:
    """The account an installation begins with is gone, everything is labelled, the log holds."""
    people = _good(folder, "get", "person", "-o", "name").split()
    assert f"person/{seed.ADMINISTRATOR}" in people
    assert f"person/{seed.FIRST}" not in people
    assert "verifies" in _good(folder, "audit", "verify")


def test_started_again_it_gives_a_fresh_link_and_key(said: str, folder: Path) -> None:
    """A demo that runs is not started twice; its earlier snippet key is revoked with the next call."""
    text = _good(folder, "demo", "--data", str(folder / "data"))
    assert _links(text)
    assert set(_links(text)).isdisjoint(_links(said))
    with _client(said) as old, pytest.raises(openai.AuthenticationError):
        old.models.list()
    with _client(text) as new:
        assert "default" in {one.id for one in new.models.list()}


def test_purging_keeps_what_is_not_a_sample(said: str, folder: Path) -> None:
    """Somebody's own declaration in it stops the purge, which names it and how to keep it."""
    own = "apiVersion: roadworthy/v1\nkind: Unit\nmetadata: {name: mine}\nspec: {title: Mine}\n"
    _good(folder, "apply", "--yes", "-f", "-", given=own)
    ended = _run(folder, "demo", "--purge", "--data", str(folder / "data"))
    assert (ended.returncode, ended.stdout) == (6, "")
    assert "unit/mine" in ended.stderr
    assert "export" in ended.stderr
    assert (folder / "data" / place.DATABASE).exists()


def test_a_taken_port_stops_it_before_anything_starts(tmp_path: Path) -> None:
    """The port is named, and no directory is left behind."""
    ports = _ports()
    with socket.create_server(("127.0.0.1", ports["gateway-port"])):
        flags = [word for name, port in ports.items() for word in (f"--{name}", str(port))]
        ended = _run(tmp_path, "demo", "--data", str(tmp_path / "data"), *flags)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"Port {ports['gateway-port']}" in ended.stderr
    assert "--gateway-port" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_ctrl_c_stops_all_of_it(tmp_path: Path) -> None:
    """Interrupted while it starts, it leaves no process; what it began is begun anew the next time."""
    flags = [word for name, port in _ports().items() for word in (f"--{name}", str(port))]
    words = [sys.executable, "-m", "roadworthy", "demo", "--data", str(tmp_path / "data"), *flags]
    with subprocess.Popen(
        words, cwd=ROOT, env=_environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 120
        state = None
        while state is None or not state.processes:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
            state = place.read(tmp_path / "data")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert [name for name, one in state.processes.items() if alive(one)] == []
    assert state.seeded_at == ""
