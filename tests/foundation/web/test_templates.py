"""Templates hold no script, no style and no way around escaping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError, nodes

from roadworthy.foundation.web.templating import build_environment
from tests.foundation.web import kitchen

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted(
    [*(ROOT / "src").rglob("templates/**/*.html"), *(ROOT / "tests").rglob("templates/**/*.html")]
)
ENV = build_environment()
MACROS_MAX = 20

RULES = {
    "hand a Markup of our renderer to kit.figure": re.compile(r"\|\s*safe\b|Markup\("),
    "autoescape stays on": re.compile(r"\{%-?\s*autoescape"),
    "put the behaviour in console.js": re.compile(r"\son[a-z]+\s*=\s*[\"']"),
    "put the rule in kit.css": re.compile(r"\sstyle\s*="),
    "put the script in console.js": re.compile(r"<script(?![^>]*\ssrc=)", re.IGNORECASE),
    "put the style in kit.css": re.compile(r"<style", re.IGNORECASE),
    "addresses are paths": re.compile(r"(?:href|src|action)=[\"'](?:javascript:|//|http:)", re.IGNORECASE),
    "htmx expressions are code; use plain attributes": re.compile(r"\bhx-(?:on|vars|vals=[\"']js:)"),
}


def problems(source: str) -> list[str]:
    """Return what to do instead, for every rule this text breaks."""
    return [advice for advice, pattern in RULES.items() if pattern.search(source)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_keep_to_the_content_policy(path: Path) -> None:
    """Every template of every slice, found on disk."""
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ name | safe }}",
        "{% autoescape false %}",
        '<a onclick="x()">',
        '<p style="color:red">',
        "<script>x()</script>",
        "<STYLE>",
        '<a href="javascript:x">',
        '<a hx-on:click="x">',
    ],
)
def test_the_lint_sees_what_it_must(source: str) -> None:
    """A rule that never fires guards nothing."""
    assert len(problems(source)) == 1


def test_the_kit_is_small_and_the_kitchen_uses_all_of_it() -> None:
    """At most 20 macros, and each is drawn on the page that the accessibility test reads."""
    source = (ROOT / "src/roadworthy/foundation/web/templates/kit.html").read_text(encoding="utf-8")
    public = {
        macro.name for macro in ENV.parse(source).find_all(nodes.Macro) if not macro.name.startswith("_")
    }
    kitchen_source = (Path(__file__).parent / "templates/kitchen.html").read_text(encoding="utf-8")
    used = set(re.findall(r"kit\.([a-z_]+)\(", kitchen_source)) | {"empty"}  # drawn by the empty table

    assert len(public) <= MACROS_MAX
    assert public == used


def test_a_missing_value_is_an_error_not_a_blank() -> None:
    """A misspelt name in a template fails in its test, not on somebody's page."""
    with pytest.raises(UndefinedError):
        ENV.from_string("{{ modle.name }}").render()


def test_every_icon_named_exists() -> None:
    """A name that is not in the sprite would draw nothing, silently."""
    sprite = (ROOT / "src/roadworthy/foundation/web/assets/icons.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    views = [kitchen.kitchen_view(), kitchen.list_view(), kitchen.error_view(), kitchen.sign_in_view()]
    env = kitchen.environment()
    html = "".join(
        env.get_template(view.template).render(
            view=view, model=view.model, table=view.table, shell=kitchen.shell(), now=kitchen.NOW
        )
        for view in views
    )
    asked = set(re.findall(r'<use href="/assets/icons\.svg\?v=[0-9a-f]+#([^"]+)"', html))

    assert len(asked) >= 20
    assert asked <= drawn
