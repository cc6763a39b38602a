"""What the engine is asked first is never less than what is looked for: in every match, and at every end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.filters.reading import BUILT_IN, Holder, Reader, holder
from roadworthy.gateway.filters.recogniser import Recogniser

GATED = [one for one in BUILT_IN if one.gate]
STRICT = [one for one in BUILT_IN if one.family in {"secrets", "cards", "bank-accounts", "national-ids"}]
HOLDER = holder(STRICT)
PIECES = st.sampled_from(
    [
        b"sk-",
        b"AKIA",
        b"12",
        b"4111 ",
        b"-",
        b"DE89 ",
        b"word ",
        b"password",
        b": ",
        b"=",
        b"\xe4",
        b"\n",
        b"a",
        b".",
    ]
)


@pytest.mark.parametrize("one", GATED, ids=lambda one: one.name)
@given(data=st.data())
def test_a_gate_hides_nothing_from_the_reader(one: Recogniser, data: st.DataObject) -> None:
    """A reader with the gate finds exactly what one without it finds."""
    drawn = data.draw(st.from_regex(re.compile(one.pattern), fullmatch=True))
    text = f"some words {drawn.decode('latin-1')} and more"
    gated, bare = _readers(one)
    assert gated.spans(text, [one]) == bare.spans(text, [one])


_MADE: dict[str, tuple[Reader, Reader]] = {}


def _readers(one: Recogniser) -> tuple[Reader, Reader]:
    if one.name not in _MADE:
        bare = Recogniser(**{name: getattr(one, name) for name in one.__struct_fields__ if name != "gate"})
        _MADE[one.name] = Reader([one]), Reader([bare])
    return _MADE[one.name]


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_an_end_is_held_back_whoever_is_asked(text: bytes) -> None:
    """Asking the engine first changes nothing of where a text's end begins that may become something."""
    assert isinstance(HOLDER, Holder)
    found = HOLDER._exact.search(text)
    assert HOLDER.start(text) == (found.start() if found is not None else None)
