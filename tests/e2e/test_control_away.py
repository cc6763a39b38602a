"""The control plane's process is killed: calls go on, and what is not told meanwhile is told afterwards."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from tests.e2e.installation import Installation
from tests.e2e.test_replay import Line, Provider

CALLS = 20
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]


def test_calls_go_on_without_the_control_plane(tmp_path: Path) -> None:
    """Each is answered while it is away; started again, it knows every one of them, once."""
    provider = Provider()
    said = {"model": "default", "messages": [{"role": "user", "content": "Which crossing is next?"}]}
    with Installation(tmp_path) as installation:
        installation.start("control", "gateway")
        line = Line(installation, provider)
        installation.kill("control")
        url = f"{installation.gateway}/chat/completions"
        headers = {"authorization": f"Bearer {line.keys['rebooking']}"}
        answers = [httpx2.post(url, json=said, headers=headers, timeout=20) for _ in range(CALLS)]
        assert {answer.status_code for answer in answers} == {200}
        wrong = httpx2.post(url, json=said, headers={"authorization": "Bearer rwk_no"}, timeout=20)
        assert wrong.status_code == 401
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{installation.url}/healthz", timeout=5)
        installation.start("control")
        for answer in answers:
            line.arrived(answer.headers["x-roadworthy-trace-id"])
        found = line.admin.do("traces", "--use-case", "rebooking", "-o", "json").json()["items"]
        assert len(found) == CALLS + 1
    provider.server.shutdown()
    provider.server.server_close()
