"""The pages about filters, routing and budgets, followed to the letter against the installed program."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from roadworthy.gateway import filter_view
from roadworthy.gateway.filter_rules import HOUSE_FILTERS
from roadworthy.gateway.filters.measured import measured
from tests.docs.pages import snippets
from tests.e2e import ferries
from tests.e2e.installation import PROGRAM, SECONDS, Installation, Terminal, clean_environment
from tests.e2e.test_replay import Line, Provider

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]
PAGE = "docs/explanation/filters.md"
ROUTING, BUDGETS = "docs/explanation/routing.md", "docs/explanation/budgets.md"
HERE = {
    "claims-triage": "rebooking", "claims": "ferries", "owner: ada": "owner: ana",
    "--provider openai": "--provider sea", "--provider acme": "--provider sea",
}  # fmt: skip
"""What the pages name -> what is there on the ferry line."""
KEY = "sk-proj-" + "a8Kx02Lq" * 6


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start the ferry line with what the page declares, for its own unit."""
    provider = Provider()
    with Installation(tmp_path_factory.mktemp("line")) as installation:
        installation.start("control", "gateway")
        made = Line(installation, provider)
        names = ("large", "coder", "next", "candidate")
        declared = [ferries.document("Model", name, _model(name)) for name in names]
        made.admin.do("apply", "--yes", "-f", made.admin.write("models.yaml", "".join(declared)))
        for page, blocks in ((PAGE, 2), (ROUTING, 2), (BUDGETS, 1)):
            said = [one.body for one in snippets("yaml") if one.page == page]
            assert len(said) == blocks
            for body in said:
                made.admin.do("apply", "--yes", "-f", made.admin.write("page.yaml", _here(body)))
        yield made
    provider.server.shutdown()
    provider.server.server_close()


def _model(name: str) -> str:
    price = "price: {input_per_million: 2, output_per_million: 6, currency: EUR, as_of: 2026-06-01}"
    size = "context_tokens: 99\n  max_output_tokens: 9"
    return f"  title: M\n  provider: sea\n  upstream_model: {name}\n  {size}\n  {price}"


def _here(body: str) -> str:
    for name, there in HERE.items():
        body = body.replace(name, there)
    return body


def _refused(line: Line, text: str, code: str) -> str:
    """Send a call that is refused; return its id once its record has arrived."""
    said = {"model": "default", "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {line.keys['rebooking']}"}
    answer = httpx2.post(
        f"{line.installation.gateway}/chat/completions", json=said, headers=headers, timeout=20
    )
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == code
    name = answer.headers["x-roadworthy-trace-id"]
    line.arrived(name)
    return name


def _run(terminal: Terminal, body: str, **variables: str) -> str:
    folder = Path(PROGRAM).parent
    environment = clean_environment(
        ROADWORTHY_HOME=str(terminal.folder / ".profiles"), ROADWORTHY_URL=terminal.url, **variables
    )
    environment["PATH"] = f"{folder}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", body],
        cwd=terminal.folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{body}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_page_can_be_followed(line: Line) -> None:
    """Every command of it, by whom it takes: an appeal is overturned, a held call is approved and passes."""
    held_text = "About CASE-123456"
    calls = {
        "BLOCKED": _refused(line, f"Use {KEY}", "filter_blocked"),
        "HELD": _refused(line, held_text, "held_for_approval"),
    }
    people = {
        "by an administrator": line.admin,
        "by a reviewer": line.installation.terminal("sam"),
    }
    out: dict[str, Any] = {}
    for one in snippets("sh"):
        if one.page == PAGE and one.mark in people:
            out[one.body] = _run(people[one.mark], one.body, **calls)
    assert len(out) == 6
    said = "\n".join(out.values())
    assert "Card [CARD], write to [EMAIL]" in said
    assert "false_positive_rate: 1\n" in said
    assert '"action": "hold"' in said
    assert "FALSE ALARMS" in said

    body = {"model": "default", "messages": [{"role": "user", "content": held_text}]}
    headers = {"authorization": f"Bearer {line.keys['rebooking']}"}
    url, until = f"{line.installation.gateway}/chat/completions", time.monotonic() + 10
    while (answer := httpx2.post(url, json=body, headers=headers, timeout=20)).status_code != 200:
        assert time.monotonic() < until, answer.text
    other = {"model": "default", "messages": [{"role": "user", "content": "About CASE-654321"}]}
    assert httpx2.post(url, json=other, headers=headers, timeout=20).status_code == 403


def test_the_page_about_routing_can_be_followed(line: Line) -> None:
    """It explains its route then and now; the switch stops a model and lets it go again."""
    one, two = (one for one in snippets("sh") if one.page == ROUTING and one.mark == "by an administrator")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = _here(one.body).replace("2026-11-01T00:00:00Z", now)
    # The use case is granted another route than the page's own.
    said = _run(line.admin, body.replace("route/desk --use-case", "route/default --use-case"))
    assert said.count("small") >= 2
    assert "coder" in said
    said = _run(line.admin, _here(two.body))
    assert "It answers with other people's data" in said
    assert line.admin.ask("GET", "/v1/switches")[1]["items"] == []


def test_the_page_about_budgets_can_be_followed(line: Line) -> None:
    """It shows the budget, and an invoice beside the ledger, of OpenAI's form and by the page's mapping."""
    one, two = (one for one in snippets("sh") if one.page == BUDGETS and one.mark == "by an administrator")
    said = _run(line.admin, _here(one.body))
    assert "ferries-monthly" in said
    assert '"left"' in said
    (mapping,) = (one.body for one in snippets("text") if one.page == BUDGETS and "only:" in one.body)
    today = datetime.now(UTC).date().isoformat()
    line.admin.write("acme.yaml", mapping)
    rows = f"{today},s-1,0,9,4711\n{today},s-1,99,9,1\n"
    line.admin.write("invoice.csv", f"Date,Product,Net,Prompt tokens,Account\n{rows}")
    heading = "start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id"
    stamp = f"{today}T00:00:00+00:00,{today}T23:59:59+00:00"
    line.admin.write("costs.csv", f'{heading}\n{stamp},0.001,eur,"s-1, input",p\n')
    said = _run(line.admin, _here(two.body))
    assert said.count("rounding") + said.count("agrees") >= 2


def test_the_page_says_what_was_measured() -> None:
    """Each row of its table, and its microseconds, are the report's."""
    text = Path(__file__).parents[2].joinpath(PAGE).read_text(encoding="utf-8")
    report = measured()
    found = {name: filter_view.measure_of(entry, report) for name, entry in HOUSE_FILTERS.items()}
    rows = {f"`{name}`": one for name, one in found.items()}
    rows |= {f"classifier from {bar}": report.of_classifier(bar) for bar in (0.5, 0.8, 0.9)}
    for name, one in rows.items():
        assert one is not None
        assert one.recall is not None
        row = (
            f"| {name} | {one.recall * 100:.1f} % | {one.positives:,} | {one.false_positives:,} "
            f"| {one.negatives:,} |"
        )
        assert row in text, row
    for figure in (report.us_per_kb_clean, report.us_per_kb_dirty, report.us_per_kb_classifier):
        assert re.search(rf"\b{figure} µs", text)
