"""The demo touches its own directory and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from roadworthy.entrypoints.children import ChildError
from roadworthy.entrypoints.demo import place
from roadworthy.entrypoints.demo.place import State

STATE = State({"control-port": 1, "gateway-port": 2, "model-port": 3}, "2026-11-23T10:00:00+00:00")


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    """A demo that is started again knows its ports."""
    place.write(tmp_path / "demo", STATE)
    assert place.read(tmp_path / "demo") == STATE
    assert place.claim(tmp_path / "demo") == STATE


def test_an_absent_or_empty_directory_may_be_taken(tmp_path: Path) -> None:
    """The first start makes it."""
    assert place.claim(tmp_path / "absent") is None
    assert place.claim(tmp_path) is None


@pytest.mark.parametrize("name", ["roadworthy.db", "notes.txt", ".hidden"])
def test_somebody_elses_directory_is_left_alone(name: str, tmp_path: Path) -> None:
    """Real data are never mixed with samples, nor removed with them."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(ChildError, match="left as it is"):
        place.claim(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"ports": 1}', '{"ports": {}, "seeded_at": ""}'])
def test_a_damaged_mark_is_no_mark(text: str, tmp_path: Path) -> None:
    """What cannot be read as the demo's is treated as somebody's."""
    (tmp_path / place.MARKER).write_text(text)
    assert place.read(tmp_path) is None
    with pytest.raises(ChildError):
        place.claim(tmp_path)


def test_own_declarations_are_told_from_samples() -> None:
    """Only the label decides, and only with its value."""
    declared = [("unit/a", {"sample": "demo"}), ("unit/b", {}), ("unit/c", {"sample": "mine"})]
    assert place.own(declared) == ["unit/b", "unit/c"]
