"""Declared patterns and topics: in any script, and never let out in part by a stream."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import re2
from hypothesis import given

from roadworthy.gateway.filters.beginnings import ANYTHING, beginnings
from roadworthy.gateway.filters.declared import DeclaredReader, declared, holder_of
from roadworthy.gateway.snapshot import FilterEntry

PATTERNS = (
    "xyzzy-plum-\\d{4}",
    "(?i:project (alpha|beta|gamma)+ ?x)",
    "[A-Z]{2}\\d{6,8}[[:alpha:]]?",
    "a(?:bc){2,3}d",
    "(?:(?:AB|C)-)?\\d+\\.\\d{2}",
    "секрет(?:ный|ная)?",
    "\\bfoo\\b.{0,10}\\x{42}ar$",
    "colou?r[^\\]x]*z",
    "(?P<name>kilo)\\pL+",
    "(?i:one)two",
    "(?s-i:a.b)c",
    "x{1,2}|\\{y",
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_beginning_of_a_match_is_known(pattern: str) -> None:
    """Whatever matches, each of its beginnings is held back."""
    assert beginnings(pattern) != ANYTHING
    held = re2.compile("(?:" + beginnings(pattern) + ")\\z")

    @given(
        st.from_regex(
            pattern.replace("[[:alpha:]]", "[a-zA-Z]").replace("\\x{42}", "B").replace("\\pL", "[a-z]"),
            fullmatch=True,
        )
    )
    def check(text: str) -> None:
        if re2.fullmatch(pattern, text) is None or len(text) > 60:
            return
        for end in range(1, len(text) + 1):
            found = held.search(text[:end])
            assert found is not None, text[:end]
            assert found.start() == 0, (text[:end], found)

    check()


@pytest.mark.parametrize("pattern", ["\\Qa.b\\E", "(?i)", "", "(?<!a)b"])
def test_what_cannot_be_cut_holds_everything(pattern: str) -> None:
    """Rather a little late than in part."""
    assert beginnings(pattern) == ANYTHING


@pytest.mark.parametrize(
    ("topics", "text", "found"),
    [
        (("оружие",), "Где купить Оружие дешево?", "Оружие"),
        (("оружие",), "Где безоружие?", ""),
        (("毒品",), "我喜欢毒品吗", "毒品"),
        (("buy a gun",), "how to Buy  a-gun now", "Buy  a-gun"),
        (("gun",), "a gunner, begun", ""),
        (("gun",), "a g\u200bun!", "g\u200bun"),
        (("straße",), "Die Straße hier", "Straße"),
    ],
)
def test_topics_are_whole_words_of_any_script(topics: tuple[str, ...], text: str, found: str) -> None:
    """What stands in another word is not found; scripts without spaces have no other words."""
    reader = DeclaredReader(declared(FilterEntry("t", topics={"weapons": topics})))
    spans = reader.spans(text, [object()]) or []
    assert "".join(text[one.start : one.end] for one in spans) == found


def test_lone_surrogates_do_not_stop_a_pattern() -> None:
    """A text that is no text is read nevertheless."""
    reader = DeclaredReader(declared(FilterEntry("t", patterns={"plum": "plum-\\d"})))
    spans = reader.spans("\ud800 plum-1 é", [object()])
    assert spans is not None
    assert (spans[0].start, spans[0].end) == (2, 8)


def test_too_much_together_holds_everything() -> None:
    """Patterns too large to be held back one by one are held back all."""
    huge = {f"p{number}": "(?:[a-z]{50}[0-9]{50}){10}" + str(number) for number in range(50)}
    held = holder_of(declared(FilterEntry("t", patterns=huge)))
    assert held.search("anything").start() == 0
