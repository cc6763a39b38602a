"""The services that tests lean on are real and are themselves."""

from __future__ import annotations

from collections.abc import Callable

from openai import OpenAI
from playwright.sync_api import Page
from sqlalchemy import create_engine, text


def test_each_test_has_a_database_of_its_own(postgres_url: str) -> None:
    """A table made here is in an otherwise empty database of a current PostgreSQL."""
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        assert connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'")) == 0
        connection.execute(text("create table leaf (id int)"))
        assert int(connection.scalar(text("show server_version_num")) or 0) >= 160000
    engine.dispose()


def test_another_test_does_not_see_it(postgres_url: str) -> None:
    """What one test made is not there for the next."""
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(text("select to_regclass('leaf')")) is None
    engine.dispose()


def test_the_small_model_answers_the_stock_client(small_model: str) -> None:
    """The vendor's own client gets a completion with a token count."""
    with OpenAI(base_url=small_model, api_key="none") as client:
        answer = client.chat.completions.create(
            model="smollm2-135m-instruct", messages=[{"role": "user", "content": "Say hello."}], max_tokens=8
        )
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 8


def test_the_small_model_streams(small_model: str) -> None:
    """Chunks arrive one by one and the last one carries the usage asked for."""
    with OpenAI(base_url=small_model, api_key="none") as client:
        chunks = list(
            client.chat.completions.create(
                model="smollm2-135m-instruct",
                messages=[{"role": "user", "content": "Count to three."}],
                max_tokens=8,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    assert len([chunk for chunk in chunks if chunk.choices]) > 3
    assert chunks[-1].usage is not None


def test_the_browser_renders(page: Page) -> None:
    """A page set here is rendered by a real engine: its layout has a size."""
    page.set_content("<title>Road</title><main><h1>Open</h1></main>")
    box = page.locator("h1").bounding_box()
    assert box is not None
    assert box["width"] > 0


def test_axe_finds_a_missing_label_and_nothing_in_a_good_page(
    page: Page, axe: Callable[[Page], list[str]]
) -> None:
    """The accessibility check can fail, and names the element."""
    page.set_content("<html lang=en><title>Road</title><main><h1>Open</h1><input id=gap></main></html>")
    assert any("label" in line and "#gap" in line for line in axe(page))
    page.set_content("<html lang=en><title>Road</title><main><h1>Open</h1></main></html>")
    assert axe(page) == []
