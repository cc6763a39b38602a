"""The commands against a real control plane: declare, plan, approve, compare, roll back, prove."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from roadworthy.entrypoints.api_client import ApiError, Client

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples" / "first-loop"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Ended = subprocess.CompletedProcess[str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Installation:
    """A control plane of this module's own, and people signed in to it."""

    data: Path
    homes: Path
    url: str

    def run(self, person: str, *words: str, given: str = "") -> Ended:
        """Run a command as a person."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
        return subprocess.run(
            [sys.executable, "-m", "roadworthy", *words],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd=EXAMPLES,
            env={**kept, "ROADWORTHY_HOME": str(self.homes / person), "NO_COLOR": "1"},
        )

    def good(self, person: str, *words: str, given: str = "") -> str:
        """Run a command that has to succeed; return its data."""
        ended = self.run(person, *words, given=given)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def bad(self, person: str, *words: str, code: int) -> str:
        """Run a command that has to fail with this code and without data; return what it said."""
        ended = self.run(person, *words)
        assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
        return ended.stderr


def _until(ready: Callable[[], bool], *, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while not ready():
        assert process.poll() is None, "the control plane ended"
        assert time.monotonic() < deadline, "the control plane is not ready"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Give a control plane with the people of the example, who applied what comes before the outcome."""
    folder = tmp_path_factory.mktemp("loop")
    port = _free_port()
    made = Installation(folder / "data", folder / "homes", f"http://127.0.0.1:{port}")
    log = folder / "control.log"
    words = ["control", "--data", str(made.data), "--control-port", str(port)]
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [sys.executable, "-m", "roadworthy", *words],
            stdout=stream,
            stderr=stream,
            env={**os.environ, "ROADWORTHY_WHILE_ALIVE": str(os.getpid())},
        ) as process,
    ):

        def answers() -> bool:
            try:
                return Client(made.url).send("GET", "/readyz").status == 200
            except ApiError:
                return False

        try:
            _until(answers, process=process)
            link = re.search(r"http\S+/sign-in/\S+", log.read_text())
            assert link is not None, log.read_text()
            made.good("admin", "sign-in", given=link[0])
            made.good("admin", "apply", "--yes", "-f", "declarations/00-people-and-units.yaml")
            for person in ("ines", "tomas", "oskar"):
                made.good(person, "sign-in", given=made.good("admin", "sign-in-link", person))
            made.good("oskar", "apply", "--yes", "-f", "declarations/01-models.yaml")
            made.good("ines", "apply", "--yes", "-f", "declarations/02-metrics.yaml")
            made.good("ines", "apply", "--yes", "-f", "declarations/11-outcome.yaml")
            yield made
        finally:
            process.terminate()


def test_a_person_is_who_signed_in(here: Installation) -> None:
    """The token of a link is the person's, and the profile that holds it is private."""
    assert json.loads(here.good("ines", "whoami", "-o", "json"))["principal"] == "person/ines"
    assert (here.homes / "ines" / "profiles.json").stat().st_mode & 0o077 == 0


def test_a_link_works_once(here: Installation) -> None:
    """The second use is refused as not signed in."""
    link = here.good("admin", "sign-in-link", "person/ines").strip()
    here.good("spare", "sign-in", link)
    assert "used before" in here.bad("spare", "sign-in", link, code=4)


def test_an_undeclared_outcome_is_refused_with_its_place(here: Installation) -> None:
    """Step two of the loop: file, line, field and what to do, and nothing is declared."""
    before = [here.run("ines", "get", kind).stdout for kind in ("use-case", "outcome")]
    for name, field in (
        ("use-case-without-outcome", "spec.outcome"), ("outcome-without-baseline", "spec.baseline"),
    ):  # fmt: skip
        said = here.bad("ines", "apply", "--yes", "-f", f"refused/{name}.yaml", code=1)
        assert re.search(rf"refused/{name}.yaml:\d+ {re.escape(field)}: ", said), said
        assert "fix:" in said
        assert [here.run("ines", "get", kind).stdout for kind in ("use-case", "outcome")] == before


def test_a_plan_is_shown_and_exactly_it_is_applied(here: Installation, tmp_path: Path) -> None:
    """Plan, apply that plan; overtaken by another change it is refused with what moved."""
    file = tmp_path / "unit.yaml"
    saved = tmp_path / "plan.json"
    text = (
        "apiVersion: roadworthy/v1\nkind: Unit\nmetadata: {name: motor, namespace: claims}\n"
        "spec: {title: TITLE, parent: claims}\n"
    )
    file.write_text(text.replace("TITLE", "Motor claims"))
    ended = here.run("ines", "plan", "-f", str(file), "-o", str(saved), "--detailed-exitcode")
    assert ended.returncode == 2
    assert "+ create unit/motor" in ended.stdout
    assert "unit/motor" in here.good("ines", "apply", str(saved), "--yes", "-o", "name")
    assert here.run("ines", "plan", "-f", str(file), "--detailed-exitcode").returncode == 0

    file.write_text(text.replace("TITLE", "Motor"))
    here.good("ines", "plan", "-f", str(file), "-o", str(saved))
    file.write_text(text.replace("TITLE", "Cars"))
    here.good("ines", "apply", "--yes", "-f", str(file))
    assert "unit/motor" in here.bad("ines", "apply", str(saved), "--yes", code=6)

    assert "Motor claims" in here.good("ines", "diff", "unit/motor")
    here.good("ines", "rollback", "unit/motor", "--to", "1", "--yes")
    assert "title: Motor claims" in here.good("ines", "get", "unit/motor", "-o", "yaml")
    assert len(json.loads(here.good("ines", "history", "unit/motor", "-o", "json"))["items"]) == 3


def test_nothing_is_changed_without_a_yes(here: Installation) -> None:
    """Where nobody can be asked, the flag that answers is named."""
    said = here.bad("oskar", "delete", "route/default", code=2)
    assert "--yes" in said
    here.good("oskar", "get", "route/default")


def test_a_role_that_is_not_held_is_named(here: Installation) -> None:
    """Not allowed ends with 4, and says who can."""
    said = here.bad("ines", "apply", "--yes", "-f", "declarations/00-people-and-units.yaml", "--remove",
                    "person/tomas", code=4)  # fmt: skip
    assert "admin" in said


def test_what_is_exported_changes_nothing(here: Installation, tmp_path: Path) -> None:
    """Export then apply is a no-op."""
    file = tmp_path / "all.yaml"
    file.write_text(here.good("ines", "export", "--managed-by", "file"))
    assert json.loads(here.good("admin", "plan", "-f", str(file), "--json"))["is_empty"] is True


def test_from_declared_to_granted(here: Installation) -> None:
    """Explain says what is missing; its author cannot approve; the right person can, and withdraw."""
    here.good("ines", "apply", "--yes", "-f", "declarations/12-use-case.yaml")
    said = here.good("ines", "explain", "use-case/claims-triage")
    assert "business-approver" in said
    assert "person/tomas" in said
    assert here.run("ines", "explain", "claims-triage", "--check").returncode == 3
    here.bad("ines", "approve", "use-case/claims-triage", "--as", "business-approver", code=4)
    assert "claims-triage" in here.good("tomas", "needs-you", "-o", "name")
    done = here.good("tomas", "approve", "claims-triage", "--as", "business-approver", "--valid-days", "5")
    assert "approval-given" in done
    assert "It may call" in here.good("ines", "explain", "claims-triage", "--check")

    here.good("oskar", "apply", "--yes", "-f", "declarations/13-service-account.yaml")
    key = here.good("oskar", "key", "issue", "claims-desk", "--use-case", "claims-triage").strip()
    assert re.fullmatch(r"rwk_[0-9a-z]{8}_[\w-]{43}", key)
    found = json.loads(here.good("oskar", "who-can", "call", "model/small", "-o", "json"))
    assert [one["principal"] for one in found["allowed"]] == ["service-account/claims-desk"]
    key_id = here.good("oskar", "key", "list", "claims-desk", "-o", "name").strip()
    here.good("oskar", "key", "revoke", key_id, "--yes")
    found = json.loads(here.good("oskar", "what-can", "claims-desk", "-o", "json"))
    assert found["allowed"] == []
    here.good("tomas", "withdraw", "claims-triage", "--yes", "--comment", "Another look")
    assert here.run("ines", "explain", "claims-triage", "--check").returncode == 3


def test_figures_become_an_effect_and_a_scorecard(here: Installation) -> None:
    """A CSV of weeks is imported once; the effect says what can be said, and that it is not proof."""
    here.good("ines", "apply", "--yes", "-f", "declarations/12-use-case.yaml")
    words = ("measure", "import", "settlement-hours.csv", "--outcome", "faster-claims", "-o", "json")
    assert json.loads(here.good("ines", *words))["added"] == 52
    assert json.loads(here.good("ines", *words))["status"] == "unchanged"
    said = here.good("ines", "effect", "faster-claims")
    assert "95 % interval" in said
    assert "not proof of cause" in said
    card = json.loads(here.good("ines", "scorecard", "claims-triage", "-o", "json"))
    assert len(card["layers"]) == 5
    assert "no data" in here.good("ines", "scorecard", "claims-triage")


def test_the_log_proves_itself_and_an_altered_byte_is_found(here: Installation, tmp_path: Path) -> None:
    """Verified by the server, offline on a copy, and offline on a copy in which one byte is another."""
    assert "verifies" in here.good("admin", "audit", "verify")
    assert json.loads(here.good("admin", "audit", "proof", "0"))["index"] == 0
    kept = tmp_path / "kept.txt"
    kept.write_text(here.good("admin", "audit", "checkpoint"))
    here.good("admin", "audit", "verify", "--checkpoint", str(kept))
    log = here.good("admin", "audit", "log", "--limit", "5", "-o", "csv")
    assert ",cli," in log
    assert "verifies" in here.good("nobody", "audit", "verify", "--data", str(here.data))

    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("audit-signing.key", "pepper.key"):
        (copy / name).write_bytes((here.data / name).read_bytes())
        (copy / name).chmod(0o600)
    import pysqlite3

    with pysqlite3.connect(str(here.data / "roadworthy.db")) as source:
        source.execute("VACUUM INTO ?", (str(copy / "roadworthy.db"),))
    with pysqlite3.connect(str(copy / "roadworthy.db")) as altered:
        altered.execute("UPDATE audit_entries SET leaf = replace(leaf, 'created', 'createe') WHERE seq = 1")
    said = here.bad("nobody", "audit", "verify", "--data", str(copy), code=3)
    assert "seq 1" in said
    assert "not verify" in said
