"""The pipeline step that ships as an example does what its page says: two reports, the gate's exit code."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e import ferries
from tests.e2e.installation import PROGRAM, Installation, Terminal, clean_environment, free_port

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pipeline"
STEP = EXAMPLE / "gate.sh"
ACTION = EXAMPLE / "roadworthy-gate"
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]

STRICTER = ferries.document(
    "Gate",
    "signed-off",
    "  title: Signed off\n  stages: [live]\n  items:\n"
    "    - {id: signed-off, check: evidence, of: [legal-sign-off]}",
    namespace="organization",
)


@dataclass(frozen=True)
class Builder:
    """A build server: no profile, no sign-in, nothing but an address and a service token."""

    folder: Path
    url: str
    token: str

    def environment(self, **more: str) -> dict[str, str]:
        """Return what a job is started with."""
        path = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
        given = {"ROADWORTHY_URL": self.url, "ROADWORTHY_TOKEN": self.token, "PATH": path}
        return clean_environment(ROADWORTHY_HOME=str(self.folder / "none"), **{**given, **more})

    def step(self, *words: str, **more: str) -> int:
        """Run the step and return its exit code."""
        env = self.environment(**more)
        done = subprocess.run(["sh", str(STEP), *words], cwd=self.folder, env=env, check=False, timeout=60)
        return done.returncode

    def action(self, **given: str) -> int:
        """Run the action's steps as a runner does: inputs into the environment, commands in a shell."""
        declared: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
        defaults = {name: one.get("default", "") for name, one in declared["inputs"].items()}
        inputs = {**defaults, "url": self.url, "token": self.token, **given}
        for step in declared["runs"]["steps"]:
            filled = {}
            for name, text in step["env"].items():
                for key, value in inputs.items():
                    text = text.replace(f"${{{{ inputs.{key} }}}}", value)  # noqa: PLW2901
                assert "${{" not in text
                filled[name] = text
            env = self.environment(**filled, GITHUB_ACTION_PATH=str(ACTION))
            done = subprocess.run(
                [step["shell"], "-c", step["run"]], cwd=self.folder, env=env, check=False, timeout=60
            )
            if done.returncode:
                return done.returncode
        return 0


def token_for_a_robot(admin: Terminal) -> str:
    """Issue a service token that may look at governance and nothing else."""
    robot = ferries.document(
        "ServiceAccount",
        "builder",
        "  type: service\n  owner: pete\n  purpose: Asks for gates.\n"
        f"  expires_on: {datetime.now(UTC).year + 1}-01-31",
    ) + ferries.document(
        "RoleBinding", "builder", "  subject: service-account/builder\n  role: viewer\n  unit: ferries",
        namespace="organization",
    )  # fmt: skip
    admin.do("apply", "--yes", "-f", admin.write("robot.yaml", robot))
    status, said = admin.ask("POST", "/v1/tokens", {"principal": "service-account/builder", "name": "ci"})
    assert status == 201, said
    return str(said["token"])


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Give a build server for a company with one use case that is approved, and one that is not."""
    today = datetime.now(UTC).date()
    with Installation(tmp_path_factory.mktemp("pipeline")) as installation:
        installation.start("control")
        admin = installation.first_administrator()
        declared = [
            ferries.people(),
            ferries.models("http://127.0.0.1:9/v1"),
            ferries.metrics(),
            ferries.outcome(today=today),
            ferries.use_case(today=today),
            ferries.use_case("berth-search", today=today),
            STRICTER,
        ]
        admin.do("apply", "--yes", "-f", admin.write("all.yaml", "".join(declared)))
        for person in ("ben", "rita", "sam", "lea"):
            body = {"decision": "approve", "comment": "Agreed"}
            hand = installation.sign_in(admin, person)
            status, said = hand.ask("POST", "/v1/use-cases/rebooking/approvals", body)
            assert status == 201, said
        folder = tmp_path_factory.mktemp("job")
        yield Builder(folder, installation.url, token_for_a_robot(admin))


def test_the_job_goes_on_where_the_gate_is_open(builder: Builder) -> None:
    """It ends with 0, and both reports say that every item passes or does not stand in the way."""
    assert builder.step("use-case/rebooking") == 0
    junit = (builder.folder / "gate.xml").read_text(encoding="utf-8")
    assert "<testcase" in junit
    assert "<failure" not in junit
    sarif = json.loads((builder.folder / "gate.sarif").read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    assert builder.action(**{"use-case": "use-case/rebooking"}) == 0


def test_the_job_stops_where_it_is_not(builder: Builder) -> None:
    """3 for what fails, whatever may be inconclusive; the report names what is missing."""
    assert builder.step("use-case/berth-search") == 3
    junit = (builder.folder / "gate.xml").read_text(encoding="utf-8")
    assert "<failure" in junit
    assert "approver" in junit
    assert builder.step("use-case/berth-search", ROADWORTHY_INCONCLUSIVE="warn") == 3
    assert builder.action(**{"use-case": "use-case/berth-search", "inconclusive": "warn"}) == 3


def test_what_nobody_answered_stops_it_unless_it_may_warn(builder: Builder, tmp_path: Path) -> None:
    """5 for a gate whose evidence is not there, 0 where the job may go on; reports go where they should."""
    words = ("use-case/rebooking", "signed-off")
    assert builder.step(*words, ROADWORTHY_REPORTS=str(tmp_path)) == 5
    assert (tmp_path / "gate.xml").exists()
    assert (tmp_path / "gate.sarif").exists()
    assert builder.step(*words, ROADWORTHY_INCONCLUSIVE="warn") == 0
    assert builder.action(**{"use-case": words[0], "gate": words[1]}) == 5
    assert builder.action(**{"use-case": words[0], "gate": words[1], "inconclusive": "warn"}) == 0


def test_what_goes_wrong_is_no_pass(builder: Builder) -> None:
    """4 without a token that holds, 1 without a server or for a use case nobody declared."""
    assert builder.step("use-case/rebooking", ROADWORTHY_TOKEN="rwt_nobody") == 4
    away = f"http://127.0.0.1:{free_port()}"
    assert builder.step("use-case/rebooking", ROADWORTHY_URL=away) == 1
    assert builder.step("use-case/nothing") not in {0, 5}
