"""The demo from start to ready: processes, sample company, calls, and the way out."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from roadworthy.entrypoints import small_model
from roadworthy.entrypoints.api_client import ApiError, Client
from roadworthy.entrypoints.children import ChildError, Children, check_port_free, roadworthy_program
from roadworthy.entrypoints.demo import calls, company, place, seed
from roadworthy.entrypoints.demo.farewell import Ready
from roadworthy.entrypoints.demo.place import State

DEAD_PORT = 9
"""On loopback nothing listens there: the first target of the route that shows the fallback."""
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """One start of the demo."""

    folder: Path
    ports: dict[str, int]
    weights: Path
    detach: bool
    link_for: Callable[[str, str], str]
    """Makes a sign-in link offline, for a person and a console address."""
    say: Callable[[str], None]

    @property
    def console(self) -> str:
        """Return the console's address."""
        return f"http://127.0.0.1:{self.ports['control-port']}"

    @property
    def gateway(self) -> str:
        """Return the gateway's address."""
        return f"http://127.0.0.1:{self.ports['gateway-port']}"


def start(demo: Demo, children: Children, *, before: State | None, now: datetime) -> Ready:
    """Start everything, seed what is not there, and return what a person needs to go on."""
    began = time.monotonic()
    for name, what in (("control-port", "console"), ("gateway-port", "gateway"), ("model-port", "model")):
        check_port_free(demo.ports[name], what=what, flag=f"--{name}")
    state = replace(before, processes={}) if before else State(demo.ports)
    place.write(demo.folder, state)
    demo.say("Starting the model, the console and the gateway")
    state = replace(state, processes=_start_all(demo, children))
    place.write(demo.folder, state)
    if not state.seeded_at:
        people = seed.seed(
            url=demo.console, first_link=_first_link(children), now=now, ports=demo.ports, say=demo.say
        )
        keys = seed.issue_keys(people)
        _call(demo, children, people, keys)
        state = replace(state, seeded_at=now.isoformat())
        place.write(demo.folder, state)
    else:
        people = _administered(demo)
        _until_ready(demo, children, "gateway")
        _until_ready(demo, children, "model")
    return _ready(demo, people, seconds=time.monotonic() - began)


def again(demo: Demo) -> Ready:
    """Return fresh credentials for a demo that runs already."""
    return _ready(demo, _administered(demo), seconds=0.0)


def _administered(demo: Demo) -> seed.People:
    """Sign the administrator in by a link made offline, as whoever runs the server may."""
    link = demo.link_for(seed.ADMINISTRATOR, demo.console)
    return seed.People(demo.console, seed.sign_in(demo.console, link))


def _first_link(children: Children) -> str:
    """Return the link that a new control plane prints for its first administrator."""
    found = re.search(r"https?://\S+/sign-in/\S+", children.log_of("control"))
    if found is None:
        raise ChildError(
            "The console printed no sign-in link for its first administrator.",
            why=children.log_of("control").strip(),
            fix="Remove what is there with `roadworthy demo --purge`, then start again.",
        )
    return found[0]


def _ready(demo: Demo, people: seed.People, *, seconds: float) -> Ready:
    return Ready(
        link=people.link(seed.ADMINISTRATOR),
        approver_link=people.link(seed.APPROVER),
        console=demo.console,
        gateway=demo.gateway,
        key=seed.snippet_key(people.as_(seed.KEY_ISSUER)),
        data=str(demo.folder),
        seconds=seconds,
    )


def _start_all(demo: Demo, children: Children) -> dict[str, int]:
    ports, data = demo.ports, ["--data", str(demo.folder)]
    tie = [] if demo.detach else ["--while-alive", str(os.getpid())]
    shared = [*data, "--gateway-port", str(ports["gateway-port"])]
    processes = {
        "model": children.start(
            "model",
            [
                sys.executable, "-m", small_model.__name__, *tie,
                "--port", str(ports["model-port"]), "--weights", str(demo.weights),
            ],
        ),
        "control": children.start(
            "control", [*roadworthy_program("control"), *shared, "--control-port", str(ports["control-port"])]
        ),
        "gateway": children.start("gateway", [*roadworthy_program("gateway"), *shared]),
    }  # fmt: skip
    _until_ready(demo, children, "control")
    return processes


def _until_ready(demo: Demo, children: Children, name: str) -> None:
    def model_says() -> bool:
        return "READY " in children.log_of("model")

    def answers() -> bool:
        address = demo.console if name == "control" else demo.gateway
        try:
            return Client(address, timeout=2).send("GET", "/readyz").status == 200
        except ApiError:
            return False

    children.until(name, model_says if name == "model" else answers, seconds=READY_SECONDS)


def _call(demo: Demo, children: Children, people: seed.People, keys: dict[str, str]) -> None:
    demo.say("Governed calls to the model")
    _until_ready(demo, children, "gateway")
    _until_ready(demo, children, "model")
    planned = company.story("calls")
    ended = calls.make(demo.gateway, planned, keys)
    # A key that was revoked is refused on the next call.
    seed.revoke_first_key(people, "claims-night-batch")
    batch = [one for one in planned if one["account"] == "claims-night-batch"][:2]
    ended += calls.make(demo.gateway, batch, keys)
    answered = ended.get(200, 0)
    demo.say(f"  {answered} answered, {sum(ended.values()) - answered} refused")
    if not answered:
        raise ChildError(
            "No call reached the model.",
            why=f"The gateway answered with: {', '.join(map(str, sorted(ended))) or 'nothing'}.",
            fix=f"See the files in {demo.folder / 'logs'}.",
        )


def default_weights() -> Path:
    """Return the directory of the model's weights."""
    named = os.environ.get("ROADWORTHY_MODEL_WEIGHTS")
    return Path(named) if named else small_model.DEFAULT_DIRECTORY
