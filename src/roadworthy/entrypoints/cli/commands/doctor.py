"""A look at this installation: what is well, what is not, and what to do about it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import ApiError, Client
from roadworthy.entrypoints.cli import output, profiles
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Failure, Session

_FREE_MIN_BYTES = 500 * 1024 * 1024
_FSYNC_SLOW_MS = 50.0
_SECRETS = ("pepper.key", "audit-signing.key")

Check = tuple[str, bool, str, str]
"""What, whether it is well, what was seen, what to do."""


@command("doctor", "roadworthy doctor", "roadworthy doctor --data /var/lib/roadworthy -o json")
@click.option("--data", default=None, type=click.Path(file_okay=False), help="Data directory (.roadworthy).")
@output.formats("table", "json")
@click.pass_obj
def doctor(session: Session, data: str | None, fmt: str) -> None:
    """Check this installation and say what to repair; ends with 1 when something is not well."""
    folder = Path(data or os.environ.get("ROADWORTHY_DATA_DIR") or ".roadworthy")
    here = folder.is_dir() or data is not None
    checks = [*(_of_directory(folder) if here else ()), *_of_server(profiles.chosen(session.profile))]
    try:
        checks += [(*one, "") for one in session.programs.checks(folder)]
    except Exception as error:  # noqa: BLE001  # a doctor that dies of the illness helps nobody
        checks.append(("database", False, str(error), "See the message; restore a backup if it is damaged."))
    rows = [
        {"check": what, "well": well, "seen": seen, "fix": "" if well else fix}
        for what, well, seen, fix in checks
    ]
    ill = [one for one in rows if not one["well"]]
    if not ill:
        output.show_rows(fmt, ["check", "well", "seen"], rows, whole={"checks": rows})
        return
    for one in rows:
        output.say(f"{'ok  ' if one['well'] else 'FAIL'} {one['check']}: {one['seen']}")
    raise Failure(
        f"{len(ill)} of {len(rows)} checks failed: {', '.join(str(one['check']) for one in ill)}.",
        fix=" ".join(str(one["fix"]) for one in ill if one["fix"]),
    )


def _of_directory(folder: Path) -> Iterator[Check]:
    if not folder.is_dir():
        yield (
            "data directory", False, f"{folder} is not there",
            "Name it with --data, or make it by starting `roadworthy serve`.",
        )  # fmt: skip
        return
    free = shutil.disk_usage(folder).free
    yield "disk", free > _FREE_MIN_BYTES, f"{free // 1024**2} MiB free", "Free at least 500 MiB."
    if os.access(folder, os.W_OK):
        took = _fsync_ms(folder)
        yield "fsync", took < _FSYNC_SLOW_MS, f"{took:.1f} ms", "Use a local disk: every change waits for it."
    for name in _SECRETS:
        path = folder / name
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            yield f"permissions of {name}", not mode & 0o077, f"{mode:04o}", f"Run: chmod 600 {path}"


def _fsync_ms(folder: Path) -> float:
    probe = folder / f".fsync.{os.getpid()}"
    try:
        with probe.open("wb") as stream:
            stream.write(b"x" * 4096)
            stream.flush()
            began = time.perf_counter()
            os.fsync(stream.fileno())
            return (time.perf_counter() - began) * 1000
    finally:
        probe.unlink(missing_ok=True)


def _of_server(profile: profiles.Profile) -> Iterator[Check]:
    client = Client(profile.url, profile.token, timeout=5)
    try:
        said: Any = client.send("GET", "/readyz")
        yield "server", True, f"{profile.url} is ready ({said.status})", ""
    except ApiError as error:
        yield "server", False, error.what, error.fix or "Start it with `roadworthy serve`."
        return
    if profile.token:
        try:
            yield "sign-in", True, str(client.get("/v1/me")["principal"]), ""
        except ApiError as error:
            yield "sign-in", False, error.what, "Sign in again: `roadworthy sign-in`."
