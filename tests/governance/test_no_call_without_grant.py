"""No sequence of declarations, decisions, exceptions, evidence and clock moves yields a call without a grant.

The product (its store, its verdicts, its snapshots and the gateway's decision) walks beside the small model
of `reference.py`. `ROADWORTHY_STEPS=100000` walks as far as the release asks for.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from roadworthy.controls.facts import EvidenceUploaded, EvidenceWithdrawn
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway.access import Refused, decide_for, identify
from roadworthy.gateway.delta import Delta, advance
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.source import DatabaseSource
from roadworthy.governance import exception_operations, operations, queries
from roadworthy.identity import operations as identity
from roadworthy.registry.actor import Actor
from tests.gateway.control import ACCOUNT, PEPPER, hashed
from tests.governance.company import HIGH, NOW, SETUP, Company, document, use_case, with_facts
from tests.governance.reference import Model

STEPS = int(os.environ.get("ROADWORTHY_STEPS", "250"))
LIFE = 250
"""Steps of one company; then another is founded, so that its history stays short enough to walk on."""
TIERS: dict[str, dict[str, Any]] = {
    "minimal": {},
    "limited": {"audience": ["consumers"]},
    "high": HIGH,
    "prohibited": {"practices": ["social_scoring"]},
}
APPROVERS = (
    ("person/ben", "business-approver"),
    ("person/gus", "business-approver"),
    ("person/cleo", "security-approver"),
    ("person/dan", "risk-approver"),
    ("person/eve", "legal-approver"),
)
GATE = {
    "title": "Drill",
    "stages": ["pilot", "live"],
    "items": [{"id": "drill", "check": "control", "of": ["C20"]}],
}


class Walk:
    """One company and its model, walking together."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company = company
        self.random = random.Random(seed)
        self.model = Model(owners=("fay",))
        self.now = NOW
        self.spec: dict[str, Any] = {"tier": "minimal", "data": "none", "trusted": True, "stage": "pilot"}
        self.wrote: dict[str, str] = {}
        self.given: list[tuple[datetime, Any]] = []
        company.declare(
            document("ServiceAccount", "bot", {**ACCOUNT, "use_cases": []}, namespace="claims"),
            document(
                "RoleBinding",
                "gus-writes",
                {"subject": "person/gus", "role": "contributor", "unit": "claims"},
            ),
            actor=SETUP,
        )
        self.declare()
        company.declare(document("ServiceAccount", "bot", ACCOUNT, namespace="claims"), actor=SETUP)
        with company.database.write() as tx:
            self.key = hashed(
                identity.issue_key(
                    tx,
                    account="bot",
                    use_case="policy-search",
                    actor=SETUP,
                    pepper=PEPPER,
                    now=NOW,
                    expires_at=NOW + timedelta(days=180),
                )
            )
        self.source = DatabaseSource(
            company.database,
            now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),  # noqa: PLW0108  # it moves
            in_background=False,
        )
        self.index = self._whole()

    def step(self) -> None:
        """Do one thing, then hold what the gateway decides against what the model says."""
        self.now += timedelta(seconds=self.random.randint(1, 900))
        self._stale()
        happens: Callable[[], object] = self.random.choice(
            (
                *(self.declare, self.approve, self.approve, self.approve, self.approve, self.refuse),
                *(self.withdraw, self.exempt, self.exempt, self.revoke, self.gate, self.drill),
                *(self.undrill, self.leave, self.wait, self.edge, self.edge),
            )
        )
        happens()
        if happens in {self.wait, self.edge}:
            self._stale()
        self._refresh()
        assert self.calls() == self.model.may_call(self.now), (
            f"{happens.__name__} at {self.now}: {self.why()}"
        )
        if self.random.random() < 0.1:
            self.given.append((self.now, self.verdict(None)))

    def _stale(self) -> None:
        """Hold what was compiled earlier against the model: it may refuse more, never allow more."""
        if self.calls():
            assert self.model.may_call(self.now), f"a call outlived its grant at {self.now}: {self.why()}"

    def calls(self) -> bool:
        """Say whether the gateway lets a call through now."""
        at = self.now.timestamp()
        caller = identify(self.index, key_hash=self.key, now=at)
        assert not isinstance(caller, Refused), caller.message
        return not isinstance(
            decide_for(self.index, caller, use_case_header=None, model="small", now=at), Refused
        )

    def why(self) -> str:
        """Say what the product thinks, for a failing run."""
        standing = self.company.standing(now=self.now)
        blocked = [one.message for one in standing.block.reasons] if standing.block else "granted"
        return f"product: {blocked}; model: {self.model}"

    def verdict(self, as_of: datetime | None) -> Any:
        """Return the gate's verdict and the grant, as of a moment or now."""
        standing = self.company.standing(now=self.now, as_of=as_of)
        items = [(one.check.id, one.said, one.until, one.evidence) for one in standing.gate.items]
        grant = standing.grant
        return standing.tier.tier, standing.gate.said, items, (grant.id, grant.expires_at) if grant else None

    def _whole(self) -> Index:
        loaded = self.source(-1)
        assert loaded is not None
        assert not isinstance(loaded, Delta)
        return Index(loaded)

    def _refresh(self) -> None:
        loaded = self.source(self.index.revision)
        if isinstance(loaded, Delta):
            self.index = advance(self.index, loaded)
        elif loaded is not None:
            self.index = Index(loaded)

    def _did(self, do: Callable[[Tx], Recorded[Any]]) -> Recorded[Any] | None:
        """Let the product do something; what it refuses has not happened."""
        try:
            with self.company.database.write() as tx:
                return do(tx)
        except RoadworthyError:
            return None

    # ------------------------------------------------------------------ what may happen

    def declare(self) -> None:
        author, wanted = self.random.choice(("ada", "gus")), dict(self.spec)
        field = self.random.choice(("tier", "data", "trusted", "stage", "stage"))
        wanted[field] = {
            "tier": self.random.choice((*TIERS, "minimal", "minimal")),
            "data": self.random.choice(("none", "policies")),
            "trusted": self.random.random() < 0.7,
            "stage": self.random.choice(("pilot", "pilot", "stopped")),
        }[field]
        metrics = ["hours", "latency", "overrides" if wanted["trusted"] else "speed"]
        try:
            self.company.declare(
                document("Metric", "speed", {"title": "Speed", "layer": "process", "unit": "h",
                                             "direction": "decrease"}),
                actor=SETUP,
                now=self.now,
            ) if not self.wrote else None  # fmt: skip
            self.company.declare(
                use_case(
                    stage=wanted["stage"],
                    intake=with_facts(**TIERS[wanted["tier"]]),
                    data_sources=[wanted["data"]],
                    metrics=[{"metric": one} for one in metrics],
                ),
                actor=f"person/{author}",
                now=self.now,
            )
        except RoadworthyError:
            return
        for name in ("tier", "data", "trusted"):
            if not self.wrote.get(name) or wanted[name] != self.spec[name]:
                self.wrote[name] = author
        self.wrote.setdefault("rest", author)
        self.spec = wanted
        model = self.model
        model.content = f"{wanted['tier']} {wanted['data']} {wanted['trusted']}"
        model.tier, model.stage, model.trusted = wanted["tier"], wanted["stage"], wanted["trusted"]
        model.authors = {f"person/{one}" for one in self.wrote.values()} | {"person/fay"}

    def approve(self) -> None:
        person, role = self.random.choice(APPROVERS)
        until = self.now + timedelta(days=self.random.choice((1, 5, 30)), hours=self.random.randint(0, 23))
        self._say("approved", person, role, lambda tx: operations.give_approval(
            tx, use_case="policy-search", role=role, expires_at=until, actor=Actor(person, "cli"),
            now=self.now,
        ), until=until)  # fmt: skip

    def refuse(self) -> None:
        person, role = self.random.choice(APPROVERS)
        self._say("refused", person, role, lambda tx: operations.refuse_approval(
            tx, use_case="policy-search", role=role, comment="No.", actor=Actor(person, "cli"), now=self.now
        ))  # fmt: skip

    def _say(
        self, what: str, person: str, role: str, do: Callable[[Tx], Any], until: datetime | None = None
    ) -> None:
        done = self._did(do)
        if done is not None:
            self.model.add(
                what, self.now, by=person, role=role, content=self.model.content, tier=self.model.tier,
                until=until, id=done.id,
            )  # fmt: skip

    def withdraw(self) -> None:
        words = [one for one in self.model.said if one.what in {"approved", "refused"}]
        if words:
            one = self.random.choice(words[-6:])
            done = self._did(lambda tx: operations.withdraw_approval(
                tx, use_case="policy-search", approval=one.id, actor=Actor(one.by, "cli"), now=self.now
            ))  # fmt: skip
            if done is not None:
                self.model.add("withdrew", self.now, of=one.id)

    def exempt(self) -> None:
        item = self.random.choice(("C20", "pilot-trust-metric"))
        until = self.now + timedelta(hours=self.random.choice((2, 24, 24 * 20, 24 * 60)))
        asker = Actor(self.random.choice(("person/ada", "person/dan")), "cli")
        asked = self._did(lambda tx: exception_operations.request_exception(
            tx, use_case="policy-search", control=item, justification="It will be met in some weeks.",
            owner="fay", expires_at=until, actor=asker, now=self.now,
        ))  # fmt: skip
        if asked is None:
            return
        self.now += timedelta(seconds=1)
        granter = self.random.choice(("person/dan", "person/cleo", "person/ben"))
        done = self._did(lambda tx: exception_operations.grant_exception(
            tx, use_case="policy-search", request=asked.id, actor=Actor(granter, "cli"), now=self.now
        ))  # fmt: skip
        may = granter in {"person/dan", "person/cleo"} and granter != asker.principal
        assert (done is not None) == may, "who asked, or holds no such role, does not grant"
        if done is not None:
            self.model.add("granted", self.now, by=granter, item=item, until=until, id=done.id)

    def revoke(self) -> None:
        granted = [one for one in self.model.said if one.what == "granted"]
        if granted:
            one = self.random.choice(granted[-4:])
            done = self._did(lambda tx: exception_operations.revoke_exception(
                tx, use_case="policy-search", exception=one.id, actor=Actor("person/cleo", "cli"),
                now=self.now,
            ))  # fmt: skip
            if done is not None:
                self.model.add("revoked", self.now, of=one.id)

    def gate(self) -> None:
        if self.model.gate_asks_drill:
            self.company.delete("Gate", "drill", now=self.now)
        else:
            self.company.declare(
                document("Gate", "drill", GATE, namespace="claims"), actor=SETUP, now=self.now
            )
        self.model.gate_asks_drill = not self.model.gate_asks_drill

    def drill(self) -> None:
        ends = self.now + timedelta(days=self.random.choice((1, 10, 400)))
        fact = EvidenceUploaded(
            kind="stop-drill", about="use-case/policy-search", name="drill", sha256="0" * 64, size=1,
            media_type="text/plain", observed_at=self.now, expires_at=ends, self_attested=False,
            values={"stop_drill": True},
        )  # fmt: skip
        done = self._record(fact)
        self.model.drilled.append((self.now, min(ends, self.now + timedelta(days=180)), done.id))

    def undrill(self) -> None:
        if self.model.drilled:
            id_ = self.random.choice(self.model.drilled[-3:])[2]
            self._record(EvidenceWithdrawn(evidence=id_, reason="It was another system."))
            self.model.add("withdrew-evidence", self.now, of=id_)

    def _record(self, fact: Any) -> Recorded[Any]:
        with self.company.database.write() as tx:
            return evidence.record(
                tx, fact, subject="use-case/policy-search", actor=SETUP, at=self.now, enforcement=True
            )

    def leave(self) -> None:
        day: date | None = self.random.choice((None, None, (self.now + timedelta(days=2)).date()))
        spec = {"display_name": "Fay", **({"disabled_on": day.isoformat()} if day else {})}
        self.company.declare(document("Person", "fay", spec), actor=SETUP, now=self.now)
        self.model.leaves.pop("fay", None)
        if day is not None:
            self.model.leaves["fay"] = datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo)

    def wait(self) -> None:
        self.now += timedelta(hours=self.random.choice((1, 3, 12, 24, 24 * 6)))

    def edge(self) -> None:
        """Go to the very moment at which something ends, or a millisecond beside it."""
        ends = [one.until for one in self.model.said if one.until is not None]
        ends += [end for _, end, _ in self.model.drilled]
        ends += self.model.leaves.values()
        ahead = [end for end in ends if self.now < end < self.now + timedelta(days=9)]
        if ahead:
            beside = timedelta(milliseconds=self.random.choice((-1, 0, 1)))
            self.now = max(self.now, min(ahead) + beside)


@pytest.mark.timeout(0)
def test_no_call_without_a_grant(make_company: Callable[[], Company]) -> None:
    """The gateway allows a call exactly where the model does; past verdicts come out as they were given."""
    seed = int(os.environ.get("ROADWORTHY_SEED", "1"))
    allowed = refused = 0
    for life in range(-(-STEPS // LIFE)):
        walk = Walk(make_company(), seed * 1_000_003 + life)
        for _ in range(min(LIFE, STEPS - life * LIFE)):
            walk.step()
            if walk.model.may_call(walk.now):
                allowed += 1
            else:
                refused += 1
        for at, verdict in walk.given:
            assert walk.verdict(at) == verdict, f"as of {at}"
        walk.company.database.close()
    assert allowed > STEPS * 0.05, "a walk that is hardly ever allowed proves little"
    assert refused > STEPS * 0.05


def test_the_queries_read_one_estate(company: Company) -> None:
    """As of now is the same as now: nothing but the moment decides."""
    company.declare(use_case())
    with company.database.read() as tx:
        now = queries.standing(tx, use_case="policy-search", now=NOW)
        past = queries.standing(tx, use_case="policy-search", now=NOW, as_of=NOW)
    assert past.gate == now.gate
