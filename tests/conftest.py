"""Services that tests ask for by name; each starts once for a run, and only if a test wants it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import URL, make_url

from roadworthy.entrypoints import small_model as small_model_program
from roadworthy.testing import browser as browsers
from roadworthy.testing import postgres
from roadworthy.testing.shared_process import run_directory, shared_process

ROOT = Path(__file__).resolve().parent.parent

# Shared cores make single examples slow at random, so no deadline; a run is bounded by pytest's own.
# Derandomised in `make test`: a red run is red again. `HYPOTHESIS_PROFILE=search` looks for new examples.
hypothesis.settings.register_profile("gate", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2_000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture(scope="session")
def run_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory that all workers of this run share."""
    return run_directory(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def small_model(run_files: Path) -> Iterator[str]:
    """Give the base URL (`http://127.0.0.1:PORT/v1`) of the real small model."""
    weights = ROOT / small_model_program.DEFAULT_DIRECTORY
    program = [sys.executable, "-m", small_model_program.__name__, "--weights", str(weights)]
    with shared_process(
        "small-model", directory=run_files, command=lambda run: [*program, "--while-alive", str(run)]
    ) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def postgres_server(run_files: Path) -> Iterator[URL]:
    """Give the URL of the run's PostgreSQL server."""
    # Not below pytest's own directory: each run that starts closes that to others, and as root the server
    # runs as a user of its own.
    digest = hashlib.sha256(str(run_files).encode()).hexdigest()[:16]
    data = Path(tempfile.gettempdir()) / f"roadworthy-postgres-{digest}"
    program = [sys.executable, "-m", postgres.__name__, str(data)]
    with shared_process("postgres", directory=run_files, command=lambda run: [*program, str(run)]) as url:
        yield make_url(url)


@pytest.fixture
def postgres_url(postgres_server: URL) -> Iterator[str]:
    """Give the URL of an empty PostgreSQL database of this test's own."""
    with postgres.new_database(postgres_server) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a headless Chromium, one for each worker."""
    with browsers.launched() as launched:
        yield launched


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page with cookies of its own."""
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture(autouse=True)
def _no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests run loops of their own in a worker whose browser keeps one running between two tests."""
    known = asyncio._get_running_loop()
    if known is None or "browser" in request.fixturenames:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(known)


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """Give the accessibility check: what it returns for a page has to be empty."""
    return browsers.accessibility_violations
