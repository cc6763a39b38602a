"""Where the demo lives: a data directory marked as sample data, and the processes that serve it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from roadworthy.entrypoints.children import ChildError, alive, stop_by_id

MARKER = "demo.json"
DATABASE = "roadworthy.db"


@dataclass(frozen=True, slots=True)
class State:
    """What a demo directory says about itself."""

    ports: dict[str, int]
    seeded_at: str = ""
    processes: dict[str, int] = field(default_factory=dict)
    schema_version: int = 1

    def running(self) -> dict[str, int]:
        """Return the processes that still run."""
        return {name: process for name, process in self.processes.items() if alive(process)}


def read(folder: Path) -> State | None:
    """Return the state of a demo directory; None when it is none."""
    try:
        held = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return State(
            {str(name): int(port) for name, port in held["ports"].items()},
            str(held["seeded_at"]),
            {str(name): int(process) for name, process in held["processes"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(folder: Path, state: State) -> None:
    """Mark a directory as the demo's, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{MARKER}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
    draft.replace(folder / MARKER)


def claim(folder: Path) -> State | None:
    """Return what a directory holds already; refuse one that is not the demo's to touch."""
    state = read(folder)
    if state is None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ChildError(
            f"{folder} is not a demo's directory, and is left as it is.",
            why="The demo keeps its sample data apart from everything else.",
            fix="Name another one: roadworthy demo --data DIR.",
        )
    return state


def is_sample(labels: Mapping[str, str]) -> bool:
    """Say whether a resource came with the demo."""
    return labels.get("sample") == "demo"


def own(declared: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Return the references that somebody declared beside the sample data."""
    return [ref for ref, labels in declared if not is_sample(labels)]


def remove(folder: Path, state: State) -> None:
    """Stop what serves the directory and delete it."""
    stop_by_id(list(state.running().values()))
    shutil.rmtree(folder)
