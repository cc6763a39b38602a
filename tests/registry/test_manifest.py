"""YAML that people and parsers read one way only; anything else is refused with its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.foundation.errors import InvalidError, RoadworthyError, TooLargeError
from roadworthy.registry.assembly import assemble
from roadworthy.registry.manifest import parse, source_text
from roadworthy.registry.resource import INTEGER_MAX, check_shape, load
from roadworthy.registry.slice import Slice
from tests.registry.conftest import BOOK, SHELF

CATALOGUE = assemble((Slice("test", kinds=(SHELF, BOOK)),)).catalogue

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, min_size=1, max_size=5))
@settings(max_examples=300)
def test_reads_back_every_value_it_writes(document: dict[str, Any]) -> None:
    """Whatever a document holds, its YAML says the same."""
    (found,) = parse(source_text([("", document)]), file="x.yaml")
    assert found.document == document
    assert check_shape(document) == ""


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode(errors="surrogatepass")))
@settings(max_examples=500)
def test_any_bytes_give_documents_or_a_named_error(data: bytes) -> None:
    """No input crashes the reader."""
    try:
        for one in parse(data, file="x.yaml"):
            load(one.document, CATALOGUE, file="x.yaml", line_of=one.line_of)
        return
    except RoadworthyError as error:
        refused = error
    assert refused.what
    assert not isinstance(refused, InvalidError) or all(issue.message for issue in refused.issues)


@given(st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec", "x"]), values, max_size=5))
@settings(max_examples=300)
def test_any_document_loads_or_is_refused_with_issues(document: dict[str, Any]) -> None:
    """Wrong types at every level are named, never raised as ours."""
    base = {"apiVersion": "roadworthy/v1", "kind": "Book", "metadata": {"name": "a"}, "spec": {}}
    with pytest.raises(InvalidError) as caught:
        load({**base, **document}, CATALOGUE)
    assert caught.value.issues


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: &x 2\n", 2, "Anchors and aliases"),
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tag"),
        ("a: 1\n b: 2\n", 2, "not valid YAML"),
        ("a: [1, 2\n", 2, "not valid YAML"),
        ("? [1]\n: 2\n", 1, "must be text"),
        ("a: " + "[" * 40 + "]" * 40, 1, "nested deeper"),
        ("a: 1\nb: \x07\n", 2, "character YAML forbids"),
        ("a: !x 1\n", 1, "tag"),
    ],
)
def test_refuses_with_the_line(text: str, line: int, said: str) -> None:
    """Each hazard has its own words."""
    with pytest.raises(InvalidError) as caught:
        parse(text, file="x.yaml")
    assert said in caught.value.issues[0].message
    assert caught.value.issues[0].line == line


def test_scalars_are_those_of_yaml_1_2() -> None:
    """`no` is a country, 012 is twelve, a date is text until a field reads it."""
    (found,) = parse(
        "a: no\nb: 012\nc: 2026-01-02\nd: 1_000\ne: 1.0e+26\nf: '1'\ng: 0o7\nh: .5\n", file="x.yaml"
    )
    assert found.document == {
        "a": "no", "b": 12, "c": "2026-01-02", "d": "1_000", "e": 1e26, "f": "1", "g": "0o7", "h": 0.5,
    }  # fmt: skip


def test_a_file_of_two_megabytes_is_refused_quickly() -> None:
    """The size is looked at before anything is read."""
    with pytest.raises(TooLargeError):
        parse("a: " + "x" * 2_000_000, file="x.yaml")


def test_a_bomb_of_many_small_values_is_refused() -> None:
    """The count of values is bounded too."""
    with pytest.raises(TooLargeError):
        parse("[" + "1," * 300_000 + "1]", file="x.yaml")


@pytest.mark.parametrize("value", [2**53, -(2**53), float("inf"), float("nan"), "\ud800", "a\x00b"])
def test_values_that_stores_or_readers_disagree_about_are_refused(value: Any) -> None:
    """Numbers beyond 2^53, not-a-number, NUL and half surrogates never reach a store."""
    assert check_shape({"a": [value]})
