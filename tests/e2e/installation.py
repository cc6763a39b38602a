"""A real installation for end-to-end tests: the installed program, its processes, people with terminals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

PROGRAM = str(Path(sys.executable).with_name("roadworthy"))
READY_SECONDS = 60.0
SECONDS = 60.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Say whether nobody answers on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return standard output as JSON."""
        return json.loads(self.out)


def clean_environment(**added: str) -> dict[str, str]:
    """Return the environment without any setting of Roadworthy that the tester may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROADWORTHY_")}
    return {**kept, "NO_COLOR": "1", **added}


@dataclass(frozen=True, slots=True)
class Terminal:
    """Somebody's command line: profiles of their own, so a token of their own."""

    folder: Path
    url: str

    def run(self, *words: str, stdin: str = "") -> Said:
        """Run the installed program and return what it said, however it ended."""
        done = subprocess.run(
            [PROGRAM, *words],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=clean_environment(ROADWORTHY_HOME=str(self.folder / ".profiles"), ROADWORTHY_URL=self.url),
            timeout=SECONDS,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str, stdin: str = "") -> Said:
        """Run the program and insist that it succeeds."""
        said = self.run(*words, stdin=stdin)
        assert said.code == 0, f"{' '.join(words)} ended with {said.code}\n{said.out}\n{said.err}"
        return said

    def write(self, name: str, text: str) -> str:
        """Write a file into the working directory and return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    @property
    def token(self) -> str:
        """Return the token that `roadworthy sign-in` stored."""
        held = json.loads((self.folder / ".profiles" / "profiles.json").read_text(encoding="utf-8"))
        return str(held["profiles"]["default"]["token"])

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the API directly, as a program of this person's would."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return int(answer.status), json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())


@dataclass(slots=True)
class Installation:
    """A control plane and a gateway as processes of their own, on SQLite in one directory."""

    folder: Path
    control_port: int = field(default_factory=free_port)
    gateway_port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Return the console's address."""
        return f"http://127.0.0.1:{self.control_port}"

    @property
    def gateway(self) -> str:
        """Return the base address for the `openai` client."""
        return f"http://127.0.0.1:{self.gateway_port}/v1"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for name in list(self._running):
            self.stop(name)

    def start(self, *names: str) -> None:
        """Start `control`, `gateway` or both, and wait until each says that it is ready."""
        for name in names:
            ports = ["--gateway-port", str(self.gateway_port)]
            if name == "control":
                ports += ["--control-port", str(self.control_port)]
            with (self.folder / f"{name}.log").open("wb") as stream:
                self._running[name] = subprocess.Popen(
                    [PROGRAM, name, "--data", str(self.data), *ports],
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env=clean_environment(ROADWORTHY_WHILE_ALIVE=str(os.getpid()), **self.settings),
                    start_new_session=True,
                )
        until = time.monotonic() + READY_SECONDS
        for name in names:
            while "READY " not in self.log(name):
                assert self._running[name].poll() is None, f"{name} ended:\n{self.log(name)}"
                assert time.monotonic() < until, f"{name} did not get ready:\n{self.log(name)}"
                time.sleep(0.05)

    def stop(self, name: str) -> None:
        """Tell a process to leave, as an operator does, and see it leave."""
        process = self._running.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(45)

    def kill(self, name: str) -> None:
        """Let a process end without a chance to do anything about it."""
        process = self._running.pop(name)
        process.kill()
        process.wait(45)

    def log(self, name: str) -> str:
        """Return what a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def terminal(self, person: str) -> Terminal:
        """Return a terminal with a directory of its own."""
        folder = self.folder / "people" / person
        folder.mkdir(parents=True, exist_ok=True)
        return Terminal(folder, self.url)

    def first_administrator(self) -> Terminal:
        """Sign in with the link that the first start printed."""
        line = next(line for line in self.log("control").splitlines() if "/sign-in/" in line)
        terminal = self.terminal("admin")
        terminal.do("sign-in", stdin=line[line.index("http") :])
        return terminal

    def sign_in(self, administrator: Terminal, person: str) -> Terminal:
        """Sign a person in with a link that the administrator made for them."""
        link = administrator.do("sign-in-link", person).out
        terminal = self.terminal(person)
        terminal.do("sign-in", stdin=link)
        return terminal
