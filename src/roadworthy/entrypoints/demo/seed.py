"""Seeds the fictional company through the API, each step as the person who would take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from roadworthy.entrypoints.api_client import Client, path_of
from roadworthy.entrypoints.demo import company

ADMINISTRATOR = "dana-novak"
FIRST = "admin"
"""The administrator an installation begins with."""

# File of declarations -> who declares it. In order: what others refer to comes first.
DECLARED_BY = (
    ("12-roles.yaml", ADMINISTRATOR),
    ("20-units.yaml", "clara-jensen"),
    ("21-unit-roles.yaml", ADMINISTRATOR),
    ("30-metrics.yaml", "clara-jensen"),
    ("31-outcomes.yaml", "clara-jensen"),
    ("40-models.yaml", "oskar-nyberg"),
    ("50-use-cases-claims.yaml", "ines-carvalho"),
    ("51-use-cases-service.yaml", "amira-haddad"),
    ("52-use-cases-underwriting.yaml", "li-wen"),
    ("53-use-cases-technology.yaml", "felix-arndt"),
    ("60-service-accounts.yaml", "oskar-nyberg"),
)
APPROVER = "samuel-okoro"
"""Somebody whom approvals wait for."""
KEY_ISSUER = "oskar-nyberg"
MEASURER = "clara-jensen"

Say = Callable[[str], None]


@dataclass(slots=True)
class People:
    """Tokens of the people, got as anybody gets one: by a one-time link from an administrator."""

    url: str
    administrator: Client
    _known: dict[str, Client] = field(default_factory=dict)

    def as_(self, person: str) -> Client:
        """Return the client of a person, signed in."""
        if person == ADMINISTRATOR:
            return self.administrator
        if person not in self._known:
            self._known[person] = sign_in(self.url, self.link(person))
        return self._known[person]

    def link(self, person: str) -> str:
        """Return a new one-time link for a person."""
        return str(self.administrator.post("/v1/sign-in-links", {"person": person})["link"])


def sign_in(url: str, link: str) -> Client:
    """Exchange a one-time link for a client with a token."""
    answer = Client(url).post("/v1/sign-in", {"link": link, "name": "demo"})
    return Client(url, str(answer["token"]))


def declare(client: Client, *manifests: dict[str, str], remove: tuple[str, ...] = ()) -> None:
    """Plan and apply, as `roadworthy apply` does."""
    body: dict[str, Any] = {"manifests": list(manifests), "remove": list(remove)}
    if remove and not manifests:
        body["managed_by"] = "console"  # the first administrator was made there
    planned = client.post("/v1/plan", body)
    if not planned["is_empty"]:
        client.post("/v1/apply", {"plan": planned["plan"]})


def seed(*, url: str, first_link: str, now: datetime, ports: dict[str, int], say: Say) -> People:
    """Build the company: people, roles, units, outcomes, use cases, decisions, measurements."""
    first, today = sign_in(url, first_link), now.date()

    def file(name: str) -> dict[str, str]:
        return company.manifest(name, today=today, ports=ports)

    say("People, roles and units")
    declare(first, file("10-people.yaml"), file("11-administrator.yaml"))
    made = first.post("/v1/sign-in-links", {"person": ADMINISTRATOR})
    people = People(url, sign_in(url, made["link"]))
    # The account an installation begins with goes once somebody of the company administers it.
    declare(people.administrator, remove=(f"role-binding/{FIRST}", f"person/{FIRST}"))
    for name, person in DECLARED_BY:
        if name == "30-metrics.yaml":
            say("Outcomes, models and use cases")
        declare(people.as_(person), file(name))
    say("Approvals and refusals")
    decide(people, now=now)
    say("A year of weekly figures")
    measure(people, today=today)
    return people


def decide(people: People, *, now: datetime) -> None:
    """Let each person say what they have to say."""
    for row in company.story("decisions"):
        body: dict[str, Any] = {name: row[name] for name in ("role", "decision", "comment")}
        if row["valid_days"]:
            body["expires_at"] = (now + timedelta(days=int(row["valid_days"]))).isoformat()
        people.as_(row["person"]).post(path_of("v1", "use-cases", row["use_case"], "approvals"), body)


def measure(people: People, *, today: date) -> None:
    """Import the weekly figures, one file for each outcome, dated when they were measured."""
    client = people.as_(MEASURER)
    metrics: dict[str, list[str]] = {}
    for row in company.story("measured"):
        metrics.setdefault(row["outcome"], []).append(row["metric"])
    for outcome, named in metrics.items():
        lines = ["metric,from,to,value"]
        for metric in named:
            for monday, value in company.weekly(metric, today=today):
                lines.append(f"{metric},{monday},{monday + timedelta(days=6)},{value}")
        client.send(
            "POST",
            "/v1/measurements/import",
            raw="\n".join([*lines, ""]).encode(),
            media_type="text/csv",
            query={"outcome": outcome},
        )


def issue_keys(people: People) -> dict[str, str]:
    """Issue a key to each service account; return them by account."""
    issuer = people.as_(KEY_ISSUER)
    keys = {}
    for row in company.story("keys"):
        body = {"use_case": row["use_case"], "name": "first"}
        made = issuer.post(path_of("v1", "service-accounts", row["account"], "keys"), body)
        keys[row["account"]] = str(made["key"])
    return keys


def snippet_key(issuer: Client) -> str:
    """Issue the key that the snippets show; an earlier one is revoked, for its secret is kept nowhere."""
    path = path_of("v1", "service-accounts", "claims-desk", "keys")
    for one in issuer.get(path)["items"]:
        if one["name"] == "snippet" and one["state"] == "valid":
            issuer.post(path_of("v1", "keys", one["id"], "revoke"), {"reason": "the demo was started again"})
    made = issuer.post(path, {"use_case": "claims-triage", "name": "snippet"})
    return str(made["key"])


def revoke_first_key(people: People, account: str) -> None:
    """Revoke an account's first key, so that the traces show a refusal for it."""
    issuer = people.as_(KEY_ISSUER)
    items = issuer.get(path_of("v1", "service-accounts", account, "keys"))["items"]
    for one in items:
        if one["name"] == "first" and one["state"] == "valid":
            reason = {"reason": "it was seen in a screenshot"}
            issuer.post(path_of("v1", "keys", one["id"], "revoke"), reason)
