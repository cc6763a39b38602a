"""Records outlive their process; torn and damaged segments give back all that is whole."""

from __future__ import annotations

import io
import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.usage import record, ship, spool
from roadworthy.usage.record import CallRecord
from roadworthy.usage.ship import Shipper, ship_once
from roadworthy.usage.spool import Spool, SpoolFullError


def made(number: int) -> CallRecord:
    """Return a record."""
    return CallRecord(id=f"tr_{number:032d}", at=number, decision="allowed", error="x" * (number % 40))


def framed(number: int) -> bytes:
    """Return a record as it stands in a segment."""
    return spool.frame(record.encode(made(number)))


def test_what_was_appended_is_shipped_once_and_deleted(tmp_path: Path) -> None:
    """Store, then delete; a second round finds nothing."""
    one = Spool(tmp_path, "p")
    for number in range(10):
        one.append([framed(number), framed(number + 100)])
    one.close()
    found: list[CallRecord] = []
    assert ship_once(tmp_path, found.extend) == (20, 0)
    assert sorted(call.at for call in found) == sorted([*range(10), *range(100, 110)])
    assert ship_once(tmp_path, found.extend) == (0, 0)
    assert not list(tmp_path.iterdir())


def test_segment_under_writing_is_left_alone_until_it_is_old(tmp_path: Path) -> None:
    """The shipper never takes a file that may still grow; an idle one is ended and taken."""
    one = Spool(tmp_path, "p", segment_age_s=0.05)
    one.append([framed(1)])
    found: list[CallRecord] = []
    assert ship_once(tmp_path, found.extend) == (0, 0)
    time.sleep(0.06)
    one.keep(now=time.monotonic())
    assert ship_once(tmp_path, found.extend) == (1, 0)
    one.append([framed(2)])
    one.close()
    assert ship_once(tmp_path, found.extend) == (1, 0)


@given(cut=st.integers(min_value=0, max_value=400))
def test_torn_tail_costs_only_the_torn_record(cut: int) -> None:
    """However a write was cut, every whole record before it is there."""
    whole = [framed(number) for number in range(5)]
    data = b"".join(whole)
    cut = min(cut, len(data))
    payloads, lost = spool.read_frames(data[: len(data) - cut])
    kept = 0
    size = 0
    for part in whole:
        size += len(part)
        kept += size <= len(data) - cut
    assert len(payloads) == kept
    torn = data[sum(len(part) for part in whole[:kept]) : len(data) - cut]
    assert lost == len(torn.rstrip(b"\0")), "zeros are what was preallocated and never written"


@given(seed=st.integers())
def test_damage_in_the_middle_costs_only_what_it_touched(seed: int) -> None:
    """One bad byte takes one record, not those after it."""
    whole = [framed(number) for number in range(6)]
    data = bytearray(b"".join(whole))
    at = random.Random(seed).randrange(len(data))
    data[at] ^= 0xFF
    payloads, lost = spool.read_frames(bytes(data))
    assert len(payloads) == 5
    assert lost > 0


def test_damaged_segment_is_shipped_as_far_as_it_goes_and_kept_beside(tmp_path: Path) -> None:
    """Nothing whole is lost, and a person can look at the rest."""
    (tmp_path / f"p-000000{spool.SUFFIX}").write_bytes(framed(1) + framed(2)[:-3])
    found: list[CallRecord] = []
    shipped, torn = ship_once(tmp_path, found.extend)
    assert shipped == 1
    assert torn > 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".bad"]


def test_store_that_refuses_gets_everything_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records wait in the spool as long as it takes; a batch stored twice is the store's to recognize."""
    monkeypatch.setattr(ship, "BATCH", 500)
    one = Spool(tmp_path, "p")
    for number in range(1200):
        one.append([framed(number)])
    one.close()
    stored: dict[str, CallRecord] = {}
    calls = 0

    def store(batch: list[CallRecord]) -> None:
        nonlocal calls
        calls += 1
        if calls in {1, 3}:
            raise ConnectionError("the database is away")
        stored.update({call.id: call for call in batch})

    shipper = Shipper(tmp_path, store)
    assert not shipper.once()
    assert "ConnectionError" in shipper.error
    assert not shipper.once()
    assert shipper.once()
    assert len(stored) == 1200
    assert shipper.error == ""


def test_full_spool_refuses_and_recovers(tmp_path: Path) -> None:
    """The limit is measured; shipping makes room."""
    one = Spool(tmp_path, "p", bytes_max=100)
    one.append([framed(1), framed(2), framed(3)])
    one.keep(now=time.monotonic())
    assert one.full, "what is preallocated does not count, what is written does"
    with pytest.raises(SpoolFullError):
        one.append([framed(4)])
    one.close()
    ship_once(tmp_path, lambda _batch: None)
    one.keep(now=time.monotonic() + 2)
    one.append([framed(4)])
    one.close()


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Records may hold what people said."""
    one = Spool(tmp_path / "spool", "p")
    one.append([framed(1)])
    paths = list((tmp_path / "spool").iterdir())
    assert len(paths) == 2, "a segment and the sign of life"
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    assert os.stat(tmp_path / "spool").st_mode & 0o077 == 0  # noqa: PTH116
    one.close()


@given(st.text(max_size=40_000))
def test_clip_never_exceeds_16_kib_nor_splits_a_character(text: str) -> None:
    """What is kept is a beginning of what was said."""
    kept, cut = record.clip(text)
    assert len(kept.encode("utf-8", "replace")) <= record.TEXT_BYTES_MAX
    assert cut == (kept != text)
    assert text.startswith(kept)


@given(sizes=st.lists(st.integers(1, 400), max_size=40), block=st.integers(1, 300), torn=st.integers(0, 400))
def test_a_growing_segment_is_read_to_its_last_whole_frame(sizes: list[int], block: int, torn: int) -> None:
    """However blocks cut the frames: all that are whole, and nothing of what is half written or was never."""
    frames = [spool.frame(bytes([number % 251]) * size) for number, size in enumerate(sizes)]
    half = spool.frame(b"half" * 100)[:torn]
    data = b"".join(frames) + half + bytes(1000)
    found, used = spool.read_new(io.BytesIO(data), block=block)
    assert (found, used) == ([one[10:] for one in frames], sum(map(len, frames)))
