"""A record is acknowledged once it is durable; those that come together are made durable together."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from roadworthy.usage import spool as spools
from roadworthy.usage.commit import Committer, Sync
from roadworthy.usage.spool import Spool


def payloads(directory: Path) -> list[bytes]:
    """Return what stands in the segments now."""
    return [
        payload
        for path in sorted(directory.glob("*.seg"))
        for payload in spools.read_frames(path.read_bytes())[0]
    ]


@pytest.mark.parametrize("sync", ["always", "interval"])
def test_every_record_is_told_once_and_stands_in_the_spool_by_then(tmp_path: Path, sync: Sync) -> None:
    """Nothing is lost between the loop and the thread, whatever the timing."""
    told: dict[int, int] = {}
    missing: list[int] = []

    async def drive() -> None:
        committer = Committer(Spool(tmp_path, "p"), sync=sync)
        committer.bind(asyncio.get_running_loop().call_soon_threadsafe)
        committer.start()

        def then_of(number: int) -> Any:
            def then(safe: bool) -> None:  # noqa: FBT001
                told[number] = told.get(number, 0) + safe
                if number % 500 == 0 and str(number).encode() not in payloads(tmp_path):
                    missing.append(number)

            return then

        for number in range(5000):
            committer.put(spools.frame(str(number).encode()), then_of(number))
            if number % 7 == 0:
                await asyncio.sleep(0)
            if number % 400 == 0:
                await asyncio.sleep(0.003)
        for _ in range(200):
            if len(told) == 5000:
                break
            await asyncio.sleep(0.01)
        await asyncio.to_thread(committer.stop)

    asyncio.run(drive())
    assert missing == []
    assert told == dict.fromkeys(range(5000), 1)
    assert sorted(map(int, payloads(tmp_path))) == list(range(5000))


def test_busy_gateway_syncs_groups_and_an_idle_one_at_once(tmp_path: Path) -> None:
    """Far fewer syncs than records under load; alone, no window is waited for."""
    waits: list[float] = []

    async def drive() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        committer = Committer(Spool(tmp_path, "p"))
        committer.bind(loop.call_soon_threadsafe)
        committer.start()
        for _ in range(10):
            came = loop.create_future()
            began = time.perf_counter()
            committer.put(spools.frame(b"alone"), came.set_result)
            assert await came
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
        alone = committer.syncs
        last = loop.create_future()
        for number in range(2000):
            committer.put(spools.frame(b"x"), last.set_result if number == 1999 else lambda _safe: None)
            if number % 20 == 0:
                await asyncio.sleep(0.0005)
        assert await last
        grouped = committer.syncs - alone
        await asyncio.to_thread(committer.stop)
        return alone, grouped

    alone, grouped = asyncio.run(drive())
    assert alone == 10
    assert grouped <= 400
    assert sorted(waits)[2] < 0.02


def test_disk_that_fails_to_sync_is_told_and_never_trusted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second sync of the same file could succeed although the first one's pages are lost."""
    committer = Committer(Spool(tmp_path, "p"))
    told: list[bool] = []
    real = os.fdatasync

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    committer.put(spools.frame(b"one"), told.append)
    committer.flush()
    assert "Input/output error" in committer.error
    monkeypatch.setattr(os, "fdatasync", real)
    committer.put(spools.frame(b"two"), told.append)
    committer.flush()
    assert told == [False, True]
    assert committer.error == ""
    first, second = sorted(tmp_path.glob("*.seg"))
    assert spools.read_frames(first.read_bytes())[0] == [b"one"]
    assert spools.read_frames(second.read_bytes())[0] == [b"two"]
    committer.stop()


def test_mark_is_with_the_operating_system_when_it_returns(tmp_path: Path) -> None:
    """The first byte of a stream goes out after it: a killed process leaves it behind."""
    committer = Committer(Spool(tmp_path, "p"))
    committer.mark(spools.frame(b"begun"))
    assert payloads(tmp_path) == [b"begun"]
    assert committer.syncs == 0


def test_segment_that_fills_up_under_a_group_is_synced_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark from the loop may end the segment between the write and the sync of a group."""
    one = Spool(tmp_path, "p", segment_bytes_max=100)
    synced: set[str] = set()
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)

        def noting(file: int, real: Any = real) -> None:
            synced.add(str(Path(f"/proc/self/fd/{file}").readlink()))
            real(file)

        monkeypatch.setattr(os, name, noting)
    one.append([spools.frame(b"a" * 80)])
    synced.clear()
    one.append([spools.frame(b"b" * 80)])
    one.sync()
    assert {str(path) for path in tmp_path.glob("*.seg")} <= synced
    one.close()


def test_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """What was put before the stop is durable after it, loop or no loop."""
    committer = Committer(Spool(tmp_path, "p"))
    committer.start()
    done = threading.Event()
    committer.put(spools.frame(b"last"), lambda _safe: done.set())
    committer.stop()
    assert done.is_set()
    assert payloads(tmp_path) == [b"last"]
