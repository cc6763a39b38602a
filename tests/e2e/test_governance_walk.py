"""From intake to first call, with two approvers and an exception: in a browser, by commands, from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import openai
import pytest
from playwright.sync_api import Page

from tests.e2e import ferries
from tests.e2e import governance_story as story
from tests.e2e.governance_browser import Walker
from tests.e2e.governance_story import CONTROL, Company
from tests.e2e.installation import Installation, Said
from tests.e2e.test_replay import Provider

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Give the ferry line, with a provider behind the gateway that always answers."""
    provider = Provider()
    with Installation(tmp_path_factory.mktemp("line")) as installation:
        yield story.company(installation, provider.url)
    provider.server.shutdown()
    provider.server.server_close()


# ------------------------------------------------------------------------------------ in the browser


def test_in_the_browser(line: Company, page: Page, axe: Callable[[Page], list[str]]) -> None:
    """Six people, one after the other, press what their pages show; axe-core finds nothing on any of them."""
    name = "desk-in-a-browser"
    walk = Walker(line, page, axe)
    web_declare(walk, name)
    line["pete"].do("apply", "--yes", "-f", "-", stdin=story.account(name, today=line.today))
    key = line.probe(name)
    line.refused(key, "business-approver", "security-approver", CONTROL, "exception request")

    web_except(walk, name)
    refused = line.refused(key, "business-approver", "security-approver")
    assert CONTROL not in str(refused["reasons"])

    web_approve(walk, name, key)
    web_first_call(walk, name)
    web_revoke(walk, name, key)
    web_expire(walk, name, key)


def web_declare(walk: Walker, name: str) -> None:
    """Ana fills the form: the tier and the obligations follow as she answers, and it may not call yet."""
    walk.sign_in("ana")
    walk.go("/use-cases/new", "What this leads to so far", "Still unknown")
    walk.fill_intake(name)
    walk.sees("Limited: say that it is a machine (EU).", "AI interaction disclosure")
    walk.looks_right()
    walk.keep("intake", at="text='What this leads to so far'")
    walk.press("Declare it")
    walk.sees("It is declared.", "It may not call yet", "Approval as business-approver", "person/sam")
    assert "Approve as" not in walk.text  # she wrote it, so she is not asked
    assert walk.may_not_approve(name, role="business-approver")
    walk.looks_right()
    walk.page.reload()
    assert "It is declared." not in walk.page.inner_text("body")  # said once
    walk.go(f"/use-cases/{name}/rules", "Say that it is a machine (EU)", "AI interaction disclosure")
    walk.go(f"/use-cases/{name}/controls", "Use and money are limited")
    walk.keep("use-case-controls")
    walk.go(f"/use-cases/{name}/gate", "Pilot: fail", "Use and money are limited")


def web_except(walk: Walker, name: str) -> None:
    """Ana asks for an exception; neither she nor Sam, who answers for the risk, grants it; Rita does."""
    walk.ask_for_exception(name, owner="sam", until=walk.company.today + timedelta(days=30))
    walk.sees("The exception is asked for", "You may not decide about it", story.INSTEAD)
    walk.looks_right()
    walk.sign_in("sam")
    assert "an exception to C27" not in walk.text
    walk.go(f"/use-cases/{name}/gate", "You may not decide about it: person/sam is to answer for the risk")
    walk.sign_in("rita")
    walk.sees("Asks you for an exception", story.JUSTIFICATION)
    walk.looks_right()
    walk.keep("needs-you-exception")
    walk.follow(f"/use-cases/{name}/gate#exceptions")
    walk.keep("exception", at="#exceptions")
    walk.press("Grant")
    walk.sees("The exception is granted, and ends by itself.", "in force")
    walk.looks_right()
    walk.go("/exceptions", name, "in force")


def web_approve(walk: Walker, name: str, key: str) -> None:
    """Ben and Sam approve what waits for them; after one of the two, calls are refused still."""
    for person, role in (("ben", "business-approver"), ("sam", "security-approver")):
        walk.company.refused(key, role)
        walk.sign_in(person)
        walk.sees("Waits for your approval", f"Approve {story.TITLE} as {role}")
        walk.looks_right()
        walk.keep("needs-you-approval")
        walk.follow(f"/use-cases/{name}#approvals")
        walk.looks_right()
        walk.press(f"Approve as {role}")
        walk.sees(f"Your approval as {role} is recorded.")
    walk.sees("It may call")
    walk.go(f"/use-cases/{name}/gate", "waived", "by an exception", "rita")
    walk.keep("gate")


def web_first_call(walk: Walker, name: str) -> None:
    """Pete issues a key on the page of the program, and the first governed call is answered."""
    walk.sign_in("pete")
    call = walk.company.call(walk.issue_key(f"{name}-bot"))
    story.soon(lambda: walk.company["vic"].run("trace", call).code == 0, "the call is in the traces")
    walk.sign_in("vic")
    walk.go(f"/traces?use_case={name}", "allowed", "refused")
    walk.go("/lead-time", story.TITLE)
    walk.go("/portfolio", story.TITLE, "granted")
    web_publish(walk, name)


def web_publish(walk: Walker, name: str) -> None:
    """Ana publishes what may call as a blueprint, on its own page."""
    walk.sign_in("ana")
    walk.go(f"/use-cases/{name}", "Let others start from it")
    walk.press("Publish as a blueprint")
    walk.sees("It is published: others can start from it.", "Use it")
    walk.looks_right()
    walk.go(f"/blueprints/{name}", "What it begins with")
    walk.keep("blueprint")


def web_revoke(walk: Walker, name: str, key: str) -> None:
    """Rita ends the exception early: the next call is refused, and says what helps."""
    assert walk.company.call(key)
    walk.sign_in("rita")
    walk.go(f"/use-cases/{name}/gate", "Revoke")
    walk.press("Revoke")
    walk.sees("The exception is revoked")
    walk.company.refused(key, CONTROL, f"exception request use-case/{name} {CONTROL}")


def web_expire(walk: Walker, name: str, key: str) -> None:
    """A second exception ends by its date: the same call is refused then, with the reason and what to do."""
    walk.sign_in("ana")
    walk.ask_for_exception(name, owner="vic", until=walk.company.today + timedelta(days=3))
    (request,) = (one["id"] for one in exceptions_of(walk.company, name, state="requested"))
    walk.company.granted_briefly(name, request, key)
    expired(walk.company, name, key)
    walk.go(f"/use-cases/{name}/gate", "Pilot: fail", "ask for an exception")
    walk.go("/exceptions?state=expired", name, "expired")


def exceptions_of(line: Company, use_case: str, *, state: str) -> list[dict[str, Any]]:
    """Return the exceptions of a use case that are in a state."""
    words = ("exception", "list", f"use-case/{use_case}", "--state", state, "-o", "json")
    found: list[dict[str, Any]] = line["vic"].do(*words).json()["items"]
    return found


def expired(line: Company, use_case: str, key: str) -> None:
    """Insist that the exception is over, and that the refusal says so and what to do."""
    said = line.refused(key, CONTROL, "exception request")
    assert said["who_can_change"]
    assert exceptions_of(line, use_case, state="in force") == []
    assert line.verdict(use_case)["verdict"] == "fail"


# --------------------------------------------------------------------------------------- by commands


def test_by_commands_alone(line: Company) -> None:
    """Each person at a terminal of their own; before the second approval the call is refused."""
    name, ref = "desk-by-commands", "use-case/desk-by-commands"
    ana, ben, rita, sam, pete = (line[one] for one in ("ana", "ben", "rita", "sam", "pete"))
    said = ana.do("apply", "--yes", "-f", "-", stdin=story.use_case(name, today=line.today))
    assert f"{ref} starts at tier limited" in said.err
    pete.do("apply", "--yes", "-f", "-", stdin=story.account(name, today=line.today))

    assert "Risk tier: Limited: say that it is a machine (EU)." in ana.do("explain", ref).out
    rules = ana.do("rules", "explain", ref).out
    assert "eu.aia.art50_1/disclose  notice: AI interaction disclosure (now)" in rules
    gate = ana.run("gate", "check", ref)
    assert (gate.code, "money-limited" in gate.out) == (3, True)
    assert ana.run("controls", "check", ref, "--only", CONTROL).code == 3
    key = line.probe(name)
    line.refused(key, "business-approver", "security-approver", CONTROL)

    request = ask_by_command(line, name, until=str(line.today + timedelta(days=30)))
    refused(ana.run("exception", "grant", ref, request), "may not decide about this exception")
    refused(sam.run("exception", "grant", ref, request), "is to answer for the risk")
    assert f"roadworthy exception grant {ref} {request}" in rita.do("needs-you").out
    assert "in force" in rita.do("exception", "grant", ref, request).out
    assert "Nothing waits" in rita.do("needs-you").err
    line.refused(key, "business-approver", "security-approver")

    refused(ana.run("approve", ref, "--as", "business-approver"), "person/ana wrote the declaration")
    ben.do("approve", ref)
    line.refused(key, "security-approver")
    assert ana.run("gate", "check", ref).code == 3
    sam.do("approve", ref, "--comment", "Seen with the desk")
    gate = ana.do("gate", "check", ref)
    assert "waived(person/rita" in gate.out
    assert line.call(pete.do("key", "issue", f"{name}-bot", "--use-case", name).out.strip())

    rita.do("exception", "revoke", ref, exceptions_of(line, name, state="in force")[0]["id"], "--yes")
    line.refused(key, CONTROL)
    request = ask_by_command(line, name, until=str(line.today + timedelta(days=3)))
    line.granted_briefly(name, request, key)
    expired(line, name, key)


def ask_by_command(line: Company, use_case: str, *, until: str) -> str:
    """Ask for the exception as Ana; return the request."""
    words = ("--owner", "sam", "--until", until, "--compensating", story.INSTEAD, "-o", "json")
    ref = f"use-case/{use_case}"
    said = line["ana"].do(
        "exception", "request", ref, CONTROL, "--justification", story.JUSTIFICATION, *words
    )
    return str(said.json()["id"])


def refused(said: Said, words: str) -> None:
    """Insist that a command ended as one that is not allowed, with words that say why."""
    assert (said.code, said.out) == (4, "")
    assert words in said.err


# ---------------------------------------------------------------------------------------- from files


def test_from_files(line: Company) -> None:
    """What is declared stands in files, applied as planned; approvals are acts, over the API."""
    name = "desk-from-files"
    ana, pete = line["ana"], line["pete"]
    ana.write("use-case.yaml", story.use_case(name, today=line.today))
    assert "starts at tier limited" in ana.do("plan", "-f", "use-case.yaml", "-o", "plan.json").out
    ana.do("apply", "plan.json", "--yes")
    pete.do("apply", "--yes", "-f", pete.write("account.yaml", story.account(name, today=line.today)))
    key = line.probe(name)
    line.refused(key, "business-approver", "security-approver", CONTROL)

    given = act(line, "ben", name, "approvals", {"decision": "approve"})
    assert given[0] == 201
    line.refused(key, "security-approver", CONTROL)
    assert act(line, "ana", name, "approvals", {"decision": "approve"})[0] == 403
    assert act(line, "sam", name, "approvals", {"decision": "approve", "comment": "Seen"})[0] == 201
    line.refused(key, CONTROL, f"exception request use-case/{name} {CONTROL}")

    status, asked = act(line, "ana", name, "exceptions", exception(line, days=30))
    assert (status, asked["state"]) == (201, "requested")
    line.refused(key, CONTROL)
    assert act(line, "sam", name, f"exceptions/{asked['id']}/grant", {})[0] == 403
    assert act(line, "rita", name, f"exceptions/{asked['id']}/grant", {})[0] == 201
    assert line.verdict(name)["verdict"] == "waived"
    assert line.call(key)

    held = exceptions_of(line, name, state="in force")[0]["id"]
    reason = {"reason": "The budget is agreed"}
    assert act(line, "rita", name, f"exceptions/{held}/revoke", reason)[0] == 201
    line.refused(key, CONTROL)
    _status, asked = act(line, "ana", name, "exceptions", exception(line, days=3))
    line.granted_briefly(name, asked["id"], key)
    expired(line, name, key)

    # A file takes the exception's place: a budget that counts every call. With a drill, the control holds.
    pete.do("apply", "--yes", "-f", pete.write("budget.yaml", budget(name)))
    drill = pete.write("drill.txt", "The alert went off after 40 calls in a minute.")
    pete.do("evidence", "add", "--kind", "runaway-drill", "--use-case", name, drill)
    story.soon(lambda: line.verdict(name)["verdict"] == "pass", "the budget answers the control")
    story.soon(lambda: passes(line, key), "calls pass again")


def act(line: Company, person: str, use_case: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Do something over the API as a person."""
    return line[person].ask("POST", f"/v1/use-cases/{use_case}/{path}", body)


def exception(line: Company, *, days: int) -> dict[str, Any]:
    """Return what the API is asked for."""
    return {
        "control": CONTROL,
        "justification": story.JUSTIFICATION,
        "owner": "sam",
        "compensating_controls": [story.INSTEAD],
        "expires_at": f"{line.today + timedelta(days=days)}T00:00:00Z",
    }


def budget(use_case: str) -> str:
    """Return a budget for the use case."""
    return ferries.document(
        "Budget",
        f"{use_case}-budget",
        f"  title: The desk this month\n  owner: ana\n  scope: {{use_case: {use_case}}}\n"
        "  amount: 50\n  currency: EUR\n  period: month",
    )


def passes(line: Company, key: str) -> bool:
    """Say whether a call is answered."""
    try:
        return bool(line.call(key))
    except openai.PermissionDeniedError:
        return False
