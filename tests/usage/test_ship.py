"""Records arrive while their segment grows, once; a stream that its gateway's death cut off is recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from roadworthy.usage import record, spool
from roadworthy.usage.record import CallRecord
from roadworthy.usage.ship import Carrier, Shipper
from roadworthy.usage.spool import Spool


def made(name: str, **given: object) -> CallRecord:
    """Return a record."""
    return CallRecord(id=name, at=1, decision="allowed", model="small", **given)  # type: ignore[arg-type]


def framed(one: CallRecord) -> bytes:
    """Return a record as it stands in a segment."""
    return spool.frame(record.encode(one))


def test_own_segment_is_read_while_it_grows_and_no_record_twice(tmp_path: Path) -> None:
    """A trace is found within a second although segments live for ten."""
    one = Spool(tmp_path, "p")
    found: list[CallRecord] = []
    carrier = Carrier(tmp_path, found.extend, own=one.process)
    for number in range(5):
        one.append([framed(made(f"tr_{number}"))])
        carrier.round()
        assert [call.id for call in found] == [f"tr_{n}" for n in range(number + 1)]
    one.close()
    carrier.round()
    assert len(found) == 5
    assert not list(tmp_path.iterdir())


def test_batches_are_small_where_storing_is_slow(tmp_path: Path) -> None:
    """Storing holds the one writer's turn: over a trickling network nobody else waits long for theirs."""
    one = Spool(tmp_path, "p")
    sizes: list[int] = []
    now, took = 0.0, 0.01

    def store(batch: list[CallRecord]) -> None:
        nonlocal now
        sizes.append(len(batch))
        now += took

    carrier = Carrier(tmp_path, store, own=one.process, monotonic=lambda: now)
    one.append([framed(made(f"tr_{number}")) for number in range(1500)])
    carrier.round()
    assert sizes == [100, 200, 400, 800]
    sizes.clear()
    took = 5.0
    one.append([framed(made(f"tr_{number}")) for number in range(3000)])
    carrier.round()
    assert sizes == [1600, 800, 400, 200]
    one.close()


def test_half_a_frame_is_left_until_it_is_whole(tmp_path: Path) -> None:
    """The shipper may look in the middle of a write."""
    one = Spool(tmp_path, "p")
    found: list[CallRecord] = []
    carrier = Carrier(tmp_path, found.extend, own=one.process)
    frame = framed(made("tr_1"))
    one.append([frame[:20]])
    carrier.round()
    assert found == []
    one.append([frame[20:], framed(made("tr_2"))])
    carrier.round()
    assert [call.id for call in found] == ["tr_1", "tr_2"]
    one.close()


def test_segments_of_a_living_process_are_left_to_it(tmp_path: Path) -> None:
    """Several gateways share a directory: none does another's work, nor takes its streams for cut off."""
    other = Spool(tmp_path, "other")
    other.append([framed(made("tr_open", open=True)), framed(made("tr_1"))])
    other.end_segments()
    found: list[CallRecord] = []
    carrier = Carrier(tmp_path, found.extend, own="me")
    carrier.round()
    assert found == []
    other.append([framed(made("tr_open"))])
    other.close()
    carrier.round()
    assert sorted(call.id for call in found) == ["tr_1", "tr_open"]
    assert not any(call.error for call in found)


def test_stream_that_ends_is_recorded_once_though_segments_come_between(tmp_path: Path) -> None:
    """The mark keeps its segment until the record has come."""
    one = Spool(tmp_path, "p")
    found: list[CallRecord] = []
    carrier = Carrier(tmp_path, found.extend, own=one.process)
    one.append([framed(made("tr_s", open=True)), framed(made("tr_1"))])
    one.end_segments()
    carrier.round()
    assert [call.id for call in found] == ["tr_1"]
    assert len(list(tmp_path.glob("*.seg"))) == 1
    one.append([framed(made("tr_s", output_tokens=7))])
    carrier.round()
    assert [(call.id, call.output_tokens) for call in found] == [("tr_1", None), ("tr_s", 7)]
    one.close()
    carrier.round()
    assert len(found) == 2
    assert not list(tmp_path.iterdir())


_DIES = """
import os, signal, sys
from pathlib import Path
from roadworthy.usage import record, spool
from roadworthy.usage.record import CallRecord
one = spool.Spool(Path(sys.argv[1]), "dies")
for call in (
    CallRecord(id="tr_cut", at=1, decision="allowed", model="small", stream=True, open=True, leases=("b:1",)),
    CallRecord(id="tr_ended", at=1, decision="allowed", stream=True, open=True),
    CallRecord(id="tr_ended", at=1, decision="allowed", stream=True, status=200),
):
    one.append([spool.frame(record.encode(call))])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_stream_of_a_killed_gateway_leaves_a_record(tmp_path: Path) -> None:
    """Its tokens are unknown and not zero, and what it had leased is named in it."""
    subprocess.run([sys.executable, "-c", _DIES, str(tmp_path)], check=False)
    stored: dict[str, CallRecord] = {}
    attempts: list[list[str]] = []

    def store(batch: list[CallRecord]) -> None:
        attempts.append([call.id for call in batch])
        if len(attempts) == 1:
            raise ConnectionError("the database is away")
        for call in batch:
            assert call.id not in stored
            stored[call.id] = call

    shipper = Shipper(tmp_path, store, own="another")
    assert not shipper.once()
    assert shipper.once()
    assert shipper.once()
    cut = stored["tr_cut"]
    assert (cut.error, cut.status, cut.open, cut.leases) == ("interrupted", 502, False, ("b:1",))
    assert (cut.input_tokens, cut.cost_nano, cut.faults) == (None, None, ("usage_unknown",))
    assert stored["tr_ended"].status == 200
    assert len(stored) == 2
    assert not list(tmp_path.iterdir())
