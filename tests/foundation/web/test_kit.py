"""Every macro and shared page in a real browser: accessible, in 320 px, in both themes, under the policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from roadworthy.foundation.web.served_assets import assets
from roadworthy.foundation.web.templating import page_headers
from roadworthy.foundation.web.view import View, render
from tests.foundation.web import kitchen

PAGES: dict[str, tuple[Callable[[], View], bool]] = {
    "kitchen": (kitchen.kitchen_view, True),
    "list": (kitchen.list_view, True),
    "overview": (lambda: kitchen.resource_view("overview"), True),
    "yaml": (lambda: kitchen.resource_view("yaml"), True),
    "history": (lambda: kitchen.resource_view("history"), True),
    "diff": (lambda: kitchen.resource_view("diff"), True),
    "error": (kitchen.error_view, True),
    "error-signed-out": (kitchen.error_view, False),
    "sign-in": (kitchen.sign_in_view, False),
}
SIZES = {"desktop": (1360, 900), "phone": (320, 640)}
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, textarea, summary")]
  .filter((e) => e.checkVisibility() && !e.closest("p, .skip") && e.getBoundingClientRect().width > 0)
  .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""


@pytest.fixture(scope="module")
def console() -> Iterator[str]:
    """Give the address of a server with the sample pages, sent with the real headers."""
    env = kitchen.environment()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            name = address.path.removeprefix("/")
            if (asset := assets().get(name.removeprefix("assets/"))) is not None:
                return self._send(asset.body, asset.media_type, {})
            make, signed_in = PAGES.get(name, PAGES["error"])
            theme = parse_qs(address.query).get("theme", [""])[0]
            shell = kitchen.shell(f"/{name}", theme=theme, signed_in=signed_in)
            body, media_type = render(make(), fmt="html", env=env, shell=shell)
            return self._send(body, media_type, page_headers())

        def _send(self, body: bytes, media_type: str, headers: dict[str, str]) -> None:
            self.send_response(200)
            for key, value in {
                **headers,
                "Content-Type": media_type,
                "Content-Length": str(len(body)),
            }.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing; the test does."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def opened(
    browser: Browser, url: str, size: tuple[int, int] = (1360, 900), *, script: bool = True
) -> Iterator[Page]:
    """Open a page and fail on anything the browser complains about, a refused style or script included."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, java_script_enabled=script)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible_and_fit(
    browser: Browser, axe: Callable[[Page], list[str]], console: str, name: str, theme: str
) -> None:
    """No axe violation, no sideways scroll of the page, every target at least 24 px; desktop and phone."""
    with opened(browser, f"{console}/{name}?theme={theme}") as page:
        for width, height in SIZES.values():
            page.set_viewport_size({"width": width, "height": height})
            assert axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_choice_the_system_decides(browser: Browser, console: str, scheme: str) -> None:
    """The tokens follow the preference of the system until a person chooses."""
    with opened(browser, f"{console}/list") as page:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 19, 23)"}[scheme]


def test_everything_reads_without_a_script(browser: Browser, console: str) -> None:
    """Menus, chart tables and dialogs open, and no button stands there that would do nothing."""
    with opened(browser, f"{console}/kitchen", SIZES["phone"], script=False) as page:
        expect(page.locator("[data-needs-script]:visible")).to_have_count(0)
        page.get_by_label("Menu").click()
        expect(page.get_by_role("link", name="Outcomes", exact=True)).to_be_in_viewport(ratio=1)
        page.get_by_label("Menu").click()
        page.get_by_text("Show the numbers").click()
        expect(page.get_by_role("rowheader", name="1 Dec 2025")).to_be_visible()
        page.get_by_role("button", name="Approve").first.click()
        expect(page.get_by_role("dialog", name="Approve as security")).to_be_visible()


def test_the_theme_is_chosen_and_kept(browser: Browser, console: str) -> None:
    """The switch acts at once and leaves the cookie the server reads next time."""
    with opened(browser, f"{console}/list?theme=light") as page:
        page.get_by_role("button", name="Switch to dark theme").click()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate("document.cookie") == "rw_theme=dark"
        expect(page.get_by_role("button", name="Switch to light theme")).to_be_visible()


def test_the_palette_goes_places(browser: Browser, axe: Callable[[Page], list[str]], console: str) -> None:
    """Control-K opens it, typing narrows it and is announced, Enter goes."""
    with opened(browser, f"{console}/list") as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("triage")
        expect(page.locator("#palette a:visible")).to_have_count(1)
        expect(page.locator("#palette [data-count]")).to_have_text("1 result")
        assert axe(page) == []
        page.keyboard.press("Enter")
        page.wait_for_url("**/portfolio/claims-triage")


def test_single_keys_act_and_can_be_switched_off(browser: Browser, console: str) -> None:
    """`t` shows chart tables, `g o` jumps, `?` lists the keys; a field takes them as text; off is off."""
    with opened(browser, f"{console}/kitchen") as page:
        twin = page.locator("details.twin")
        page.locator("main").focus()
        page.keyboard.press("t")
        expect(twin).to_have_attribute("open", "")
        page.locator("#field-title").press("t")
        expect(twin).to_have_attribute("open", "")
        page.locator("main").focus()
        page.keyboard.press("?")
        page.get_by_label("Single-key shortcuts on this browser").uncheck()
        page.get_by_role("dialog", name="Keyboard shortcuts").get_by_label("Close").click()
        page.locator("main").focus()
        page.keyboard.press("t")
        expect(twin).to_have_attribute("open", "")
        assert "rw_shortcuts=off" in page.evaluate("document.cookie")
    with opened(browser, f"{console}/kitchen") as page:
        page.locator("main").focus()
        page.keyboard.press("g")
        page.keyboard.press("o")
        page.wait_for_url("**/outcomes")


def test_a_command_is_copied_and_said(browser: Browser, console: str) -> None:
    """The copy button puts the exact command on the clipboard and tells a screen reader."""
    with opened(browser, f"{console}/list") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy CLI command").click()
        expect(page.locator("#live")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "roadworthy traces --use-case claims"


def test_focus_is_seen_and_the_first_stop_skips_the_rail(browser: Browser, console: str) -> None:
    """Tab shows the skip link, and following it lands in the page."""
    with opened(browser, f"{console}/list") as page:
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


def test_paper_gets_the_content_only(browser: Browser, console: str) -> None:
    """In print there is no rail, no bar, no button, and the ground is white even from a dark screen."""
    with opened(browser, f"{console}/kitchen?theme=dark") as page:
        page.emulate_media(media="print")
        expect(page.locator(".rail, .bar, .button:visible, .sample").locator("visible=true")).to_have_count(0)
        expect(page.get_by_role("heading", name="Claims triage")).to_be_visible()
        assert (
            page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
            == "rgb(255, 255, 255)"
        )
