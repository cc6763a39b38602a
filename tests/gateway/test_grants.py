"""Grants signed one by one: what they state, how long they last, and what is made of a forged one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roadworthy.entrypoints.cli import run
from roadworthy.gateway import access, grant_seal, journal
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.admission import Admission, Admissions
from roadworthy.gateway.delta import Delta, advance
from roadworthy.gateway.filters.guard import guard_for
from roadworthy.gateway.grant_seal import LASTS_S, GrantSigner, genuine
from roadworthy.gateway.quota.scopes import scopes_for
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import GrantEntry, Index, Snapshot
from roadworthy.gateway.source import DatabaseSource
from roadworthy.registry.checkpoint import SigningKey
from tests.gateway.control import PEPPER, SIGNING, Estate, hashed
from tests.governance.company import NOW, SETUP, use_case

KEY = SIGNING.verification_key


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company whose use case may call."""
    made = Estate(tmp_path)
    made.approve()
    yield made
    made.database.close()


def source(estate: Estate, *, now: datetime = NOW) -> DatabaseSource:
    """Return what a gateway asks, which signs what it compiles."""
    return DatabaseSource(estate.database, now=lambda: now, in_background=False, signer=GrantSigner(SIGNING))


def compiled(estate: Estate, *, now: datetime = NOW) -> Snapshot:
    """Return what a gateway starts with."""
    found = source(estate, now=now)(-1)
    assert isinstance(found, Snapshot)
    return found


def test_every_compiled_grant_is_signed_and_says_what_made_it(estate: Estate) -> None:
    """Identity, verdict, approvals, rules and generation; issued in this quarter of the day, for a day."""
    (grant,) = compiled(estate).grants
    assert genuine(grant, KEY)
    assert grant.id.startswith("grant_")
    assert len(grant.verdict) == 64
    said = " ".join(grant.made_of)
    for part in (
        "use-case/policy-search@1",
        "tier minimal by",
        "business-approver: person/ben",
        "model/small",
    ):
        assert part in said
    assert grant.issued_at is not None
    assert grant.valid_until is not None
    assert 0 <= NOW.timestamp() - grant.issued_at < grant_seal.RENEWED_EVERY_S
    assert grant.valid_until == grant.issued_at + LASTS_S
    for field, value in (("models", ("large",)), ("valid_until", grant.valid_until + 1), ("made_of", ())):
        assert not genuine(msgspec.structs.replace(grant, **{field: value}), KEY)
    assert not genuine(grant, SigningKey("roadworthy", bytes(32)).verification_key)


def test_nothing_that_a_gateway_goes_by_is_left_unsigned(estate: Estate) -> None:
    """A field that is added to grants is signed, or is said to matter to people alone."""
    (grant,) = compiled(estate).grants
    said = grant_seal.statement(grant, issuer="roadworthy")
    assert set(GrantEntry.__struct_fields__) - grant_seal.UNSIGNED == set(said) - {
        "schema_version", "kind", "issuer",
    }  # fmt: skip


def test_a_grant_never_outlives_its_verdict_and_one_that_changes_is_issued_anew(estate: Estate) -> None:
    """What is compiled within a quarter of a day is signed once; a change of the verdict shows in it."""
    signer = GrantSigner(SIGNING)
    (plain,) = estate.index().snapshot.grants
    first = signer.issue(plain, now=NOW.timestamp())
    assert signer.issue(plain, now=NOW.timestamp() + 60) is first
    later = signer.issue(plain, now=NOW.timestamp() + grant_seal.RENEWED_EVERY_S)
    assert (later.id, later.verdict) == (first.id, first.verdict)
    assert later.valid_until is not None
    assert first.valid_until is not None
    assert later.valid_until > first.valid_until
    short = msgspec.structs.replace(plain, expires_at=NOW.timestamp() + 60)
    assert signer.issue(short, now=NOW.timestamp()).valid_until == NOW.timestamp() + 60

    asks = source(estate)
    index = Index(asks(-1))  # type: ignore[arg-type]
    estate.company.declare(use_case(title="Search", summary=use_case()["spec"]["summary"] + " Always."))
    estate.approve()
    change = asks(index.revision)
    assert isinstance(change, Delta)
    (anew,) = advance(index, change).snapshot.grants
    assert genuine(anew, KEY)
    assert anew.id != first.id


def test_what_nobody_renews_ends_and_a_remembered_admission_ends_with_it(estate: Estate) -> None:
    """A gateway that is fed no more stops, by the same look at its clock that a call costs anyway."""
    issued = estate.key()
    index = Index(compiled(estate))
    (grant,) = index.snapshot.grants
    assert grant.valid_until is not None
    admissions = Admissions(pepper=PEPPER, guard_for=guard_for, scopes_for=scopes_for)

    def asked(at: float) -> Any:
        caller = admissions.identify(index, issued.secret, now=at)
        assert not isinstance(caller, Refused)
        return admissions.decide(index, caller, use_case_header=None, model="small", now=at)

    before = asked(NOW.timestamp())
    assert isinstance(before, Admission)
    assert before.until == grant.valid_until
    assert asked(grant.valid_until - 1) is before
    after = asked(grant.valid_until)
    assert isinstance(after, Refused)
    assert after.code == "grant_not_renewed"
    renewed = Index(compiled(estate, now=datetime.fromtimestamp(grant.valid_until, UTC)))
    verdict = access.decide(renewed, key_hash=hashed(issued), model="small", now=grant.valid_until)
    assert isinstance(verdict, Admitted)


def test_a_forged_grant_on_disk_is_left_out(estate: Estate, tmp_path: Path) -> None:
    """Who can write the file and knows the secret of its seal still cannot give a grant."""
    made = compiled(estate)
    (grant,) = made.grants
    wider = msgspec.structs.replace(grant, models=("small", "large"))
    forged = msgspec.structs.replace(made, grants=(wider,))

    def away(_revision: int) -> None:
        raise OSError("away")

    for place, (snapshot, count) in enumerate(((made, 1), (forged, 0))):
        file = tmp_path / f"last-good-{place}"
        journal.save(file, snapshot, secret=PEPPER, confirmed_at=NOW.timestamp())
        holder = SnapshotHolder(
            load=away, counter=RevisionCounter(tmp_path / "revision"), secret=PEPPER, last_good=file,
            issued_by=KEY,
        )  # fmt: skip
        holder.start()
        assert holder.index is not None
        assert len(holder.index.snapshot.grants) == count
        said = " ".join(holder.state().reasons) + holder.disk_error
        assert ("not signed by this installation" in said) == (count == 0)
        holder.close()


def test_a_grant_that_is_shown_is_checked_without_a_server(
    estate: Estate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Genuine and in time: 0. Changed, another's, or over: 3. Without a key of one's own: 5."""
    client = estate.client()
    shown = client.get("/v1/use-cases/policy-search/grant").json()
    assert shown["grant"]["use_case"] == "policy-search"
    assert shown["key"] == KEY.encode()
    file = tmp_path / "grant.json"

    def verified(document: Any, *more: str) -> int:
        file.write_text(json.dumps(document), encoding="utf-8")
        code = run(None, ["grant", "verify", str(file), *more])
        capsys.readouterr()
        return int(code)

    then = ("--at", NOW.isoformat())
    own = ("--public-key", KEY.encode())
    assert verified(shown, *own, *then) == 0
    assert verified(shown, *then) == 5
    assert verified(shown, *own, "--at", (NOW + timedelta(days=2)).isoformat()) == 3
    assert verified(shown, *own, "--at", (NOW - timedelta(days=2)).isoformat()) == 3
    assert verified({**shown, "grant": {**shown["grant"], "models": ["large"]}}, *own, *then) == 3
    other = SigningKey("roadworthy", bytes(32))
    assert verified(shown, "--public-key", other.verification_key.encode(), *then) == 3
    wrong: tuple[Any, ...] = ({}, {"grant": {}}, {"grant": {"kind": "Grant"}, "signature": "?"}, [])
    for broken in wrong:
        assert verified(broken, *own, *then) == 1


def test_a_use_case_without_a_grant_says_why_it_has_none(estate: Estate) -> None:
    """There is nothing to sign, and the first reason stands in the answer."""
    estate.company.declare(use_case(stage="stopped"), actor=SETUP)
    answer = estate.client().get("/v1/use-cases/policy-search/grant")
    assert answer.status_code == 404
    assert "was stopped" in answer.text
