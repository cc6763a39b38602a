"""Evidence from outside: filed whole, sealed by its hash, read, believed no further than it may be."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from roadworthy.controls import operations, queries
from roadworthy.controls.jobs import EvidenceKeeper
from roadworthy.controls.verification import verify_files
from roadworthy.foundation.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor
from tests.controls.estate import CASE, OLGA, Controlled
from tests.controls.test_reading import EVAL, JUNIT

DAY = timedelta(days=1)
FAY = Actor("person/fay", "cli")
BOT = Actor("service-account/bot", "api")


def test_a_file_is_kept_as_it_came_and_its_hash_is_sealed(estate: Controlled) -> None:
    """Any bytes; the log names the hash, and verification finds a file that was changed."""
    content = bytes(range(256)) * 3
    done = estate.file("impact-assessment", content)
    assert done.fact.sha256 == hashlib.sha256(content).hexdigest()
    with estate.database.read() as tx:
        assert queries.content_of(tx, done.id) == content
        assert list(verify_files(tx)) == []
    assert estate.state("C06") == "holds"
    with estate.database.write() as tx:
        tx.connection.execute(text("UPDATE evidence_files SET content = :c"), {"c": content[:-1] + b"x"})
    with estate.database.read() as tx:
        (found,) = verify_files(tx)
    assert "not the file whose hash was sealed" in found.what


def test_gateways_hear_of_evidence_at_once(estate: Controlled) -> None:
    """A grant can rest on it: filed or taken back, it moves the revision that gateways wait for."""

    def revision() -> int:
        with estate.database.read() as tx:
            return audit.revision(tx)

    before = revision()
    done = estate.file("impact-assessment", b"An assessment")
    filed = revision()
    assert filed > before
    with estate.database.write() as tx:
        operations.withdraw(tx, evidence_id=done.id, reason="Another build", actor=OLGA, now=estate.clock)
    assert revision() > filed


def test_figures_come_from_the_file_and_its_own_date(estate: Controlled) -> None:
    """An evaluation log of four days ago passes by its threshold, as of its end."""
    done = estate.file("eval-run", json.dumps(EVAL).encode(), threshold=0.9)
    assert done.fact.values == {"eval_passed": True, "eval_score": 0.93}
    assert done.fact.read_as == "eval-log"
    assert done.fact.observed_at.isoformat() == "2026-11-19T09:30:00+00:00"
    assert estate.state("C16") == "holds"
    estate.file("eval-run", json.dumps({**EVAL, "stats": {}}).encode(), threshold=0.95)
    assert estate.state("C16") == "holds", "that one began before the other ended, so the other counts"
    assert estate.file("entitlement-test", JUNIT).fact.values == {"entitlement_tests_passed": False}
    assert estate.state("C25") == "fails"


def test_what_a_file_says_counts_over_what_is_stated(estate: Controlled) -> None:
    """Refused: what contradicts the file, what its kind does not say, what is of a wrong sort."""
    with pytest.raises(InvalidError, match="The file says"):
        estate.file("eval-run", b'{"eval_passed": false}', values={"eval_passed": True})
    with pytest.raises(InvalidError, match="does not say"):
        estate.file("impact-assessment", b"x", values={"eval_passed": True})
    with pytest.raises(InvalidError, match="cannot be"):
        estate.file("training-record", b"x", values={"users_trained_pct": "all"})
    with pytest.raises(InvalidError, match="says nothing"):
        estate.file("eval-run", b"just words")
    with pytest.raises(InvalidError, match="cannot be read"):
        estate.file("eval-run", b'{"a": Infinity}')


def test_limits_places_and_dates_are_kept(estate: Controlled) -> None:
    """10 MiB, not empty, under what its kind allows, not from the future, not expired already."""
    with pytest.raises(TooLargeError):
        estate.file("impact-assessment", b"x" * (operations.BYTES_MAX + 1))
    with pytest.raises(InvalidError, match="empty"):
        estate.file("impact-assessment", b"")
    with pytest.raises(InvalidError, match="not filed under"):
        estate.file("impact-assessment", b"x", about="provider/local")
    with pytest.raises(NotFoundError):
        estate.file("impact-assessment", b"x", about="use-case/none")
    with pytest.raises(NotFoundError):
        estate.file("horoscope", b"x")
    with pytest.raises(InvalidError, match="still to come"):
        estate.file("impact-assessment", b"x", observed_at=estate.clock + DAY)
    with pytest.raises(InvalidError, match="counted until"):
        estate.file("impact-assessment", b"x", observed_at=estate.clock - 366 * DAY)


def test_who_answers_for_it_cannot_vouch_as_a_stranger(estate: Controlled) -> None:
    """An owner's word, and that of an owner's program, is self-attested; at high tier it does not count."""
    for actor in (FAY, BOT):
        assert estate.file("impact-assessment", b"x", actor=actor).fact.self_attested
    assert estate.state("C06") == "holds"
    found = estate.states(tier="high")["C06"]
    assert found.state == "unknown"
    assert not estate.file("impact-assessment", b"x", actor=OLGA).fact.self_attested
    assert estate.state("C06", tier="high") == "holds"


def test_evidence_about_a_unit_counts_below_it(estate: Controlled) -> None:
    """A training record of the whole company answers for each of its use cases."""
    estate.file(
        "training-record",
        b"list",
        about="unit/organization",
        values={"users_trained_pct": 98, "reviewers_trained_pct": 100},
    )
    assert estate.state("C04") == "holds"


def test_withdrawn_evidence_no_longer_counts_and_stays(estate: Controlled) -> None:
    """Taken back once, with a reason; the past still says what it said."""
    done = estate.file("impact-assessment", b"x")
    at = estate.clock
    estate.clock += DAY
    with estate.database.write() as tx:
        operations.withdraw(tx, evidence_id=done.id, reason="Another build", actor=OLGA, now=estate.clock)
    assert estate.state("C06") == "unknown"
    assert estate.state("C06", as_of=at) == "holds"
    with estate.database.write() as tx, pytest.raises(ConflictError):
        operations.withdraw(tx, evidence_id=done.id, reason="Again", actor=OLGA, now=estate.clock)


def test_filed_listed_downloaded_and_withdrawn_through_the_api(estate: Controlled) -> None:
    """The four doors of a piece, and who may use them."""
    client, viewer = estate.client(), estate.client("hal")
    asked = {"kind": "impact-assessment", "about": f"use-case/{CASE}", "name": "a.bin"}
    content = bytes(range(256))
    octets = {"content-type": "application/octet-stream", "idempotency-key": "one"}
    made = client.post("/v1/evidence", params=asked, content=content, headers=octets)
    assert made.status_code == 201, made.text
    again = client.post("/v1/evidence", params=asked, content=content, headers=octets)
    assert again.json()["id"] == made.json()["id"], "sent twice, filed once"
    name = made.json()["id"]
    assert [one["id"] for one in client.get("/v1/evidence").json()["items"]] == [name]
    got = client.get(f"/v1/evidence/{name}/file")
    assert got.content == content
    assert got.headers["content-type"] == "application/octet-stream"
    assert viewer.get(f"/v1/evidence/{name}").status_code == 200
    assert viewer.get(f"/v1/evidence/{name}/file").status_code == 403
    assert viewer.post("/v1/evidence", params=asked, content=b"x", headers=octets).status_code == 403
    taken = client.post(f"/v1/evidence/{name}/withdraw", json={"reason": "Wrong file"})
    assert taken.json()["state"] == "withdrawn"
    bad = client.post("/v1/evidence", params={**asked, "value": "x"}, content=b"x", headers=octets)
    assert bad.status_code in {409, 422}
    assert client.get("/v1/evidence/kinds").json()["items"][0]["signals"]


def test_the_keeper_verifies_the_log_and_notes_retention(estate: Controlled) -> None:
    """Twice a day each; a pass that failed is noted at once."""

    class Retention:
        passed_at: datetime | None = None
        error = ""

    class Installed:
        database, assembly, keys = estate.database, estate.company.assembly, ()

    retention = Retention()
    keeper = EvidenceKeeper(Installed(), retention=retention, now=lambda: estate.clock)
    keeper.once()
    assert estate.state("C39") != "unknown"
    assert estate.state("C38") == "unknown"
    retention.passed_at = estate.clock
    keeper.once()
    assert estate.state("C38") == "holds"
    estate.clock += timedelta(minutes=10)
    retention.passed_at, retention.error = estate.clock, "disk full"
    keeper.once()
    assert estate.state("C38") == "fails"


def test_erasing_a_use_case_takes_its_files_along(estate: Controlled) -> None:
    """What the log no longer says, the files do not either; verification agrees."""
    estate.file("impact-assessment", b"names of people")
    with estate.database.write() as tx:
        for eraser in estate.company.assembly.erasers:
            eraser(tx, f"use-case/{CASE}")
        assert tx.connection.execute(text("SELECT content FROM evidence_files")).scalar() is None
    with estate.database.read() as tx:
        assert list(verify_files(tx)) == []
