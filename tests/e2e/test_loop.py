"""The eight-step loop as one story: the installed program, real processes, a real model, the stock client."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from playwright.sync_api import Page

from tests.e2e import ferries
from tests.e2e.installation import Installation, Said, Terminal

REVOCATIONS = 20
QUESTION: Any = [{"role": "user", "content": "The 9:40 to Dublin is cancelled. One word: what now?"}]


@dataclass(frozen=True)
class Answer:
    """What the client library made of an answer."""

    call: str
    text: str
    pieces: int
    usage: Any


@dataclass
class Story:
    """Everything the steps share."""

    installation: Installation
    model: str
    page: Page
    today: date
    people: dict[str, Terminal] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, person: str) -> Terminal:
        return self.people[person]

    def ask(self, key: str = "", *, model: str = "small", **more: Any) -> Answer:
        """Call with the stock client; by default with the use case's own key."""
        with openai.OpenAI(
            base_url=self.installation.gateway, api_key=key or self.keys["rebooking"], max_retries=0
        ) as client:
            raw = client.chat.completions.with_raw_response.create(
                model=model, messages=QUESTION, **{"max_tokens": 8, **more}
            )
            call, parsed = raw.headers["x-roadworthy-trace-id"], raw.parse()
            if more.get("stream"):
                said = [one.choices[0].delta.content or "" for one in parsed if one.choices]
                return Answer(call, "".join(said), len(said), None)
            return Answer(call, parsed.choices[0].message.content or "", 1, parsed.usage)

    def refusal(self, kind: type[openai.APIStatusError], key: str = "", **how: Any) -> dict[str, Any]:
        """Insist that a call is refused as the client library's own error; return what it says."""
        with pytest.raises(kind) as caught:
            self.ask(key, **how)
        assert isinstance(caught.value.body, dict)
        said: dict[str, Any] = caught.value.body["roadworthy"]
        assert caught.value.code == said["reason"]
        assert said["message"] in caught.value.message
        return said


@pytest.fixture
def story(tmp_path: Path, small_model: str, page: Page) -> Iterator[Story]:
    """Give an installation whose people are declared and signed in."""
    with Installation(tmp_path) as installation:
        installation.start("control", "gateway")
        told = Story(installation, small_model, page, datetime.now(UTC).date())
        admin = told.people["admin"] = installation.first_administrator()
        admin.do("apply", "--yes", "-f", admin.write("people.yaml", ferries.people()))
        for person in ferries.ROLES:
            told.people[person] = installation.sign_in(admin, person)
        yield told


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_a_person_walks_the_loop(story: Story) -> None:
    """From a use case that names no outcome to a proven log, each step after the one before it."""
    step_2_declare(story)
    step_3_explain(story)
    step_4_approve(story)
    step_5_call(story)
    step_5_revoke(story)
    step_5_expire(story)
    step_5_control_plane_stopped(story)
    step_6_measure(story)
    step_7_scorecard(story)
    step_8_history_of_every_kind(story)
    step_8_export(story)
    step_8_verify(story)


# ---------------------------------------------------------------------------------------- 2. declare


def step_2_declare(story: Story) -> None:
    """What has no outcome, or an outcome without baseline, is refused; a plan is applied exactly, or not."""
    ana, pete, today = story["ana"], story["pete"], story.today
    pete.do("apply", "--yes", "-f", pete.write("models.yaml", ferries.models(story.model)))
    ana.do("apply", "--yes", "-f", ana.write("metrics.yaml", ferries.metrics()))

    ana.write("use-case.yaml", ferries.use_case(today=today, outcome=""))
    said = ana.run("apply", "--yes", "-f", "use-case.yaml")
    refused_at(
        said, "use-case.yaml:7 spec.outcome: `outcome` is required.", fix="Declare the outcome it serves"
    )
    assert_nothing_declared(story, "use-case", "outcome")

    ana.write("outcome.yaml", ferries.outcome(today=today, baseline=False))
    said = ana.run("apply", "--yes", "-f", "outcome.yaml")
    refused_at(said, "outcome.yaml:7 spec.baseline: `baseline` is required.", fix="Measure where you stand")
    assert_nothing_declared(story, "use-case", "outcome")

    ana.write("outcome.yaml", ferries.outcome(today=today))
    ana.write("use-case.yaml", ferries.use_case(today=today, deputies=False))
    shown = ana.do("plan", "-f", "outcome.yaml", "-f", "use-case.yaml", "-o", "plan.json").out
    assert "+ create use-case/rebooking (use-case.yaml:2)" in shown
    assert "follows: use-case/rebooking starts at tier high" in shown
    assert_nothing_declared(story, "use-case", "outcome")
    applied = ana.do("apply", "plan.json", "--yes", "-o", "name").out.split()
    assert applied == ["outcome/quicker-rebooking", "use-case/rebooking"]

    ana.write("use-case.yaml", ferries.use_case(today=today))
    ana.do("plan", "-f", "use-case.yaml", "-o", "overtaken.json")
    story["admin"].write("title.yaml", ferries.use_case(today=today, deputies=False, title="Rebook people"))
    story["admin"].do("apply", "--yes", "-f", "title.yaml")
    said = ana.run("apply", "overtaken.json", "--yes")
    assert (said.code, said.out) == (6, "")
    assert "use-case/rebooking was at generation 1 when planned and is at 2 now" in said.err
    assert "changed by person/admin" in said.err
    assert "spec.title: Rebook passengers of cancelled crossings → Rebook people" in said.err
    standing = ana.do("get", "use-case/rebooking", "-o", "json").json()
    assert standing["spec"]["owners"]["business"]["deputy"] is None


def refused_at(said: Said, place: str, *, fix: str) -> None:
    """Insist on a refusal that names the place and what to do, and writes no data."""
    assert (said.code, said.out) == (1, "")
    assert place in said.err
    assert f"fix: {fix}" in said.err
    assert "Nothing was changed" in said.err


def assert_nothing_declared(story: Story, *kinds: str) -> None:
    """Insist that there is nothing of these kinds."""
    for kind in kinds:
        assert story["ana"].do("get", kind, "-o", "json").json()["items"] == []


# ---------------------------------------------------------------------------------------- 3. explain


def step_3_explain(story: Story) -> None:
    """Everything between the use case and its first call is named, with who can change it."""
    ana, pete, today = story["ana"], story["pete"], story.today
    said = ana.run("explain", "use-case/rebooking", "--check")
    assert said.code == 3
    for line in (
        "Nobody stands in for the business owner.",
        "Risk tier: High: decisions by machine alone (GDPR).",
        "Pilot test: passed",
        "yes Measured by three metrics",
        "yes A trust metric",
        "yes On the standard security path",
        "legal-approver: 1 missing; can give it: person/lea",
        "not person/ana, who wrote the declaration",
    ):
        assert line in said.out

    ana.do("apply", "--yes", "-f", "use-case.yaml")  # now with deputies
    standing = ana.do("explain", "rebooking", "-o", "json").json()
    assert standing["state"] == "waiting for approval"
    assert standing["ownership"]["gaps"] == []
    assert {one["code"] for one in standing["block"]} == {
        "needs-business-approver",
        "needs-risk-approver",
        "needs-security-approver",
        "needs-legal-approver",
    }
    assert all(one["who_can_change"] and one["next_step"] for one in standing["block"])
    assert page_text(story, "ana", "/use-cases/rebooking").count("person/lea") > 0

    ana.do("apply", "--yes", "-f", ana.write("berths.yaml", ferries.use_case("berth-search", today=today)))
    pete.do("apply", "--yes", "-f", pete.write("accounts.yaml", ferries.accounts(today=today)))
    for use_case in ("rebooking", "berth-search"):
        story.keys[use_case] = issue_key(story, use_case)

    said_no = story.refusal(openai.PermissionDeniedError)
    assert said_no["reason"] == "no_grant"
    assert said_no["declaration"] == "use-case/rebooking"
    assert said_no["who_can_change"] == ["person/ben"]
    assert said_no["next_step"] == "Ask person/ben."
    assert len(said_no["reasons"]) == 4


def issue_key(story: Story, use_case: str) -> str:
    """Issue a key for a use case's program, on the command line of the platform engineer."""
    return story["pete"].do("key", "issue", f"{use_case}-bot", "--use-case", use_case).out.strip()


def page_text(story: Story, person: str, path: str) -> str:
    """Return what a console page says to a person, in the browser."""
    sign_in_browser(story, person)
    story.page.goto(story.installation.url + path)
    return story.page.inner_text("main")


def sign_in_browser(story: Story, person: str) -> None:
    """Sign in as people do: open the link, press the button."""
    story.page.context.clear_cookies()
    story.page.goto(story["admin"].do("sign-in-link", person).out.strip())
    story.page.get_by_role("button", name="Sign in").click()
    story.page.wait_for_url(lambda url: "/sign-in" not in url)


# ---------------------------------------------------------------------------------------- 4. approve


def step_4_approve(story: Story) -> None:
    """Four people approve: in the console, on the command line, over the API; the author cannot."""
    said = story["ana"].run("approve", "rebooking", "--as", "business-approver")
    assert (said.code, said.out) == (4, "")
    assert "person/ana wrote the declaration" in said.err
    assert story["rita"].do("needs-you", "-o", "json").json()["items"][0]["kind"] == "approve"

    approve_in_console(story, "ben")
    done = (
        story["rita"].do("approve", "rebooking", "--comment", "Seen by the risk circle", "-o", "json").json()
    )
    assert datetime.fromisoformat(done["expires_at"]) > datetime.now(UTC) + timedelta(days=170)
    for person in ("sam", "lea"):
        assert story["ana"].run("explain", "rebooking", "--check").code == 3
        status, given = approve_by_api(story, person, seconds=86_400)
        assert (status, given["actor"]) == (201, f"person/{person}")

    standing = story["ana"].do("explain", "rebooking", "--check", "-o", "json").json()
    assert standing["state"] == "granted"
    grant = standing["grant"]
    assert (grant["models"], grant["routes"]) == (["small"], ["default"])
    ends = [one["expires_at"] for one in standing["approvals"]["given"]]
    assert grant["expires_at"] == min(ends)
    assert {one["person"] for one in standing["approvals"]["given"]} == {
        "person/ben", "person/rita", "person/sam", "person/lea",
    }  # fmt: skip


def approve_by_api(story: Story, person: str, *, seconds: float) -> tuple[int, Any]:
    """Approve over the API, for as long as is said."""
    ends = datetime.now(UTC) + timedelta(seconds=seconds)
    body = {"decision": "approve", "expires_at": ends.isoformat(), "comment": f"{person} agrees"}
    return story[person].ask("POST", "/v1/use-cases/rebooking/approvals", body)


def approve_in_console(story: Story, person: str) -> None:
    """Approve by pressing the buttons that the use case's page shows."""
    sign_in_browser(story, person)
    page = story.page
    page.goto(story.installation.url + "/")
    page.locator("a[href='/use-cases/rebooking#approvals']", has_text="Review").click()
    page.get_by_label("Comment").fill("The desk asked for it")
    page.get_by_role("button", name="Approve as business-approver").click()
    page.get_by_text("Your approval as business-approver is recorded.").wait_for()


# ---------------------------------------------------------------------------------------- 5. call


def step_5_call(story: Story) -> None:
    """The real model answers, whole and as a stream; the trace says everything; others are refused."""
    whole = story.ask()
    assert whole.text.strip()
    trace = trace_of(story, whole.call)
    assert (trace["principal"], trace["use_case"]) == ("service-account/rebooking-bot", "rebooking")
    assert (trace["decision"], trace["status"], trace["model"]) == ("allowed", 200, "small")
    assert trace["grant_id"] == story["ana"].do("explain", "rebooking", "-o", "json").json()["grant"]["id"]
    used, answered = whole.usage.prompt_tokens, whole.usage.completion_tokens
    assert (trace["input_tokens"], trace["output_tokens"]) == (used, answered)
    assert (trace["cost_nano"], trace["currency"]) == ((2 * used + 6 * answered) * 1000, "EUR")
    assert 0 < trace["first_byte_ms"] <= trace["latency_ms"]
    assert "prompt" not in trace
    said = story["vic"].do("trace", whole.call, "--content", "-o", "json").json()["content"]
    assert "Dublin" in said["prompt"]
    assert said["response"] == whole.text

    streamed = story.ask(model="default", stream=True)
    assert streamed.pieces > 1
    trace = trace_of(story, streamed.call)
    assert (trace["route"], trace["model"], trace["stream"]) == ("default", "small", True)
    assert trace["output_tokens"] > 0
    said = story["vic"].do("trace", streamed.call, "--content", "-o", "json").json()["content"]
    assert said["response"] == streamed.text

    said = story.refusal(openai.PermissionDeniedError, model="other")
    assert said["reason"] == "model_not_granted"
    assert said["declaration"] == "use-case.yaml:2"
    assert said["who_can_change"] == ["person/ana"]
    assert story.refusal(openai.NotFoundError, model="nowhere")["reason"] == "model_unknown"
    header = {"x-roadworthy-use-case": "berth-search"}
    said = story.refusal(openai.PermissionDeniedError, extra_headers=header)
    assert said["reason"] == "key_not_for_use_case"
    assert story.refusal(openai.PermissionDeniedError, story.keys["berth-search"])["reason"] == "no_grant"
    assert story.refusal(openai.AuthenticationError, "rwk_00000000_wrong")["reason"] == "invalid_api_key"

    wanted = {"no_grant", "model_not_granted", "key_not_for_use_case"}
    soon(lambda: wanted <= refused_codes(story), "the refusals are in the traces")
    who = story["vic"].do("who-can", "call", "model/small", "-o", "json").json()["allowed"]
    assert {one["principal"] for one in who} == {"service-account/rebooking-bot"}
    what = story["vic"].do("what-can", "service-account/berth-search-bot", "-o", "json").json()
    assert (what["allowed"], what["refused"][0]["code"]) == ([], "no_grant")


def refused_codes(story: Story) -> set[str]:
    """Return the reasons of the refusals that an auditor sees."""
    found = story["vic"].do("traces", "--decision", "refused", "-o", "json").json()["items"]
    return {str(one["reason_code"]) for one in found}


def trace_of(story: Story, call: str) -> dict[str, Any]:
    """Return the record of a call; the gateway hands it on within a moment of the answer."""
    soon(lambda: story["vic"].run("trace", call).code == 0, f"{call} is in the traces")
    found: dict[str, Any] = story["vic"].do("trace", call, "-o", "json").json()
    return found


def soon(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, but not for long."""
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, f"not within ten seconds: {what}"
        time.sleep(0.2)


def step_5_revoke(story: Story) -> None:
    """However often: the call after the revocation's answer is refused."""
    pete = story["pete"]
    for _ in range(REVOCATIONS):
        status, made = pete.ask("POST", "/v1/service-accounts/rebooking-bot/keys", {"use_case": "rebooking"})
        assert status == 201
        assert story.ask(made["key"], max_tokens=1).text
        status, _ = pete.ask("POST", f"/v1/keys/{made['id']}/revoke", {"reason": "seen in a screenshot"})
        assert status == 200
        said = story.refusal(openai.AuthenticationError, made["key"])
        assert said["reason"] == "key_revoked"
        assert (said["declaration"], said["who_can_change"]) == (
            "service-account/rebooking-bot (accounts.yaml:2)", ["person/pete"],
        )  # fmt: skip


def step_5_expire(story: Story) -> None:
    """An approval that ends takes the grant with it, at that moment and without a change anywhere."""
    status, given = approve_by_api(story, "lea", seconds=4)
    assert status == 201
    assert story.ask().text
    ends = datetime.fromisoformat(given["expires_at"])
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 0.01)
    said = story.refusal(openai.PermissionDeniedError)
    assert said["reason"] == "grant_expired"
    assert "legal-approver: person/lea" in said["next_step"]
    standing = story["ana"].do("explain", "rebooking", "-o", "json").json()
    assert [one["code"] for one in standing["block"]] == ["needs-legal-approver"]
    assert "it has expired" in standing["block"][0]["message"]
    story["lea"].do("approve", "rebooking", "--valid-days", "30")
    assert story.ask().text


def step_5_control_plane_stopped(story: Story) -> None:
    """The gateway needs the control plane for changes, not for calls; even to start anew."""
    story.installation.stop("control")
    during = story.ask().call
    story.installation.stop("gateway")
    story.installation.start("gateway")
    assert story.ask(model="default").text
    story.installation.start("control")
    assert trace_of(story, during)["decision"] == "allowed"


# ---------------------------------------------------------------------------------------- 6. measure


def step_6_measure(story: Story) -> None:
    """A year of weekly figures becomes one sentence with its interval, and no claim of a cause."""
    ana = story["ana"]
    ana.write("weekly.csv", "from,to,value\n2026-01-05,2026-01-11,many\n")
    said = ana.run("measure", "import", "weekly.csv", "--outcome", "quicker-rebooking")
    assert (said.code, said.out) == (1, "")
    assert "weekly.csv:2" in said.err or "line 2" in said.err

    ana.write("weekly.csv", ferries.weekly_figures(today=story.today))
    ana.do("measure", "import", "weekly.csv", "--outcome", "quicker-rebooking")
    effect = ana.do("effect", "quicker-rebooking", "-o", "json").json()
    headline = str(effect["headline"])
    found = re.search(r"has been ([\d.]+) .* lower .*95 % interval ([\d.]+) to ([\d.]+)", headline)
    assert found, headline
    size, low, high = map(float, found.groups())
    assert low <= size <= high
    assert abs(size - 5) < 1.5
    assert headline.endswith("a before/after comparison is not proof of cause.")

    shown = page_text(story, "ana", "/outcomes/quicker-rebooking")
    assert headline in shown
    assert story.page.locator("main figure svg").count() >= 1


# ---------------------------------------------------------------------------------------- 7. scorecard


def step_7_scorecard(story: Story) -> None:
    """Five layers in their order; what was not measured says so and is not good."""
    card = story["ana"].do("scorecard", "rebooking", "-o", "json").json()
    layers = {one["layer"]: one for one in card["layers"]}
    assert list(layers) == ["business", "process", "quality", "reliability", "adoption"]
    assert all(layers[name]["status"] == "no data" for name in ("process", "quality", "adoption"))
    assert layers["business"]["status"] in {"met", "near", "missed"}
    assert layers["reliability"]["status"] in {"met", "near", "missed"}

    page_text(story, "ana", "/scorecard/rebooking")
    layers_shown = story.page.locator(".card-head").filter(has_text="No data").all_inner_texts()
    assert [text.split("\n")[0] for text in layers_shown] == [
        "Process efficiency", "Model quality", "Adoption health",
    ]  # fmt: skip
    unmeasured = story.page.get_by_role("row").filter(has=story.page.get_by_text("No data", exact=True))
    assert unmeasured.count() == 2
    assert unmeasured.locator(".chip-good").count() == 0


# ---------------------------------------------------------------------------------------- 8. prove


ELSEWHERE = {"access-policy", "exclusion", "gate", "blueprint", "delegation", "inventory-entry"}
"""Kinds that the tests of their own slices declare and change."""
CHANGED = {
    "person/vic": ("spec.display_name", "Vic", "Vic of the auditors"),
    "role-binding/vic-auditor": ("spec.role", "auditor", "viewer"),
    "unit/ferries": ("spec.title", "Northwind Ferries", "Northwind"),
    "metric/handovers": ("spec.title", "Handovers", "Handovers between desks"),
    "outcome/quicker-rebooking": (
        "spec.title",
        "Time to rebook after a cancelled crossing",
        "Time to rebook",
    ),
    "use-case/berth-search": ("spec.title", "Rebook passengers of cancelled crossings", "Find berths"),
    "provider/local": ("spec.title", "On this machine", "Here"),
    "model/other": ("spec.title", "Not approved", "Not yet approved"),
    "route/default": ("spec.title", "Everyday questions", "Questions"),
    "service-account/berth-search-bot": ("spec.purpose", "Calls for berth-search.", "Looks for berths."),
    "filter/crew": ("spec.title", "Names of crew lists", "Crew lists"),
    "filter-policy/crew": ("spec.title", "Crew lists stay here", "No crew lists"),
    "policy-pack/crew-rules": ("spec.title", "Rules about crews", "Crew rules"),
    "limit/rebooking": ("spec.title", "Rebooking by the minute", "Calls by the minute"),
    "budget/ferries": ("spec.title", "Ferries this month", "What ferries may cost"),
}
"""One resource of each kind, with a change that anybody can read."""

GUARDS = """\
apiVersion: roadworthy/v1
kind: Filter
metadata: {name: crew, namespace: ferries}
spec:
  title: Names of crew lists
  patterns: {crew-list: 'CREW-\\d{6}'}
---
apiVersion: roadworthy/v1
kind: FilterPolicy
metadata: {name: crew, namespace: ferries}
spec:
  title: Crew lists stay here
  units: [ferries]
  uses: [{filter: crew, input: mask}]
---
apiVersion: roadworthy/v1
kind: Limit
metadata: {name: rebooking, namespace: ferries}
spec:
  title: Rebooking by the minute
  scope: {use_case: rebooking}
  requests: 1000
---
apiVersion: roadworthy/v1
kind: PolicyPack
metadata: {name: crew-rules}
spec:
  title: Rules about crews
  version: 1.0.0
  review_by: 2031-01-01
  rules:
    - id: house.crew_health
      title: Health of crews
      applies: It sees health data of crews.
      asks: Ask the ship's doctor first.
      applies_from: 2026-01-01
      when: {data_classes: {any_of: [phi]}}
      fixtures:
        - {expect: fires, facts: {data_classes: [phi]}}
        - {expect: silent, facts: {data_classes: [pii]}}
---
apiVersion: roadworthy/v1
kind: Budget
metadata: {name: ferries, namespace: ferries}
spec:
  title: Ferries this month
  owner: ana
  scope: {unit: ferries}
  amount: 1000
  currency: EUR
  period: month
"""


def step_8_history_of_every_kind(story: Story) -> None:
    """Whatever is declared has versions, differences, and a way back."""
    admin = story["admin"]
    kinds = {one["slug"] for one in admin.do("kinds", "-o", "json").json()["items"]}
    assert kinds - ELSEWHERE == {ref.partition("/")[0] for ref in CHANGED}
    admin.do("apply", "--yes", "-f", admin.write("guards.yaml", GUARDS))
    before = {ref: resource(admin, ref) for ref in CHANGED}
    documents = {}
    for text in admin.do("export").out.split("---\n"):
        for ref, (path, old, new) in CHANGED.items():
            leaf = f"{path.rpartition('.')[2]}: "
            kind, name = (part.replace("-", "") for part in ref.split("/"))
            lines = text.lower().replace("-", "").splitlines()
            if f"kind: {kind}" in lines and f"  name: {name}" in lines:
                assert leaf + old in text
                documents[ref] = text.replace(leaf + old, leaf + new, 1)
    assert documents.keys() == CHANGED.keys()
    admin.do("apply", "--yes", "-f", admin.write("changed.yaml", "---\n".join(documents.values())))

    for ref, (path, old, new) in CHANGED.items():
        versions = admin.do("history", ref, "-o", "json").json()["items"]
        earlier = before[ref]["status"]["generation"]
        assert [one["generation"] for one in versions[:2]] == [earlier + 1, earlier]
        fields = admin.do("diff", ref, "-o", "json").json()["fields"]
        assert fields == [{"path": path, "before": old, "after": new}]
        admin.do("rollback", ref, "--to", str(earlier), "--yes")
        now = resource(admin, ref)
        assert (now["spec"], now["status"]["generation"]) == (before[ref]["spec"], earlier + 2)


def resource(person: Terminal, ref: str) -> dict[str, Any]:
    """Return what is declared under a reference."""
    status, found = person.ask("GET", f"/v1/resources/{ref}")
    assert status == 200
    assert isinstance(found, dict)
    return found


def step_8_export(story: Story) -> None:
    """What is exported is what is declared: applying it changes nothing, of any kind."""
    admin = story["admin"]
    exported = admin.do("export").out
    assert {f"kind: {kind}" for kind in exported_kinds()} <= set(exported.splitlines())
    admin.write("everything.yaml", exported)
    said = admin.do("plan", "-f", "everything.yaml", "--detailed-exitcode")
    assert said.out.strip() == "No changes: what is declared is already so."


def exported_kinds() -> list[str]:
    """Return the names of all kinds, from their references."""
    return ["".join(part.title() for part in ref.partition("/")[0].split("-")) for ref in CHANGED]


def step_8_verify(story: Story) -> None:
    """The log proves itself, by the server and without it; one altered byte is found, and where."""
    vic, installation = story["vic"], story.installation
    kept = vic.do("audit", "checkpoint").out
    vic.write("kept.txt", kept)
    assert "The log verifies" in vic.do("audit", "verify", "--checkpoint", "kept.txt").out
    proof = vic.do("audit", "proof", "12").json()
    assert proof["proof"] or proof["hashes"]
    installation.stop("gateway")
    installation.stop("control")
    assert "The log verifies" in vic.do("audit", "verify", "--data", str(installation.data)).out

    for what, where in (
        (b"Seen by the risk circle", "evidence"),  # an approval
        (b"Northwind Ferries", "Unit/ferries"),  # a declaration
        (b"Dublin", "trace/"),  # what was asked of the model
    ):
        altered = copy_with_one_byte_altered(installation, what)
        said = vic.run("audit", "verify", "--data", str(altered))
        assert (said.code, said.out) == (3, ""), f"an altered {what!r} was not found"
        assert where in said.err, said.err

    shutil.copy(altered / "roadworthy.db", installation.data / "roadworthy.db")
    installation.start("control")
    said = vic.run("audit", "verify", "--checkpoint", "kept.txt")
    assert (said.code, said.out) == (3, "")
    assert "trace/" in said.err


def copy_with_one_byte_altered(installation: Installation, text: bytes) -> Path:
    """Return a copy of the data directory with one byte altered, in a place that the database still reads.

    SQLite leaves what was overwritten in its free space: an altered byte there alters nothing.
    """
    raw = (installation.data / "roadworthy.db").read_bytes()
    as_it_is = content(raw)
    for found in re.finditer(re.escape(text), raw):
        altered = raw[: found.start() + 1] + b"#" + raw[found.start() + 2 :]
        if content(altered) != as_it_is:
            copy = installation.folder / f"altered-{found.start()}"
            shutil.copytree(installation.data, copy)
            (copy / "roadworthy.db").write_bytes(altered)
            return copy
    raise AssertionError(f"{text!r} is nowhere in what the database holds")


def content(database: bytes) -> list[str]:
    """Return everything a database file holds, as statements."""
    with closing(sqlite3.connect(":memory:")) as connection:
        # In its header: not in WAL mode, which a database in memory cannot be.
        connection.deserialize(database[:18] + b"\x01\x01" + database[20:])
        return list(connection.iterdump())
