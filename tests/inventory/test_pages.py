"""The inventory's pages, in a browser: light, dark and narrow."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from tests.api.conftest import Control
from tests.inventory.lists import LIST, MAPPING, ROWS

PAGES = (
    "/inventory",
    "/inventory?gap=owner",
    "/inventory/report",
    "/inventory/entries/berth-planner",
    "/inventory/platform",
    "/inventory/import",
)


Opened = Callable[..., Page]


@pytest.fixture
def opened(small: Control, browser: Browser) -> Iterator[Opened]:
    """Give pages of a console over the made-up list, for somebody signed in."""
    body = {"content_base64": base64.b64encode(LIST).decode(), "mapping": MAPPING, "file": "list.csv"}
    assert small.client().post("/v1/inventory/import", json=body).status_code == 200
    server = uvicorn.Server(uvicorn.Config(small.app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    contexts = []

    def page(scheme: Literal["light", "dark"] = "light", width: int = 1280) -> Page:
        contexts.append(
            browser.new_context(
                base_url=f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}",
                extra_http_headers={"Authorization": f"Bearer {small.token}"},
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
            )
        )
        return contexts[-1].new_page()

    yield page
    for context in contexts:
        context.close()
    server.should_exit = True
    thread.join(timeout=10)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_the_pages_are_for_everybody(
    opened: Opened, axe: Callable[[Page], list[str]], scheme: str, width: int
) -> None:
    """Nothing is wrong for people who do not see or point, and nothing runs off a narrow screen."""
    page = opened(scheme, width)
    for path in PAGES:
        page.goto(path)
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_list_is_taken_in_by_hand(opened: Opened, tmp_path: Path) -> None:
    """Two files chosen, one button: the report says what became of the rows."""
    (tmp_path / "again.csv").write_bytes(LIST)
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    page = opened()
    page.goto("/inventory/import")
    page.get_by_label("List", exact=True).set_input_files(tmp_path / "again.csv")
    page.get_by_label("Mapping", exact=True).set_input_files(tmp_path / "mapping.yaml")
    page.get_by_role("button", name="Take it in").click()
    page.wait_for_url("**/inventory/report?list_name=harbour")
    assert f"{ROWS} rows taken in: 0 new, 0 changed" in page.content()
    page.get_by_role("link", name="Name who answers for").first.click()
    assert "Crane watch" in page.content()
