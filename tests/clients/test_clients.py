"""Client libraries as they are, through the gateway to a real model; told only its address and a key."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.gateway import CLIENTS, KEY, PYTHON, gateway
from tests.e2e.installation import clean_environment

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
SCRIPT = CLIENTS / "js" / "clients.mjs"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, small_model: str) -> Iterator[str]:
    """Give the gateway's address."""
    with gateway(tmp_path_factory.mktemp("clients"), small=small_model) as found:
        yield found


def run(command: list[str], address: str) -> None:
    """Run a program that calls the gateway and insist that it is content."""
    told = {
        "OPENAI_BASE_URL": f"{address}/v1",
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": address,
        "ANTHROPIC_API_KEY": KEY,
        "HAYSTACK_TELEMETRY_ENABLED": "False",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=clean_environment(**told), timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_client_library_calls_a_real_model_through_the_gateway(program: Path, address: str) -> None:
    """Chat, streams, tools, structured answers and vectors, as far as the library has them."""
    run([str(PYTHON), str(program)], address)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not SCRIPT.exists(), reason="Node was not there when the clients were installed")
def test_javascript_clients_call_a_real_model_through_the_gateway(address: str) -> None:
    """OpenAI's, Anthropic's and Vercel's."""
    run(["node", str(SCRIPT)], address)
