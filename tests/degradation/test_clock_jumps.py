"""Row "clock jump" of the table of fail semantics (R-16): durations do not know the clock on the wall."""

from __future__ import annotations

from pathlib import Path

import pytest

from roadworthy.foundation import clock
from roadworthy.gateway.journal import Journal
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Snapshot

SECRET = b"secret"


def held(tmp_path: Path, *, down: bool) -> SnapshotHolder:
    """Return a holder whose source answers, or does not."""

    def load(known: int) -> Snapshot | None:
        if down:
            raise ConnectionError("away")
        return Snapshot(1, "") if known < 0 else None

    return SnapshotHolder(
        load=load,
        counter=RevisionCounter(tmp_path / "revision"),
        secret=SECRET,
        last_good=tmp_path / "last-good",
        max_stale_s=900,
    )


@pytest.mark.parametrize("jump_s", [-7200.0, -301.0, 301.0, 7200.0])
def test_a_running_gateway_does_not_mind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    """An age is measured on a clock that nobody sets."""
    holder = held(tmp_path, down=False)
    holder.start()
    real = clock.unix_now
    monkeypatch.setattr(clock, "unix_now", lambda: real() + jump_s)
    assert holder.refresh()
    state = holder.state()
    assert state.state == "ready"
    assert state.confirmed_age_s is not None
    assert 0 <= state.confirmed_age_s < 5


@pytest.mark.parametrize(
    ("jump_s", "word"), [(-7200.0, "not-ready"), (-300.0, "degraded"), (60.0, "degraded")]
)
def test_a_start_without_the_source_does_not_take_an_old_snapshot_for_a_young_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float, word: str
) -> None:
    """A clock set back would make any snapshot look young; how far it is off counts as its age."""
    own = Journal(tmp_path / "last-good", secret=SECRET)
    real = clock.unix_now
    own.write(Snapshot(1, ""), confirmed_at=real())
    own.close()
    monkeypatch.setattr(clock, "unix_now", lambda: real() + jump_s)
    holder = held(tmp_path, down=True)
    holder.start()
    assert holder.state().state == word
