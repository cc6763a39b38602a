"""A past call run again, by people with terminals and a browser against the installed program."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page

from tests.e2e import ferries
from tests.e2e.installation import Installation, Terminal

PRICE = "price: {input_per_million: 2, output_per_million: 6, currency: EUR, as_of: 2026-06-01}"
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]


class Provider:
    """Answers with the name of the model it was asked for, and counts."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                said = f"I am {body['model']}.\nThe next crossing is at ten."
                answer = json.dumps(
                    {
                        "id": "c", "object": "chat.completion", "created": 1, "model": body["model"],
                        "choices": [
                            {
                                "index": 0, "finish_reason": "stop",
                                "message": {"role": "assistant", "content": said},
                            }
                        ],
                        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
                    }
                ).encode()  # fmt: skip
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Line:
    """The ferry line with two approved models, one in use, and a call that was made."""

    def __init__(self, installation: Installation, provider: Provider) -> None:
        self.installation, self.provider = installation, provider
        self.admin = installation.first_administrator()
        today = datetime.now(UTC).date()
        common = f"provider: sea\n  context_tokens: 2048\n  max_output_tokens: 256\n  {PRICE}"
        declared = [
            ferries.people(),
            ferries.document(
                "Provider", "sea", f"  title: Sea\n  base_url: {provider.url}\n  allow_private: true"
            ),
            ferries.document("Model", "small", f"  title: Small\n  upstream_model: s-1\n  {common}"),
            ferries.document("Model", "other", f"  title: Other\n  upstream_model: o-1\n  {common}"),
            ferries.document("Route", "default", "  title: Everyday questions\n  targets: [small]"),
            ferries.metrics(),
            ferries.outcome(today=today),
            ferries.accounts(today=today),
            ferries.use_case(today=today, models="small, other"),
            ferries.use_case("berth-search", today=today, models="small").replace(
                "logging: full", "logging: metadata"
            ),
        ]
        self.admin.do("apply", "--yes", "-f", self.admin.write("all.yaml", "".join(declared)))
        for person in ("ben", "rita", "sam", "lea"):
            terminal = installation.sign_in(self.admin, person)
            for use_case in ("rebooking", "berth-search"):
                body = {"decision": "approve", "comment": "Agreed"}
                status, said = terminal.ask("POST", f"/v1/use-cases/{use_case}/approvals", body)
                assert status == 201, said
        pete = installation.sign_in(self.admin, "pete")
        self.keys = {
            one: pete.do("key", "issue", f"{one}-bot", "--use-case", one).out.strip()
            for one in ("rebooking", "berth-search")
        }
        self.call_id = self.call("rebooking")

    def call(self, use_case: str) -> str:
        """Call, and wait until the record has arrived."""
        said = {"model": "default", "messages": [{"role": "user", "content": "Which crossing is next?"}]}
        headers = {"authorization": f"Bearer {self.keys[use_case]}"}
        url = f"{self.installation.gateway}/chat/completions"
        answer = httpx2.post(url, json=said, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        name = answer.headers["x-roadworthy-trace-id"]
        self.arrived(name)
        return name

    def arrived(self, name: str) -> dict[str, Any]:
        """Wait for a record, and return the trace."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            status, found = self.admin.ask("GET", f"/v1/traces/{name}")
            if status == 200:
                return dict(found)
            time.sleep(0.1)
        raise AssertionError(f"{name} did not arrive")

    def replay(self, by: Terminal | None = None, **asked: Any) -> tuple[int, Any]:
        """Ask over the API."""
        return (by or self.admin).ask("POST", f"/v1/traces/{self.call_id}/replay", asked)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start it."""
    provider = Provider()
    with Installation(tmp_path_factory.mktemp("line")) as installation:
        installation.start("control", "gateway")
        yield Line(installation, provider)
    provider.server.shutdown()
    provider.server.server_close()


def field(found: dict[str, Any], name: str) -> tuple[Any, Any, bool]:
    """Return what was, what is, and whether it differs."""
    one = next(one for one in found["fields"] if one["name"] == name)
    return one["before"], one["after"], one["differs"]


def test_the_same_again_is_said_to_be_the_same(line: Line) -> None:
    """It goes to the provider once, has a trace of its own as a replay, and counts in no rollup."""
    asked, usage = len(line.provider.asked), line.admin.ask("GET", "/v1/usage")[1]["items"]
    status, found = line.replay()
    assert status == 200, found
    assert len(line.provider.asked) == asked + 1
    assert found["differs"] is False, found["fields"]
    assert found["output_diff"] == ""
    kept = line.arrived(found["replay"])
    assert (kept["tag"], kept["replay_of"]) == ("replay", line.call_id)
    assert (kept["principal"], kept["use_case"]) == ("service-account/rebooking-bot", "rebooking")
    assert (kept["cost_nano"], kept["input_tokens"]) == (9 * 2000 + 4 * 6000, 9)
    after = line.admin.ask("GET", "/v1/usage")[1]["items"]
    assert [one["calls"] for one in after] == [one["calls"] for one in usage]


def test_a_candidate_route_shows_another_model_and_its_words(line: Line) -> None:
    """In a dry run nobody is asked; neither run changes what is in force."""
    text = ferries.document("Route", "default", "  title: Everyday questions\n  targets: [other]")
    file = line.admin.write("candidate.yaml", text)
    asked = len(line.provider.asked)
    dry = line.admin.do("replay", line.call_id, "--config", file, "--dry", "-o", "json").json()
    assert len(line.provider.asked) == asked
    assert field(dry, "model") == ("small", "other", True)
    assert dry["candidate"] == ["Route/default"]
    wet = line.admin.do("replay", line.call_id, "--config", file, "-o", "json").json()
    assert line.provider.asked[-1]["model"] == "o-1"
    assert "-I am s-1.\n+I am o-1." in wet["output_diff"]
    assert "The next crossing is at ten." in wet["output_diff"]
    said = line.admin.do("replay", line.call_id, "--config", file).out
    assert "~ Model: small -> other" in said
    assert "+I am o-1." in said
    line.call("rebooking")
    assert line.provider.asked[-1]["model"] == "s-1", "what is in force is as it was"
    named = line.admin.do("replay", line.call_id, "--model", "other", "-o", "json").json()
    assert field(named, "model")[1] == "other"


def test_a_candidate_policy_that_blocks_says_so(line: Line) -> None:
    """The dry run and the gateway come to the same refusal; the provider hears nothing."""
    text = ferries.document(
        "Filter", "crossings", "  title: Crossings\n  patterns: {crossing: crossing}"
    ) + ferries.document(
        "FilterPolicy",
        "no-crossings",
        "  title: No crossings\n  units: [ferries]\n  uses:\n    - {filter: crossings, input: block}",
    )
    asked = len(line.provider.asked)
    for dry in (True, False):
        status, found = line.replay(dry=dry, candidate=[{"text": text}])
        assert status == 200, json.dumps(found)
        assert field(found, "decision") == ("allowed", "refused", True), found
        assert found["refused"]
        assert any("crossings" in one for one in field(found, "filters")[1])
    assert len(line.provider.asked) == asked
    said = line.admin.do("replay", line.call_id, "--config", line.admin.write("p.yaml", text), "--dry").out
    assert "It would be refused because" in said


def test_who_may_and_what_cannot(line: Line) -> None:
    """Denied by default; a candidate may not say where providers are; metadata cannot be replayed."""
    for person in ("pete", "vic"):
        status, _ = line.replay(line.installation.sign_in(line.admin, person), dry=True)
        assert status == 403, person
    elsewhere = ferries.document("Provider", "sea", "  title: Sea\n  base_url: https://evil.example/v1")
    status, refused = line.replay(dry=True, candidate=[{"text": elsewhere}])
    assert (status, "Provider" in json.dumps(refused)) == (422, True)
    unknown = ferries.document("Route", "default", "  title: Nothing\n  targets: [nobody]")
    assert line.replay(dry=True, candidate=[{"text": unknown}])[0] == 422
    bare = line.call("berth-search")
    said = line.admin.run("replay", bare)
    assert said.code == 3
    assert "metadata only" in said.err
    assert "logging: full" in said.err
    assert (
        httpx2.post(f"{line.installation.gateway}/replays", content=b"x" * 90, timeout=5).status_code == 403
    )


def test_a_stopped_model_would_be_refused_and_why(line: Line) -> None:
    """Today's configuration is what it is today."""
    line.admin.do("kill", "model/small", "--reason", "It lies", "--yes")
    try:
        dry, wet = line.replay(dry=True)[1], line.replay()[1]
    finally:
        line.admin.do("revive", "model/small")
    for found in (dry, wet):
        assert "It lies" in found["refused"]
    kept = line.arrived(wet["replay"])
    assert (kept["decision"], kept["tag"]) == ("refused", "replay")


def test_each_replay_is_in_the_log(line: Line) -> None:
    """Who ran what again, and that it was read."""
    line.replay(dry=True)
    _, log = line.admin.ask("GET", f"/v1/audit/entries?subject=trace/{line.call_id}&limit=2")
    actions = {one["action"] for one in log["items"]}
    assert actions == {"usage.call-replayed", "usage.content-read"}


def test_the_console_offers_and_shows_it(line: Line, page: Page, axe: Any, tmp_path: Path) -> None:
    """From the call's page to what differs, in light and dark and narrow, without a violation."""
    page.goto(line.admin.do("sign-in-link", "admin").out.strip())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(f"{line.installation.url}/traces/{line.call_id}")
    page.get_by_role("link", name="Run it again").click()
    assert axe(page) == []
    page.get_by_label("Model or route").fill("other")
    page.get_by_role("button", name="Run it", exact=True).click()
    page.get_by_text("+I am o-1.").wait_for()
    _looked_at(page, axe, tmp_path, "replay")
    page.get_by_role("link", name="The replay's own trace").wait_for()
    for name, path in (("trace", f"/traces/{line.call_id}"), ("traces", "/traces?tried=small")):
        page.goto(line.installation.url + path)
        _looked_at(page, axe, tmp_path, name)


def _looked_at(page: Page, axe: Any, folder: Path, name: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert axe(page) == [], (name, scheme, width)
    page.set_viewport_size({"width": 1280, "height": 900})
