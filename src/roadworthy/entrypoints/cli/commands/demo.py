"""The whole loop in one command, with a sample company."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from roadworthy.entrypoints.children import ChildError, Children
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.programs import Programs
from roadworthy.entrypoints.cli.session import Failure, current
from roadworthy.entrypoints.demo import place, run
from roadworthy.entrypoints.demo.farewell import told
from roadworthy.entrypoints.small_model import WeightsError, weights_in
from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError

_PORT = click.IntRange(1, 65535)


@command("demo", "roadworthy demo", "roadworthy demo --detach", "roadworthy demo --purge")
@click.option(
    "--data",
    default=".roadworthy",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Its directory.",
)
@click.option("--control-port", type=_PORT, default=None, help="Port of the console (8080).")
@click.option("--gateway-port", type=_PORT, default=None, help="Port of the gateway (8081).")
@click.option("--model-port", type=_PORT, default=None, help="Port of the small model (8082).")
@click.option("--weights", type=click.Path(file_okay=False), help="Directory of the model's weights.")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--purge", is_flag=True, help="Stop it and remove all of it.")
@click.option("--yes", is_flag=True, help="With --purge: also what somebody declared beside the sample data.")
def demo(
    data: str,
    weights: str | None,
    *,
    detach: bool,
    purge: bool,
    yes: bool,
    **given: int | None,
) -> None:
    """Walk the whole loop with a fictional company and a real small model, on this machine alone.

    Started again it resumes where it was, with a fresh sign-in link. Its data stay in a directory of their
    own; --purge stops it and removes that directory, and nothing else.
    """
    folder, programs = Path(data), current().programs
    try:
        if purge:
            _purge(programs, folder, yes=yes)
            return
        before = place.claim(folder)
        if before and not before.seeded_at:
            # A start that was interrupted: nothing but half a sample is in it.
            place.remove(folder, before)
            before = None
        usual = {"control-port": 8080, "gateway-port": 8081, "model-port": 8082, "dead-port": run.DEAD_PORT}
        ports = {**usual, **(before.ports if before else {})}
        ports |= {name.replace("_", "-"): port for name, port in given.items() if port is not None}
        _check_same_model_port(before, ports)
        started = run.Demo(
            folder=folder,
            ports=ports,
            weights=Path(weights) if weights else run.default_weights(),
            detach=detach,
            link_for=lambda person, url: programs.sign_in_link(folder, person, url),
            say=output.say,
        )
        if before and len(before.running()) == len(before.processes) > 0:
            output.say("The demo runs already.")
            output.data(told(run.again(started), detached=True))
            return
        _start(started, before)
    except ChildError as error:
        raise Failure(error.what, why=error.why, fix=error.fix) from error
    except WeightsError as error:
        raise Failure("The small model's weights are not there.", why=str(error)) from error


def _check_same_model_port(before: place.State | None, ports: dict[str, int]) -> None:
    if before and before.ports["model-port"] != ports["model-port"]:
        raise Failure(
            "The port of the model cannot change once the sample company is there.",
            why=f"Its provider is declared at port {before.ports['model-port']}.",
            fix="Leave --model-port out, or begin anew after `roadworthy demo --purge`.",
        )


def _start(started: run.Demo, before: place.State | None) -> None:
    weights_in(started.weights)
    if before:
        before = place.State(started.ports, before.seeded_at)
    with Children(log_directory=started.folder / "logs", detach=started.detach) as children:
        ready = run.start(started, children, before=before, now=clock.now())
        output.data(told(ready, detached=started.detach))
        sys.stdout.flush()
        if started.detach:
            children.let_go()
            return
        ended = children.wait()
        if ended:
            raise ChildError(
                f"The {ended} ended, so the demo was stopped.",
                why=children.log_of(ended).strip(),
                fix="Start it again; it resumes where it was.",
            )
    output.say("Stopped. `roadworthy demo` resumes it.")


def _purge(programs: Programs, folder: Path, *, yes: bool) -> None:
    state = place.read(folder)
    if state is None:
        if not folder.exists():
            output.say(f"There is no demo in {folder}.")
            return
        raise Failure(
            f"{folder} is not a demo's directory, and is left as it is.",
            why=f"It holds no {place.MARKER}.",
            fix="Name the directory the demo was given: roadworthy demo --purge --data DIR.",
        )
    added = [] if yes else _added(programs, folder)
    if added:
        shown = ", ".join(added[:8]) + (f" and {len(added) - 8} more" if len(added) > 8 else "")
        raise Failure(
            "Nothing was removed: there is more in it than sample data.",
            why=f"Somebody declared {shown}.",
            fix="Keep it with `roadworthy export > mine.yaml` while the demo runs, then purge with --yes.",
            exit_code=6,
        )
    place.remove(folder, state)
    output.say(f"Removed {folder} and everything in it.")


def _added(programs: Programs, folder: Path) -> list[str]:
    """Return what somebody declared beside the sample data."""
    if not (folder / place.DATABASE).exists():
        return []
    try:
        return place.own(programs.declared(folder))
    except RoadworthyError as error:
        raise Failure(
            "Nothing was removed: what is in it cannot be read.",
            why=f"{error.what} {error.why}".strip(),
            fix="If you need nothing of it, purge with --yes.",
        ) from error
