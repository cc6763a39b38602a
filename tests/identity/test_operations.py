"""Keys, tokens, links and sessions on a real database, with the log beside them."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from roadworthy.foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthenticatedError,
)
from roadworthy.identity import credential, operations, queries
from roadworthy.identity.principal import Key
from roadworthy.identity.rights import ORGANIZATION, start_of
from roadworthy.identity.store import credentials as table
from roadworthy.identity.verification import verify_credentials
from roadworthy.registry import audit
from tests.identity.organization import NOW, PEPPER, SETUP, Estate, person

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GONE = """
kind: Person
metadata: {name: %s, namespace: claims}
spec: {display_name: %s, disabled_on: 2026-11-23}
"""
RISK = """
kind: RoleBinding
metadata: {name: risk}
spec: {subject: person/bo, role: risk-approver, unit: %s}
"""


def snapshot_key(estate: Estate, id_: str) -> Key:
    """Return a key as the gateway's compiler gets it."""
    with estate.database.read() as tx:
        return next(one for one in queries.keys_for_snapshot(tx) if one.id == id_)


def test_a_key_is_for_one_account_and_one_use_case(estate: Estate) -> None:
    """The gateway finds it by its hash; gateways are told at once."""
    before = len(estate.revisions)
    issued = estate.key()
    key = snapshot_key(estate, issued.credential.id)

    assert credential.well_formed(issued.secret, "key")
    assert key.hash == credential.keyed_hash(issued.secret, pepper=PEPPER)
    assert (key.principal, key.use_case, key.revoked_at) == ("service-account/bot", "triage-letters", None)
    assert len(estate.revisions) == before + 1


def test_the_secret_is_stored_nowhere(estate: Estate) -> None:
    """Neither the tables nor the log hold a secret, nor does the log hold a hash."""
    secrets = [estate.key().secret, estate.session(), estate.token(), estate.link()]
    stored = b"".join(path.read_bytes() for path in estate.directory.glob("t.db*"))

    log = json.dumps(estate.log())
    assert b"service-account/bot" in stored
    for secret in secrets:
        assert secret[-43:].encode() not in stored
        assert secret[-43:] not in log
        assert credential.keyed_hash(secret, pepper=PEPPER) not in log


def test_two_valid_keys_at_most(estate: Estate) -> None:
    """A third is refused for the same use case, not for another; a revoked or expired one makes room."""
    first = estate.key(expires_at=NOW + HOUR)
    second = estate.key()
    with pytest.raises(ConflictError, match="two valid keys"):
        estate.key()
    estate.key("fraud")
    estate.key(now=NOW + HOUR)
    with pytest.raises(ConflictError):
        estate.key(now=NOW + HOUR)
    with estate.database.write() as tx:
        operations.revoke_key(tx, key_id=second.credential.id, actor=person("root"), now=NOW + HOUR)
    estate.key(now=NOW + HOUR)
    assert first.credential.id != second.credential.id


def test_keys_issued_at_once_stay_two(estate: Estate) -> None:
    """Ten requests at the same moment end with two valid keys."""
    results: list[str] = []

    def issue() -> None:
        try:
            estate.key()
            results.append("issued")
        except ConflictError:
            results.append("refused")

    threads = [threading.Thread(target=issue) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["issued"] * 2 + ["refused"] * 8


def test_a_key_does_not_outlive_its_account(estate: Estate) -> None:
    """An expiry beyond the account's is refused; without one it is 90 days, or the account's if nearer."""
    ends = start_of(NOW.date().replace(year=2027, month=3, day=1))
    with pytest.raises(InvalidError, match="cannot expire"):
        estate.key(expires_at=ends + timedelta.resolution)
    with pytest.raises(InvalidError, match="cannot expire"):
        estate.key(expires_at=NOW)
    assert estate.key(expires_at=ends).credential.expires_at == ends
    assert estate.key("fraud").credential.expires_at == NOW + credential.KEY_LIFE
    late = ends - DAY
    assert estate.key("fraud", now=late).credential.expires_at == ends


def test_a_key_for_a_use_case_not_listed_is_refused(estate: Estate) -> None:
    """The account's declaration says what it may hold keys for."""
    with pytest.raises(InvalidError, match="is not for use-case/other"):
        estate.key("other")


def test_issuing_needs_the_permission_in_both_units(estate: Estate) -> None:
    """Who runs one unit's accounts does not spend another unit's grant."""
    assert estate.key(actor=person("ada")).credential.issued_by == "person/ada"
    with pytest.raises(ForbiddenError, match="use-case/fraud") as refused:
        estate.key("fraud", actor=person("ada"))
    assert "`key.issue` in `finance`" in refused.value.why
    assert "person/root" in refused.value.fix
    with pytest.raises(ForbiddenError):
        estate.key(actor=person("bo"))


def test_rotation_overlaps(estate: Estate) -> None:
    """Both keys hold during the overlap; then the first has expired."""
    first = estate.key()
    with estate.database.write() as tx:
        second = operations.rotate_key(
            tx,
            account="bot",
            use_case="triage-letters",
            overlap=HOUR,
            actor=person("ada"),
            pepper=PEPPER,
            now=NOW,
        )
    with estate.database.read() as tx:
        keys = {one.id: one for one in queries.keys_of(tx, account="bot")}
    old, new = keys[first.credential.id], keys[second.credential.id]

    assert (old.state(NOW), new.state(NOW)) == ("valid", "valid")
    assert (old.state(NOW + HOUR), new.state(NOW + HOUR)) == ("expired", "valid")
    with pytest.raises(ConflictError, match="two valid keys"), estate.database.write() as tx:
        operations.rotate_key(
            tx, account="bot", use_case="triage-letters", actor=person("ada"), pepper=PEPPER, now=NOW
        )


def test_rotation_never_lengthens_the_first_key(estate: Estate) -> None:
    """An overlap beyond the first key's own end leaves that end where it is."""
    first = estate.key(expires_at=NOW + HOUR)
    with estate.database.write() as tx:
        operations.rotate_key(
            tx,
            account="bot",
            use_case="triage-letters",
            overlap=DAY,
            actor=person("ada"),
            pepper=PEPPER,
            now=NOW,
        )
    assert snapshot_key(estate, first.credential.id).expires_at == NOW + HOUR


def test_nothing_to_rotate_and_a_negative_overlap_are_refused(estate: Estate) -> None:
    """Rotating starts from one valid key and a time that has not passed."""
    given = {"account": "bot", "use_case": "triage-letters", "actor": SETUP, "pepper": PEPPER, "now": NOW}
    with pytest.raises(ConflictError, match="no valid key"), estate.database.write() as tx:
        operations.rotate_key(tx, **given)  # type: ignore[arg-type]
    estate.key()
    with pytest.raises(InvalidError, match="negative"), estate.database.write() as tx:
        operations.rotate_key(tx, **given, overlap=-HOUR)  # type: ignore[arg-type]


def test_revoking_holds_at_once_and_twice_is_once(estate: Estate) -> None:
    """The snapshot says so, gateways are told, and the log has one entry."""
    issued = estate.key()
    before = len(estate.revisions)
    for _ in range(2):
        with estate.database.write() as tx:
            ended = operations.revoke_key(
                tx, key_id=issued.credential.id, reason="leaked", actor=person("ada"), now=NOW
            )
    revoked = [one for one in estate.log() if one["action"] == "revoked"]

    assert ended.state(NOW) == "revoked"
    assert snapshot_key(estate, issued.credential.id).revoked_at == NOW
    assert len(estate.revisions) == before + 1
    assert [(one["actor"], one["enforcement"], one["content"]["reason"]) for one in revoked] == [
        ("person/ada", True, "leaked")
    ]


def test_the_owner_may_revoke_and_a_stranger_may_not(estate: Estate) -> None:
    """The owner answers for the account; others need `key.revoke` where it lives."""
    issued = estate.key("fraud")
    with pytest.raises(ForbiddenError, match="may not revoke"), estate.database.write() as tx:
        operations.revoke_key(tx, key_id=issued.credential.id, actor=person("nobody"), now=NOW)
    with estate.database.write() as tx:
        operations.revoke_key(tx, key_id=issued.credential.id, actor=person("bo"), now=NOW)


@pytest.mark.parametrize("id_", ["", "' OR 1=1", "\x00" * 8, "zzzzzzzz", "a" * 9, "\ud800" * 8, "٣" * 8])
def test_a_key_that_is_not_there(estate: Estate, id_: str) -> None:
    """Any strange id is simply not found."""
    with pytest.raises(NotFoundError), estate.database.write() as tx:
        operations.revoke_key(tx, key_id=id_, actor=SETUP, now=NOW)


def test_a_namesake_inherits_no_key(estate: Estate) -> None:
    """An account that is deleted and declared again starts without the old one's keys."""
    issued = estate.key()
    estate.declare("", removals=(("ServiceAccount", "bot"),), now=NOW + HOUR)
    account = """
kind: ServiceAccount
metadata: {name: bot, namespace: claims}
spec: {type: agent, owner: bo, purpose: Again., expires_on: 2027-03-01, use_cases: [triage-letters]}
"""
    estate.declare(account, now=NOW + 2 * HOUR)

    assert snapshot_key(estate, issued.credential.id).revoked_at == NOW + 2 * HOUR


def test_a_use_case_taken_from_the_account_takes_its_keys(estate: Estate) -> None:
    """The declaration, not the key, says what the account is for."""
    issued = estate.key("fraud")
    account = """
kind: ServiceAccount
metadata: {name: bot, namespace: claims}
spec: {type: agent, owner: bo, purpose: Sorts letters., expires_on: 2027-03-01, use_cases: [triage-letters]}
"""
    estate.declare(account, now=NOW + HOUR)

    assert snapshot_key(estate, issued.credential.id).revoked_at == NOW + HOUR


def test_a_link_signs_in_once(estate: Estate) -> None:
    """The second use is refused and says why; so is one that is 15 minutes old."""
    link, old = estate.link(), estate.link("bo")
    with estate.database.write() as tx:
        issued = operations.sign_in(tx, link=f"http://h/sign-in/{link}", pepper=PEPPER, now=NOW)
    assert (issued.credential.principal, issued.credential.vouched_by) == ("person/ada", "system/setup")
    for text, why in ((link, "used before"), (old, "older than 15 minutes")):
        with pytest.raises(UnauthenticatedError) as refused, estate.database.write() as tx:
            operations.sign_in(tx, link=text, pepper=PEPPER, now=NOW + credential.LINK_LIFE)
        assert why in refused.value.why


def test_a_link_in_a_race_signs_in_one(estate: Estate) -> None:
    """Many that use one link at the same moment: one gets in, by whichever door."""
    link = estate.link()
    results: list[str] = []
    gate = threading.Barrier(8)

    def enter(place: int) -> None:
        gate.wait()
        try:
            with estate.database.write() as tx:
                if place % 2:
                    operations.sign_in(tx, link=link, pepper=PEPPER, now=NOW)
                else:
                    operations.sign_in_for_token(tx, link=link, name="", pepper=PEPPER, now=NOW)
            results.append("in")
        except UnauthenticatedError:
            results.append("out")

    threads = [threading.Thread(target=enter, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["in"] + ["out"] * 7


def test_a_link_for_somebody_disabled_is_refused(estate: Estate) -> None:
    """Neither made, nor, when made before, used."""
    link = estate.link()
    estate.declare(GONE % ("ada", "Ada"))
    with pytest.raises(UnauthenticatedError) as refused, estate.database.write() as tx:
        operations.sign_in(tx, link=link, pepper=PEPPER, now=NOW)
    assert "is disabled" in refused.value.why
    with pytest.raises(ConflictError, match="disabled"):
        estate.link()


def test_nobody_becomes_more_by_a_link(estate: Estate) -> None:
    """A unit's administrator makes links in the unit, not for who holds roles beyond it."""
    assert estate.link("bo", actor=person("cy"))
    with pytest.raises(ForbiddenError, match="person/root"):
        estate.link("root", actor=person("cy"))
    estate.declare(RISK % "organization")
    with pytest.raises(ForbiddenError, match="person/bo"):
        estate.link("bo", actor=person("cy"))
    with pytest.raises(ForbiddenError):
        estate.link("ada", actor=person("bo"))


def test_tokens_are_made_for_oneself(estate: Estate) -> None:
    """Nobody makes one for another person; an administrator makes one for a service account."""

    def issue(principal: str, actor: str, **given: object) -> credential.Issued:
        with estate.database.write() as tx:
            return operations.issue_token(
                tx,
                principal=principal,
                name="t",
                actor=person(actor),
                pepper=PEPPER,
                now=NOW,
                **given,  # type: ignore[arg-type]
            )

    assert issue("person/ada", "ada").credential.expires_at == NOW + credential.TOKEN_LIFE
    with pytest.raises(ForbiddenError, match="person/ada"):
        issue("person/ada", "root")
    assert issue("service-account/bot", "root").credential.principal == "service-account/bot"
    with pytest.raises(ForbiddenError, match="service-account/bot"):
        issue("service-account/bot", "ada")
    with pytest.raises(InvalidError, match="cannot expire"):
        issue("person/ada", "ada", expires_at=NOW + 2 * HOUR, not_beyond=NOW + HOUR)
    with pytest.raises(NotFoundError):
        issue("person/ghost", "ghost")


def test_a_token_is_revoked_by_its_holder_or_an_administrator(estate: Estate) -> None:
    """Others are refused."""
    estate.token("bo")
    with estate.database.read() as tx:
        (found,) = queries.tokens_of(tx, principal="person/bo")
    with pytest.raises(ForbiddenError), estate.database.write() as tx:
        operations.revoke_token(tx, token_id=found.id, actor=person("ada"), now=NOW)
    with estate.database.write() as tx:
        ended = operations.revoke_token(tx, token_id=found.id, actor=person("cy"), now=NOW)
    assert ended.state(NOW) == "revoked"


def test_the_first_administrator(empty_estate: Estate) -> None:
    """Made once, with a link that signs in; not when somebody administers already."""
    with empty_estate.database.write() as tx:
        issued = operations.bootstrap(tx, empty_estate.assembly, pepper=PEPPER, now=NOW)
    assert issued is not None
    with empty_estate.database.write() as tx:
        operations.sign_in(tx, link=issued.secret, pepper=PEPPER, now=NOW)
        assert operations.bootstrap(tx, empty_estate.assembly, pepper=PEPPER, now=NOW) is None
        rights = queries.rights_of(tx, principal="person/admin", now=NOW)
    assert rights.may("identity.manage", ORGANIZATION)


def test_the_first_administrator_is_somebody_new(empty_estate: Estate) -> None:
    """A person who happens to be called admin does not find themselves one."""
    empty_estate.declare("kind: Person\nmetadata: {name: admin}\nspec: {display_name: Adrian Min}")
    with empty_estate.database.write() as tx:
        issued = operations.bootstrap(tx, empty_estate.assembly, pepper=PEPPER, now=NOW)
    assert issued is not None
    assert issued.credential.principal == "person/admin-2"


def test_people_with_a_role_where_it_reaches(estate: Estate) -> None:
    """A role on a unit reaches the units below; disabled people are left out."""
    estate.declare(RISK % "claims")
    with estate.database.read() as tx:

        def holders(namespace: str) -> list[str]:
            found = queries.people_with_role(tx, role="risk-approver", namespace=namespace, now=NOW)
            return [one.name for one in found]

        assert (holders("triage"), holders("claims"), holders("finance")) == (
            ["person/bo"],
            ["person/bo"],
            [],
        )
    estate.declare(GONE % ("bo", "Bo"))
    with estate.database.read() as tx:
        assert queries.people_with_role(tx, role="risk-approver", namespace="triage", now=NOW) == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("expires_at", NOW + 1000 * DAY),
        ("ended_at", None),
        ("hash", "0" * 64),
        ("use_case", "fraud"),
        ("principal", "service-account/other"),
    ],
)
def test_an_altered_credential_is_found(estate: Estate, column: str, value: object) -> None:
    """What was changed behind the log's back is named, row and field."""
    issued, other = estate.key(), estate.session()
    with estate.database.write() as tx:
        operations.revoke_key(tx, key_id=issued.credential.id, actor=SETUP, now=NOW)
    with estate.database.read() as tx:
        assert list(verify_credentials(tx)) == []
    where = table.c.id == issued.credential.id
    with estate.database.write() as tx:
        tx.connection.execute(table.update().where(where).values({column: value}))
    with estate.database.read() as tx:
        (found,) = verify_credentials(tx)
    assert issued.credential.subject in found.where
    assert other[:12] not in found.what


def test_a_credential_put_in_or_taken_out_is_found(estate: Estate) -> None:
    """A row the log does not know, and a row it misses."""
    issued = estate.key()
    with estate.database.write() as tx:
        row = tx.connection.execute(table.select().where(table.c.id == issued.credential.id)).one()
        forged = {**row._mapping, "id": "forged00", "hash": "f" * 64}
        tx.connection.execute(table.delete().where(table.c.id == issued.credential.id))
        tx.connection.execute(table.insert().values(**forged))
    with estate.database.read() as tx:
        found = {one.where: one.what for one in verify_credentials(tx)}
        assert audit.size(tx) > 0
    assert "does not know" in found["credentials api-key/forged00"]
    assert "is gone" in found[f"credentials {issued.credential.subject}"]
