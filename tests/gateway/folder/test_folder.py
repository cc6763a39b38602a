"""A gateway from a folder: what it allows, what it refuses, what a change and a mistake do."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.folder import keys
from roadworthy.gateway.folder.source import FolderSource
from roadworthy.gateway.refresh import RejectedError, SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Index, Snapshot

EXAMPLE = Path(__file__).parents[3] / "examples" / "edge"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "rwk_aaaaaaaa_" + "a" * 43
ENTRY = (
    f"  keys:\n    - {{id: aaaaaaaa, hash: {keys.key_hash(KEY)}, service_account: claims-desk,\n"
    "       use_case: claims-triage, expires_on: 2028-10-31}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the example's folder, with one key."""
    made = tmp_path / "declarations"
    shutil.copytree(EXAMPLE, made)
    edit(made / "edge.yaml", "  keys: []\n", ENTRY)
    return made


def edit(path: Path, old: str, new: str) -> None:
    """Change one place of a file."""
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new))


def source(folder: Path, *, now: datetime = NOW) -> FolderSource:
    """Return what a gateway asks."""
    return FolderSource(folder, kept=folder / ".kept", secret=b"secret", now=lambda: now)


def read(folder: Path, *, now: datetime = NOW) -> Snapshot:
    """Return what a folder says."""
    found = source(folder, now=now)(-1)
    assert found is not None
    return found


def verdict(snapshot: Snapshot, *, key: str = KEY, model: str = "small", now: datetime = NOW) -> str:
    """Return `admitted`, or the code of the refusal."""
    hashed = access.hash_key(keys.DOMAIN, key)
    found = access.decide(Index(snapshot), key_hash=hashed, model=model, now=now.timestamp())
    return "admitted" if isinstance(found, Admitted) else found.code


def test_what_is_declared_vouched_for_and_keyed_may_be_called(folder: Path) -> None:
    """The example's folder lets its one key call its one model, by its name and by its route."""
    snapshot = read(folder)

    assert verdict(snapshot) == "admitted"
    assert verdict(snapshot, model="default") == "admitted"
    assert verdict(snapshot, model="large") == "model_unknown"
    assert verdict(snapshot, key=KEY[:-1] + "b") == "invalid_api_key"


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("edge.yaml", "use_cases: [claims-triage]", "use_cases: [other]", "refused"),
        ("edge.yaml", "until: 2027-10-31", "until: 2026-11-22", "grant_expired"),
        ("edge.yaml", "from: 2026-11-02", "from: 2026-11-24", "grant_not_yet_valid"),
        ("edge.yaml", "expires_on: 2028-10-31", "expires_on: 2026-11-23", "key_expired"),
        ("12-use-case.yaml", "stage: pilot", "stage: stopped", "no_grant"),
        ("12-use-case.yaml", "      practices: [none]\n", "", "no_grant"),
        ("12-use-case.yaml", "practices: [none]", "practices: [social_scoring]", "no_grant"),
        ("13-service-account.yaml", "use_cases: [claims-triage]", "use_cases: []", "refused"),
        ("13-service-account.yaml", "expires_on: 2028-10-31", "expires_on: 2026-11-01", "principal_expired"),
        ("01-models.yaml", "allow_private: true", "allow_private: false", "refused"),
        ("01-models.yaml", "provider: local", "provider: lokal", "refused"),
        ("12-use-case.yaml", "  stage: pilot", "  stages: pilot", "refused"),
        ("12-use-case.yaml", "{owner: tomas, deputy: ines}", "{deputy: ines}", "no_grant"),
    ],
)
def test_nothing_else_is_allowed(folder: Path, file: str, old: str, new: str, code: str) -> None:
    """Each missing or wrong part denies, by a verdict or by the refusal of the whole folder."""
    edit(folder / file, old, new)

    if code == "refused":
        with pytest.raises(RejectedError):
            read(folder)
    else:
        assert verdict(read(folder)) == code


def test_without_a_vouch_nothing_is_allowed(folder: Path) -> None:
    """A folder whose EdgeGateway document is missing declares, and allows nothing."""
    text = (folder / "edge.yaml").read_text()
    start, end = text.index("  vouches:"), text.index("  keys:")
    (folder / "edge.yaml").write_text(text[:start] + text[end:])
    blocked = access.decide(
        Index(read(folder)), key_hash=keys.key_hash(KEY), model="small", now=NOW.timestamp()
    )
    assert isinstance(blocked, Refused)
    assert blocked.code == "no_grant"
    assert "Nobody vouches for it here." in blocked.message

    (folder / "edge.yaml").unlink()
    assert read(folder).keys == {}


def test_a_vouch_does_not_stand_for_the_approvals_of_a_high_risk(folder: Path) -> None:
    """What takes four approvals in an installation takes a bundle here."""
    edit(folder / "12-use-case.yaml", "decision_effect: none", "decision_effect: fully_automated")
    edit(folder / "12-use-case.yaml", "legal_or_similar_effect: false", "legal_or_similar_effect: true")
    snapshot = read(folder)

    assert verdict(snapshot) == "no_grant"
    assert "needs-bundle" in {one.code for one in snapshot.blocks["claims-triage"].reasons}


def test_a_change_is_taken_and_a_mistake_is_not(folder: Path, tmp_path: Path) -> None:
    """The last good folder stays in force, is said to, and survives a restart; the repair is taken."""
    asked = source(folder)
    holder = SnapshotHolder(
        load=asked, counter=RevisionCounter(tmp_path / "revision"), secret=b"s", last_good=tmp_path / "good"
    )
    holder.start()
    assert holder.refresh()
    first = holder.index
    assert first is not None

    edit(folder / "01-models.yaml", "targets: [small]", "targets: [tiny]")
    assert not holder.refresh()
    assert not holder.refresh()
    assert holder.index is first
    assert holder.state().state == "degraded"
    assert "There is no Model called `tiny`." in holder.error
    assert "01-models.yaml" in holder.error

    again = SnapshotHolder(
        load=source(folder),
        counter=RevisionCounter(tmp_path / "revision"),
        secret=b"s",
        last_good=tmp_path / "good",
    )
    again.start()
    assert again.index is not None
    assert again.index.snapshot == first.snapshot

    edit(folder / "01-models.yaml", "targets: [tiny]", "targets: [small]")
    edit(folder / "12-use-case.yaml", "stage: pilot", "stage: stopped")
    assert holder.refresh()
    assert holder.state().state == "ready"
    assert holder.index is not None
    assert holder.index.revision == first.revision + 1
    assert verdict(holder.index.snapshot) == "no_grant"


def test_an_unchanged_folder_starts_from_what_was_compiled(folder: Path) -> None:
    """The kept snapshot is used for exactly these bytes on exactly this day, and for nothing else."""
    first = read(folder)
    (folder / ".kept").touch()
    assert read(folder) == first

    edit(folder / "01-models.yaml", "Everyday questions", "Everyday question")
    changed = read(folder)
    assert changed.compiled_at == first.compiled_at
    assert source(folder, now=datetime(2026, 11, 24, tzinfo=UTC))(-1) != changed

    kept = folder / ".kept"
    data = bytearray(kept.read_bytes())
    data[-1] ^= 1
    kept.write_bytes(data)
    assert verdict(read(folder)) == "admitted"


def test_drafts_and_folders_with_a_dot_are_not_read(folder: Path) -> None:
    """What an editor keeps beside a file is no declaration."""
    (folder / ".#edge.yaml").write_text("kind: Nonsense")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.yaml").write_text("kind: Nonsense")

    assert verdict(read(folder)) == "admitted"


def test_a_folder_s_policies_hold_or_refuse_the_folder(folder: Path) -> None:
    """A policy in a folder is enforced as anywhere; one that is not valid is named with file and line."""
    written = (
        "apiVersion: roadworthy/v1\nkind: AccessPolicy\nmetadata: {name: house}\nspec:\n  title: House\n"
        "  cedar: |\n    // Nobody.\n    forbid(principal, action, resource);\n"
    )
    (folder / "20-policy.yaml").write_text(written)
    assert verdict(read(folder)) == "policy_forbids"

    (folder / "20-policy.yaml").write_text(written.replace("resource);", "resource) when { context.our };"))
    with pytest.raises(RejectedError, match=r"20-policy.yaml:8.*`our`"):
        read(folder)
