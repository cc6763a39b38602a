"""What may be declared as a policy, and what a refusal says: the file, the line, the example that fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.gateway.source import compile_snapshot
from roadworthy.policy.decide import Rules
from roadworthy.policy.entry import policy_entry
from roadworthy.policy.kinds import AccessPolicy
from roadworthy.policy.language import read
from roadworthy.policy.statement import PolicyEntry
from roadworthy.policy.text import pieces
from roadworthy.registry import manifest, operations
from tests.gateway.control import Estate
from tests.governance.company import NOW, SETUP
from tests.policy import drawn

NIGHT = """
apiVersion: roadworthy/v1
kind: AccessPolicy
metadata: {name: night}
spec:
  title: Nothing at night
  cedar: |
    // Nobody reads what comes at night; the forbid below says so.
    @id("night")
    @reason("Nobody would notice.")
    forbid(principal, action, resource)
    when { context.hour < 6 };
  tests:
    - name: At three in the morning
      principal: {name: bot}
      use_case: {name: triage}
      model: {name: small}
      call: {hour: 3}
      expect: deny
      by: night
    - name: At noon
      principal: {kind: person, name: mara}
      use_case: {name: triage}
      model: {name: small}
      expect: allow
"""


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company with a use case."""
    made = Estate(tmp_path)
    yield made
    made.database.close()


def declare(estate: Estate, text: str, *, name: str = "policies.yaml") -> None:
    """Declare what a file says."""
    company = estate.company
    with estate.database.write() as tx:
        planned = operations.plan(
            tx, company.assembly, manifests=manifest.parse(text, file=name), managed_by="file",
            actor=SETUP, now=NOW,
        )  # fmt: skip
        operations.save(tx, company.assembly, planned, actor=SETUP, now=NOW)


def refused(estate: Estate, text: str) -> list[tuple[str, str]]:
    """Return what stands against a file: where, and what."""
    with pytest.raises(InvalidError) as caught:
        declare(estate, text)
    return [(f"{one.file}:{one.line}", one.message) for one in caught.value.issues]


def line(text: str, word: str) -> str:
    """Return the place of a word in a file."""
    return f"policies.yaml:{text[: text.index(word)].count(chr(10)) + 1}"


def test_a_policy_whose_examples_hold_is_applied_and_compiled(estate: Estate) -> None:
    """It is in the snapshot with its statement, its reason and the line that people see in its text."""
    declare(estate, NIGHT)
    with estate.database.read() as tx:
        (statement,) = compile_snapshot(tx, now=NOW).access_policies["night"].statements
    assert (statement.name, statement.effect, statement.line) == ("night", "forbid", 4)
    assert statement.reason == "Nobody would notice."
    assert statement.needs == ("hour",)


@pytest.mark.parametrize(
    ("old", "new", "word", "said"),
    [
        ("forbid(principal, action, resource)", "forbid(principal action, resource)", "principal action",
         "not valid Cedar"),
        ("context.hour < 6", "context.hours < 6", "context.hours", "`hours`"),
        ("context.hour < 6", 'context.hour < "6"', "forbid(principal", "type"),
        ("context.hour < 6", "resource.trains_on_data", "resource.trains_on_data", "optional attribute"),
        ("context.hour < 6", 'ip("10.0.0.1").isLoopback()', "forbid(principal", "no use in a policy"),
        ("forbid(principal,", "forbid(principal == ?principal,", "forbid(principal ==", "templates"),
        ("resource)\n", "resource == Model)\n", "Model", "Cedar"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_file_and_the_line(
    estate: Estate, old: str, new: str, word: str, said: str
) -> None:
    """What is wrong in the Cedar text is said with the line of the file, not of the block."""
    text = NIGHT.replace(old, new)
    assert text != NIGHT
    (place, message), *_ = refused(estate, text)
    assert said in message
    assert place in {line(text, word), line(text, "forbid(principal")}


def test_a_policy_whose_example_fails_is_not_applied(estate: Estate) -> None:
    """The refusal names the example, its line, what was expected and which statement decided otherwise."""
    text = NIGHT.replace("call: {hour: 3}", "call: {hour: 7}")
    ((place, message),) = refused(estate, text)
    assert place == line(text, "- name: At three")
    assert "'At three in the morning' does not hold. Expected deny by `night`. No statement" in message
    text = NIGHT.replace("by: night", "by: day")
    ((_, message),) = refused(estate, text)
    assert "by `night` in line 4: Nobody would notice" in message
    with estate.database.read() as tx:
        assert not compile_snapshot(tx, now=NOW).access_policies


def test_a_unit_may_only_forbid_and_only_for_itself(estate: Estate) -> None:
    """A permit, a default, another unit or none at all in a unit's policy is refused."""
    own = NIGHT.replace("{name: night}", "{name: night, namespace: claims}")
    assert "It names no unit" in refused(estate, own)[0][1]
    own = own.replace("  title:", "  units: [claims]\n  title:")
    own = own.replace("use_case: {name: triage}", "use_case: {name: triage, unit: claims}")
    declare(estate, own)
    assert "It names unit/finance" in refused(estate, own.replace("[claims]", "[claims, finance]"))[0][1]
    permits = own.replace(
        "    when {", "    unless { false };\n    permit(principal, action, resource)\n    when {"
    )
    place, message = refused(estate, permits)[0]
    assert (place, "only forbid" in message) == (line(permits, "permit(principal"), True)
    assert "default: deny" in refused(estate, own.replace("  title:", "  default: deny\n  title:"))[0][1]


def test_what_cannot_be_read_any_more_refuses_what_it_reaches() -> None:
    """A policy that was valid once is never skipped: its calls are refused until it is corrected."""
    spec = AccessPolicy(title="Old", cedar="forbid(principal, action, resource) when { principal.gone };")
    entry = policy_entry("old", spec, units=frozenset({"claims"}))
    rules = Rules([entry])
    who, model, context, _ = drawn.call(Random(1))
    fixed = {"use_case": context["use_case"]}
    denial = rules.standing(who, model, unit="claims", fixed=fixed).forbidden
    assert denial is not None
    assert "cannot be read any more" in denial.sentence
    assert rules.standing(who, model, unit="finance", fixed=fixed).forbidden is None


def test_statements_are_found_between_strings_and_comments() -> None:
    """Semicolons and keywords in strings and comments end nothing."""
    text = (
        '// permit; forbid;\n@reason("a; permit(")\nforbid(principal, action, resource); // x;\n\n'
        'permit (principal, action, resource) when { "\\";" == ";" };\n// the end;\n'
    )
    assert [one.line for one in pieces(text)] == [3, 5]


def test_a_text_without_statements_or_with_too_many_is_refused() -> None:
    """There are bounds on what a gateway has to carry."""
    one = "forbid(principal, action, resource);\n"
    assert read("// nothing\n").problems
    assert not read(one * 200).problems
    assert read(one * 201).problems


def test_deciding_a_call_loads_no_engine() -> None:
    """What a snapshot carries is decided without Cedar's engine, and the program starts without it."""
    statements = read("forbid(principal, action, resource) when { context.hour < 6 };").statements
    packed = msgspec.json.encode(PolicyEntry("night", statements)).decode()
    program = (
        "import sys, msgspec, roadworthy.main\n"
        "from roadworthy.policy.decide import Rules\n"
        "from roadworthy.policy.compiled import Thing\n"
        "from roadworthy.policy.statement import PolicyEntry\n"
        "rules = Rules([msgspec.json.decode(sys.argv[1], type=PolicyEntry)])\n"
        "said = rules.standing(Thing('Person', 'a'), Thing('Model', 'b'), unit='', fixed={})\n"
        "assert said.decide({'hour': 3}) and not said.decide({'hour': 6})\n"
        "assert 'cedarpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, packed], check=True)


def test_what_others_are_forbidden_is_not_looked_at() -> None:
    """A thousand statements about other principals and models leave nothing to be asked of a call."""
    others = [
        PolicyEntry(
            f"p{place}",
            read(
                f'forbid(principal == Person::"x{place}", action, resource) when {{ context.hour > 1 }};'
                f'forbid(principal, action, resource == Model::"x{place}") when {{ context.hour > 1 }};'
            ).statements,
        )
        for place in range(500)
    ]
    who, model, context, unit = drawn.call(Random(2))
    said = Rules(others).standing(who, model, unit=unit, fixed={"use_case": context["use_case"]})
    assert said.certain
    assert said.forbidden is None
