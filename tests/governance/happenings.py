"""What may happen to a company and to the model that walks beside it, one at a time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from roadworthy.controls.facts import EvidenceUploaded, EvidenceWithdrawn
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import blueprint_operations, exception_operations, operations
from roadworthy.governance.blueprint import Wanted
from roadworthy.identity import operations as identity
from roadworthy.registry.actor import Actor
from roadworthy.switches import operations as switches
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord
from tests.gateway.control import ACCOUNT as ACCOUNT_SPEC
from tests.gateway.control import PEPPER, hashed
from tests.governance.company import HIGH, NOW, SETUP, SUMMARY, Company, document, use_case, with_facts
from tests.governance.reference import Model, StandIn

TIERS: dict[str, dict[str, Any]] = {
    "minimal": {},
    "limited": {"audience": ["consumers"]},
    "high": HIGH,
    "prohibited": {"practices": ["social_scoring"]},
}
PLACES = {"EU": ["DE"], "EU-2": ["AT", "DE"], "GB": ["GB"]}
"""Where it runs; the tiers above are the EU's, in Great Britain each of them is minimal."""
APPROVERS = (
    ("person/ben", "business-approver"),
    ("person/gus", "business-approver"),
    ("person/cleo", "security-approver"),
    ("person/dan", "risk-approver"),
    ("person/eve", "legal-approver"),
)
OTHERS = (
    ("person/ada", "business-approver"),
    ("person/hal", "business-approver"),
    ("person/hal", "security-approver"),
    ("person/hal", "security-approver"),
    ("person/dan", "security-approver"),
    ("person/ben", "legal-approver"),
)
"""Who holds no such role: they may speak in another's name alone."""
GATE = {
    "title": "Drill",
    "stages": ["pilot", "live"],
    "items": [{"id": "drill", "check": "control", "of": ["C20"]}],
}
EXCLUSION = {"title": "Kept for people", "reason": "People decide here."}
STOPPABLE = ("use-case/policy-search", "model/small", "model/big", "provider/local")
WRITERS = {"person/ada": (), "person/gus": (), "service-account/ci": ("person/cleo",)}
"""Who declares, and who answers for them."""
EXPECTED = 30
ACCOUNT_ENDS = datetime(2027, 11, 20, tzinfo=UTC)
ACCOUNT = {**ACCOUNT_SPEC, "expires_on": ACCOUNT_ENDS.date().isoformat()}


_VALUES: dict[str, tuple[Any, ...]] = {
    "tier": (*TIERS, "minimal", "minimal"),
    "place": ("EU", "EU", "EU-2", "GB"),
    "data": ("none", "policies"),
    "trusted": (True, True, True, False),
    "stage": ("pilot", "pilot", "pilot", "live", "stopped"),
    "autonomy": ("assist", "supervise", "supervise"),
    "models": (("small",), ("small", "big"), ("small", "big"), ("big",)),
    "expected": (None, EXPECTED),
    "owner": ("fay", "fay", "gus"),
}


class Happenings:
    """One company and its model; each happening is done to the company and said to the model."""

    def __init__(self, company: Company, seed: int) -> None:
        self.company = company
        self.random = random.Random(seed)
        self.now = NOW
        self.model = Model(owners=("person/fay",), roles=dict.fromkeys(APPROVERS))
        self.spec: dict[str, Any] = {
            "tier": "minimal",
            "place": "EU",
            "data": "none",
            "trusted": True,
            "stage": "pilot",
            "autonomy": "assist",
            "models": ("small",),
            "expected": None,
            "owner": "fay",
        }
        self.wrote: dict[str, str] = {}
        self.behind = {"small": "s", "big": "b"}
        self._said_of: list[tuple[str, Any]] = []
        self.given: list[tuple[datetime, Any]] = []
        self.second = ""
        self.ended: list[str] = []
        self._found()
        self.declare()
        company.declare(document("ServiceAccount", "bot", ACCOUNT, namespace="claims"), actor=SETUP)
        self.key, self.key_id = self._key("bot", "policy-search", NOW + timedelta(days=170))
        self.model.key_ends = NOW + timedelta(days=170)

    def _found(self) -> None:
        writes = {"role": "contributor", "unit": "claims"}
        speed = {"title": "Speed", "layer": "process", "unit": "h", "direction": "decrease"}
        self.company.declare(
            document("Person", "hal", {"display_name": "Hal"}),
            document("RoleBinding", "gus-writes", {"subject": "person/gus", **writes}),
            document(
                "ServiceAccount", "ci", {**ACCOUNT, "owner": "cleo", "use_cases": []}, namespace="claims"
            ),
            document("RoleBinding", "ci-writes", {"subject": "service-account/ci", **writes}),
            document("ServiceAccount", "bot", {**ACCOUNT, "use_cases": []}, namespace="claims"),
            document("Metric", "speed", speed),
            document("Model", "big", self._spec_of("big")),
            actor=SETUP,
        )

    def _spec_of(self, name: str) -> dict[str, Any]:
        spec = {"title": name.title(), "provider": "local", "upstream_model": self.behind[name]}
        return {**spec, "context_tokens": 2048, "max_output_tokens": 512}

    def _key(self, account: str, use_case: str, ends: datetime) -> tuple[str, str]:
        with self.company.database.write() as tx:
            issued = identity.issue_key(
                tx, account=account, use_case=use_case, actor=SETUP, pepper=PEPPER, now=self.now,
                expires_at=ends,
            )  # fmt: skip
        return hashed(issued), issued.credential.id

    def _did(self, do: Callable[[Tx], Any]) -> Any:
        """Let the product do something; what it refuses has not happened."""
        try:
            with self.company.database.write() as tx:
                return do(tx)
        except RoadworthyError:
            return None

    def _declared(self, one: dict[str, Any], actor: Actor | str = SETUP) -> bool:
        try:
            self.company.declare(one, actor=actor, now=self.now)
        except RoadworthyError:
            return False
        return True

    def mend(self) -> None:
        """Do something about what stands in the way, so that a walk is not refused for ever."""
        model, now = self.model, self.now
        gone = [one for one in model.leaves if model.gone(one, now)]
        if model.stopped:
            self.stop(self.random.choice(tuple(model.stopped)))
        elif model.key_ends is not None and model.key_ends <= now:
            self.rekey()
        elif gone:
            self.leave(gone[0].partition("/")[2], stays=True)
        elif model.excluded and model.autonomy != "assist":
            self.exclude()
        elif model.tier == "prohibited" or model.stage == "stopped":
            self.declare({"tier": "limited", "stage": "pilot", "trusted": True})
        elif model.gate_asks_drill:
            self.drill()
        else:
            for person, role in APPROVERS:
                if not model.holds(person, role, now):
                    self.bind((person, role))
                elif (person, role) != ("person/gus", "business-approver"):
                    self.approve((person, role))

    def declare(self, new: dict[str, Any] | None = None) -> None:
        """Change something of the declaration: material or not."""
        author, wanted = self.random.choice(("person/ada", "person/ada", *WRITERS)), dict(self.spec)
        field = self.random.choice((*wanted, "stage", "tier"))
        wanted |= new or {field: self.random.choice(_VALUES[field])}
        metrics = ["hours", "latency", "overrides" if wanted["trusted"] else "speed"]
        one = use_case(
            stage=wanted["stage"],
            intake=with_facts(**{**TIERS[wanted["tier"]], "jurisdictions": PLACES[wanted["place"]]}),
            data_sources=[wanted["data"]],
            metrics=[{"metric": name} for name in metrics],
            autonomy=wanted["autonomy"],
            models=list(wanted["models"]),
            expected_calls_per_month=wanted["expected"],
        )
        one["spec"]["owners"]["product"]["owner"] = wanted["owner"]
        if not self._declared(one, author):
            return
        fields = {name: wanted[name] for name in ("data", "trusted", "autonomy", "models", "expected")}
        was = {name: self.spec[name] for name in fields}
        fields["intake"], was["intake"] = (
            (wanted["tier"], wanted["place"]),
            (self.spec["tier"], self.spec["place"]),
        )
        for name, value in fields.items():
            if not self.wrote.get(name) or value != was[name]:
                self.wrote[name] = author
        self.wrote.setdefault("rest", author)
        self.spec, model = wanted, self.model
        self._said_of = sorted(fields.items())
        self._note_content()
        model.tier = "minimal" if wanted["place"] == "GB" else wanted["tier"]
        model.stage, model.trusted = wanted["stage"], wanted["trusted"]
        model.autonomy, model.models = wanted["autonomy"], wanted["models"]
        model.expected = wanted["expected"]
        model.owners = ("person/fay", f"person/{wanted['owner']}")
        asks = {f"person/{wanted['owner']}"}
        model.authors = asks | {who for name in self.wrote.values() for who in (name, *WRITERS[name])}

    def _note_content(self) -> None:
        """It is the same as long as its own declaration is, and the version of each model that it names."""
        versions = [self.behind[name] for name in sorted(self.spec["models"])]
        self.model.content = repr((self._said_of, versions))

    def reversion(self) -> None:
        """Put another version behind a model's name, or the earlier one back."""
        name = self.random.choice(("small", "big"))
        was = self.behind[name]
        self.behind[name] = was[:1] if "-" in was else f"{was}-2"
        if not self._declared(document("Model", name, self._spec_of(name))):
            self.behind[name] = was
        elif self.model.content:
            self._note_content()

    def approve(self, who: tuple[str, str] | None = None) -> None:
        """Have somebody approve it, mostly somebody who may."""
        person, role = who or self.random.choice((*APPROVERS, *APPROVERS, *OTHERS))
        until = self.now + timedelta(
            days=self.random.choice((1, 5, 30, 90)), hours=self.random.randint(0, 23)
        )
        self._say("approved", person, role, lambda tx: operations.give_approval(
            tx, use_case="policy-search", role=role, expires_at=until, actor=Actor(person, "cli"),
            now=self.now,
        ), until=until)  # fmt: skip

    def refuse(self) -> None:
        """Have somebody refuse it."""
        person, role = self.random.choice(APPROVERS)
        self._say("refused", person, role, lambda tx: operations.refuse_approval(
            tx, use_case="policy-search", role=role, comment="No.", actor=Actor(person, "cli"), now=self.now
        ))  # fmt: skip

    def dissent(self) -> None:
        """Have somebody go on record against it without blocking it."""
        person, role = self.random.choice(APPROVERS)
        self._say("dissented", person, role, lambda tx: operations.dissent(
            tx, use_case="policy-search", role=role, comment="Hm.", actor=Actor(person, "cli"), now=self.now
        ))  # fmt: skip

    def _say(
        self, what: str, person: str, role: str, do: Callable[[Tx], Any], until: datetime | None = None
    ) -> None:
        done = self._did(do)
        if done is not None:
            voice = done.fact.on_behalf_of
            may = self.model.may_speak(person, role, voice, self.now)
            assert may, f"{person} {what} as {role} for {voice or 'themselves'} at {self.now}: {self.model}"
            self.model.add(
                what, self.now, by=person, role=role, content=self.model.content, tier=self.model.tier,
                until=until, id=done.id, voice=voice,
            )  # fmt: skip

    def withdraw(self) -> None:
        """Have somebody take their word back."""
        words = [one for one in self.model.said if one.what in {"approved", "refused", "dissented"}]
        if words:
            one = self.random.choice(words[-6:])
            done = self._did(lambda tx: operations.withdraw_approval(
                tx, use_case="policy-search", approval=one.id, actor=Actor(one.by, "cli"), now=self.now
            ))  # fmt: skip
            if done is not None:
                self.model.add("withdrew", self.now, of=one.id)

    def exempt(self) -> None:
        """Ask for an exception and have somebody grant it, whether or not they may."""
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
        model = self.model
        holds = any(model.holds(granter, role, self.now) for role in ("risk-approver", "security-approver"))
        may = holds and granter != asker.principal and granter not in model.authors
        assert (done is not None) == may, f"{granter} granting what {asker.principal} asked for: {model}"
        if done is not None:
            model.add("granted", self.now, by=granter, item=item, until=until, id=done.id)

    def revoke(self) -> None:
        """Have an exception revoked."""
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
        """Declare or delete a gate that asks for a drill of the kill switch."""
        if self.model.gate_asks_drill:
            self.company.delete("Gate", "drill", now=self.now)
        else:
            assert self._declared(document("Gate", "drill", GATE, namespace="claims"))
        self.model.gate_asks_drill = not self.model.gate_asks_drill

    def exclude(self) -> None:
        """Declare or delete what the unit keeps for people."""
        if self.model.excluded:
            self.company.delete("Exclusion", "kept", now=self.now)
        else:
            assert self._declared(document("Exclusion", "kept", EXCLUSION, namespace="claims"))
        self.model.excluded = not self.model.excluded

    def drill(self) -> None:
        """File a drill of the kill switch, done some time ago."""
        made = self.now - timedelta(days=self.random.choice((0, 0, 30, 170)))
        ends = self.now + timedelta(days=self.random.choice((1, 10, 400)))
        fact = EvidenceUploaded(
            kind="stop-drill", about="use-case/policy-search", name="drill", sha256="0" * 64, size=1,
            media_type="text/plain", observed_at=made, expires_at=ends, self_attested=False,
            values={"stop_drill": True},
        )  # fmt: skip
        done = self._record(fact)
        self.model.drilled.append((self.now, min(ends, made + timedelta(days=180)), done.id))

    def undrill(self) -> None:
        """Take a filed drill back."""
        if self.model.drilled:
            id_ = self.random.choice(self.model.drilled[-3:])[2]
            self._record(EvidenceWithdrawn(evidence=id_, reason="It was another system."))
            self.model.add("withdrew-evidence", self.now, of=id_)

    def _record(self, fact: Any) -> Recorded[Any]:
        with self.company.database.write() as tx:
            return evidence.record(
                tx, fact, subject="use-case/policy-search", actor=SETUP, at=self.now, enforcement=True
            )

    def _day(self, *days: int | None) -> date | None:
        chosen = self.random.choice(days)
        return None if chosen is None else (self.now + timedelta(days=chosen)).date()

    def leave(self, who: str = "", *, stays: bool = False) -> None:
        """Say when somebody leaves, or that they stay."""
        leaving = tuple(one.partition("/")[2] for one in self.model.leaves)
        some = ("fay", "ben", "cleo", "hal")
        name = who or self.random.choice(leaving if leaving and self.random.random() < 0.7 else some)
        day = None if stays else self._day(None, None, 2)
        spec = {"display_name": name.title(), **({"disabled_on": day.isoformat()} if day else {})}
        if self._declared(document("Person", name, spec)):
            self.model.leaves.pop(f"person/{name}", None)
            if day is not None:
                self.model.leaves[f"person/{name}"] = _start(day)

    def bind(self, who: tuple[str, str] | None = None) -> None:
        """Take a role from somebody, give it back, or say when it ends."""
        person, role = who or self.random.choice(APPROVERS)
        name = f"{person.partition('/')[2]}-{role}"
        if who is None and (person, role) in self.model.roles and self.random.random() < 0.5:
            self.company.delete("RoleBinding", name, now=self.now)
            del self.model.roles[person, role]
            return
        day = None if who else self._day(None, None, 1, 3)
        spec = {"subject": person, "role": role, "unit": "claims"}
        if self._declared(
            document("RoleBinding", name, spec | ({"expires_on": day.isoformat()} if day else {}))
        ):
            self.model.roles[person, role] = None if day is None else _start(day)

    def delegate(self) -> None:
        """Have an approver hand their role to somebody for some days, or take it back."""
        of, role = self.random.choice(APPROVERS[:3])
        name = f"{of.partition('/')[2]}-away"
        if name in self.model.stand_ins:
            self.company.delete("Delegation", name, now=self.now)
            del self.model.stand_ins[name]
            return
        begins, ends = self._day(0, 0, 1), self._day(1, 3, 20)
        assert begins is not None
        assert ends is not None
        spec = {"delegator": of.partition("/")[2], "delegate": "hal", "role": role, "reason": "Away."}
        days = {"from": begins.isoformat(), "until": ends.isoformat()}
        if self._declared(document("Delegation", name, spec | days, namespace="claims"), of):
            self.model.stand_ins[name] = StandIn(
                "person/hal", of, role, _start(begins), _start(ends) + timedelta(days=1)
            )

    def stop(self, what: str = "") -> None:
        """Throw a kill switch, or release it."""
        ref = what or self.random.choice(STOPPABLE)
        until = self.now + timedelta(hours=self.random.choice((1, 30)))
        ends = self.random.choice((None, until))
        actor = Actor("person/dan", "cli")
        if ref in self.model.stopped:
            self._did(lambda tx: switches.revive(tx, of=ref, actor=actor, now=self.now))
            del self.model.stopped[ref]
            return
        self._did(lambda tx: switches.kill(
            tx, of=ref, namespace="claims", reason="A drill.", until=ends, actor=actor, now=self.now
        ))  # fmt: skip
        self.model.stopped[ref] = ends

    def rekey(self) -> None:
        """Revoke the key and issue another one."""
        ends = min(self.now + timedelta(days=self.random.choice((2, 60, 170))), ACCOUNT_ENDS)
        if ends <= self.now:
            return
        with self.company.database.write() as tx:
            identity.revoke_key(tx, key_id=self.key_id, actor=Actor("person/fay", "cli"), now=self.now)
        self.ended = [*self.ended[-2:], self.key]
        self.model.key_ends = ends
        self.key, self.key_id = self._key("bot", "policy-search", ends)

    def call(self) -> None:
        """Have it called some times, which may be more than was approved."""
        at, made = (self.now - _EPOCH) // timedelta(milliseconds=1), len(self.model.called)
        records = [
            CallRecord(
                id=f"call_{made + number}", at=at, decision="allowed", use_case="policy-search",
                principal="service-account/bot", model="small", provider="local", status=200,
            )
            for number in range(12)
        ]  # fmt: skip
        with self.company.database.write() as tx:
            usage.ingest(tx, records, source="walk", now=self.now)
        self.model.called += [self.now] * len(records)
        self.now += timedelta(seconds=1)

    def pattern(self) -> None:
        """Publish it as a blueprint, which takes a grant, and begin another use case with it."""
        actor = Actor("person/gus", "cli")
        done = self._did(lambda tx: blueprint_operations.publish(
            tx, self.company.assembly, use_case="policy-search", actor=actor, now=self.now
        ))  # fmt: skip
        if done is None:
            return
        assert self.model.granted(self.now), "what has no grant is no pattern"
        wanted = Wanted(
            name="second",
            unit="claims",
            owner="fay",
            outcome="faster-answers",
            title="Second",
            summary=SUMMARY,
        )
        if not self.second and self._did(lambda tx: blueprint_operations.start(
            tx, self.company.assembly, blueprint=done, wanted=wanted, actor=actor, now=self.now
        )):  # fmt: skip
            account = document("ServiceAccount", "bot-2", {**ACCOUNT, "use_cases": ["second"]},
                               namespace="claims")  # fmt: skip
            assert self._declared(account)
            ends = min(self.now + timedelta(days=170), ACCOUNT_ENDS)
            self.second, _ = self._key("bot-2", "second", ends)

    def wait(self) -> None:
        """Let some hours or days go by."""
        self.now += timedelta(hours=self.random.choice((1, 3, 12, 24, 24 * 6)))

    def sleep(self) -> None:
        """Let weeks go by, now and then: evidence gets old, keys and approvals end."""
        if self.random.random() < 0.1:
            self.now += timedelta(days=self.random.choice((20, 45, 100)))

    def edge(self) -> None:
        """Go to the very moment at which something ends, or a millisecond beside it."""
        model = self.model
        ends = [one.until for one in model.said]
        ends += [end for _, end, _ in model.drilled]
        ends += [*model.leaves.values(), *model.roles.values(), *model.stopped.values(), model.key_ends]
        ends += [end for one in model.stand_ins.values() for end in (one.begins, one.ends)]
        ends += [at + timedelta(days=30) for at in model.called]
        ahead = [end for end in ends if end is not None and self.now < end < self.now + timedelta(days=9)]
        if ahead:
            beside = timedelta(milliseconds=self.random.choice((-1, 0, 1)))
            self.now = max(self.now, min(ahead) + beside)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
