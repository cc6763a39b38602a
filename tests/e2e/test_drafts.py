"""An answer that waits for a person: from the call to the decision to the answer, as installed."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e import ferries
from tests.e2e.installation import Installation
from tests.e2e.test_replay import Line, Provider

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]
SAID = "The next crossing is at ten."


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start the ferry line, and have its answers withheld: that is approved anew."""
    provider = Provider()
    with Installation(tmp_path_factory.mktemp("line")) as installation:
        installation.start("control", "gateway")
        made = Line(installation, provider)
        today = datetime.now(UTC).date()
        spec = ferries.use_case(today=today, models="small, other")
        withheld = spec.replace("  stage: pilot\n", "  stage: pilot\n  draft: withheld\n")
        made.admin.do("apply", "--yes", "-f", made.admin.write("withheld.yaml", withheld))
        for person in ("ben", "rita", "sam", "lea"):
            body = {"decision": "approve", "comment": "Agreed"}
            status, said = installation.terminal(person).ask(
                "POST", "/v1/use-cases/rebooking/approvals", body
            )
            assert status == 201, said
        yield made
    provider.server.shutdown()
    provider.server.server_close()


def asked(line: Line, draft: str) -> dict[str, Any]:
    """Ask the gateway for a draft with the key that made the call, until its record has arrived."""
    headers = {"authorization": f"Bearer {line.keys['rebooking']}"}
    until = time.monotonic() + 30
    while time.monotonic() < until:
        told = httpx2.get(f"{line.installation.gateway}/drafts/{draft}", headers=headers, timeout=20)
        if told.status_code == 200:
            return dict(told.json())
        assert told.status_code == 404, told.text
        time.sleep(0.1)
    raise AssertionError(f"{draft} did not arrive")


def held_by_openai(line: Line, *, stream: bool) -> str:
    """Call as OpenAI's own client does; return the draft."""
    client = openai.OpenAI(base_url=line.installation.gateway, api_key=line.keys["rebooking"])
    with pytest.raises(openai.PermissionDeniedError) as waits:
        client.chat.completions.create(
            model="default",
            messages=[{"role": "user", "content": "Which crossing is next?"}],
            stream=stream,
        )
    assert waits.value.code == "draft_withheld"
    assert SAID not in str(waits.value)
    return str(waits.value.response.headers["x-roadworthy-draft"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_person_releases_at_the_command_line(line: Line, stream: bool) -> None:  # noqa: FBT001
    """One attempt, one draft; who called gets the answer that client libraries read."""
    before = len(line.provider.asked)
    draft = held_by_openai(line, stream=stream)
    assert len(line.provider.asked) == before + 1, "the client does not try again by itself"
    assert not line.provider.asked[-1].get("stream")
    assert asked(line, draft)["state"] == "waiting"
    rita = line.installation.terminal("rita")
    assert draft in rita.do("draft", "list", "-o", "name").out
    assert SAID in rita.do("draft", "show", draft).out
    rita.do("draft", "release", draft)
    released = asked(line, draft)
    answer = openai.types.chat.ChatCompletion.model_validate(released["answer"])
    assert SAID in str(answer.choices[0].message.content)
    assert "roadworthy.errors" not in rita.run("draft", "release", draft).err
    assert rita.run("draft", "release", draft).code == 6
    assert line.admin.do("audit", "verify").code == 0


def test_a_change_reaches_who_speaks_anthropics_dialect(line: Line) -> None:
    """The refusal as its clients read it, and the answer as the person changed it."""
    body = {
        "model": "default", "max_tokens": 50,
        "messages": [{"role": "user", "content": "Which crossing is next?"}],
    }  # fmt: skip
    url, headers = f"{line.installation.gateway}/messages", {"x-api-key": line.keys["rebooking"]}
    waits = httpx2.post(url, json=body, headers=headers, timeout=20)
    assert (waits.status_code, waits.json()["error"]["type"]) == (403, "permission_error")
    assert SAID not in waits.text
    draft = waits.headers["x-roadworthy-draft"]
    asked(line, draft)
    rita = line.installation.terminal("rita")
    better = rita.write("better.txt", "The next crossing with room is at noon.")
    rita.do("draft", "release", draft, "--text", better, "--reason", "The one at ten is full.")
    answer = asked(line, draft)["answer"]
    assert (answer["type"], answer["content"][0]["text"]) == (
        "message",
        "The next crossing with room is at noon.",
    )


def test_how_it_stands_is_said(line: Line) -> None:
    """It assists as declared; what it takes to do more is said with the figures."""
    said = json.loads(line.admin.do("autonomy", "show", "rebooking", "-o", "json").out)
    assert (said["declared"], said["effective"], said["tier"]) == ("assist", "assist", "high")
    assert said["measured"]["decided"] == 3
    assert (said["measured"]["accepted"], said["measured"]["edited"]) == (2, 1)
    refused = line.installation.terminal("rita").run(
        "autonomy", "raise", "rebooking", "--to", "supervise", "--reason", "Three is a lot."
    )
    assert refused.code == 4
    assert "It takes 300 decisions" in refused.err


@pytest.fixture(scope="module")
def signed_in(browser: Browser, line: Line) -> Iterator[BrowserContext]:
    """Give a browser in which Rita is signed in, who reviews."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    first = context.new_page()
    first.goto(line.admin.do("sign-in-link", "rita").out.strip())
    first.locator("main button[type=submit]").click()
    first.wait_for_url(re.compile(r".*/(\?.*)?$"))
    first.close()
    yield context
    context.close()


@pytest.mark.parametrize("look", list(itertools.product(("light", "dark"), (1360, 320))), ids=str)
def test_the_pages_hold_in_both_themes_and_widths(
    line: Line,
    signed_in: BrowserContext,
    axe: Callable[[Page], list[str]],
    look: tuple[str, int],
    tmp_path: Path,
) -> None:
    """The queue, one draft and the panel of the use case: no violation, no sideways scrolling."""
    (theme, width), draft = look, held_by_openai(line, stream=False)
    asked(line, draft)
    page = signed_in.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    for name, path in (
        ("drafts", "/drafts"),
        ("draft", f"/drafts/{draft}"),
        ("autonomy", "/use-cases/rebooking#autonomy"),
        ("needs", "/"),
    ):
        page.goto(line.installation.url + path)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        page.screenshot(path=tmp_path / f"{name}-{theme}-{width}.png", full_page=True)
    page.close()


def test_a_reviewer_decides_in_the_browser_and_gets_the_next(line: Line, signed_in: BrowserContext) -> None:
    """A changed text is released as changed; then the next draft that waits is there."""
    draft = held_by_openai(line, stream=False)
    asked(line, draft)
    page = signed_in.new_page()
    page.goto(f"{line.installation.url}/drafts/{draft}")
    page.locator("textarea[name=texts]").first.fill("Ask at the desk.")
    page.get_by_label("Reason").fill("Too sure of itself.")
    page.get_by_role("button", name="Release").click()
    page.wait_for_url(re.compile(r".*/drafts(/dr_[0-9a-f]+)?(\?.*)?$"))
    released = asked(line, draft)
    assert (released["state"], released["edited"]) == ("released", True)
    assert released["answer"]["choices"][0]["message"]["content"] == "Ask at the desk."
    page.close()
