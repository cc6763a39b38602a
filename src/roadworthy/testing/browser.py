"""A real browser for tests: Debian's Chromium, driven by Playwright, with axe-core for accessibility."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these the browser looks for its maker's hosts at every start.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One rendering on every machine, so that screenshots compare.
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
)


def chromium_path() -> str:
    """Return where Chromium is; say how to get it if it is not."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError("Chromium is not installed. On Debian or Ubuntu: apt-get install chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a headless browser; it is closed afterwards."""
    # Chromium's own sandbox refuses to run as root, which is who runs tests in a bare container.
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*_FLAGS, *root])
        try:
            yield browser
        finally:
            browser.close()


def accessibility_violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page, one line for each element, empty when all is well."""
    found = Axe().run(page)
    return [
        f"{rule['id']} ({rule['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
