"""A mapping that cannot be used is refused with the line of each wrong field."""

from __future__ import annotations

from pathlib import Path

import pytest

from roadworthy.inventory import mapping
from roadworthy.inventory.mapping import InventoryMappingError
from tests.inventory.lists import LIST, MAPPING, judge, taken

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "inventory"


@pytest.mark.parametrize(
    ("before", "after", "field", "said"),
    [
        ("title: AI at", "titel: AI at", "titel", "There is no field `titel` here"),
        ("  title: title\n", "  title: titel\n", "entry.title", "`titel` is not among the columns"),
        ("Idea: idea", "Idea: ideas", "entry.stage.values.Idea", "'idea', 'pilot', 'live' or 'stopped'"),
        ("kind: assessment", "kind: audit", "checks[0].kind", "'approval'"),
        ("list_name: harbour", "list_name: The harbour", "list_name", "match"),
        ("column: review", "column: revue", "checks[0].column", "`revue` is not among"),
    ],
)
def test_wrong_fields_are_named_with_their_line(before: str, after: str, field: str, said: str) -> None:
    """A person finds the place without searching."""
    assert before in MAPPING
    with pytest.raises(InventoryMappingError) as caught:
        mapping.read(MAPPING.replace(before, after, 1), file="m.yaml")
    found = {issue.field: issue for issue in caught.value.issues}
    assert said in found[field].message
    assert found[field].line > 0
    assert all(issue.fix for issue in caught.value.issues)


def test_a_column_that_the_list_lacks_is_named_with_the_nearest() -> None:
    """The header is corrected, or the column is called optional."""
    with pytest.raises(InventoryMappingError, match="cannot be used") as caught:
        taken(LIST, MAPPING.replace("owner: Responsible", "owner: Responsable"))
    assert "`Responsible`" in caught.value.issues[0].fix
    with pytest.raises(InventoryMappingError) as third:
        taken(LIST, MAPPING.replace("occurrence: 2", "occurrence: 3"))
    assert "has 2 columns" in third.value.issues[0].message


def test_two_documents_are_no_mapping() -> None:
    """A file holds one mapping."""
    with pytest.raises(InventoryMappingError):
        mapping.read("a: 1\n---\nb: 2\n")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_mappings_that_ship_state_facts_that_rules_ask_for(path: Path) -> None:
    """They are refused neither by their form nor by the vocabulary."""
    found = mapping.read(path.read_text(encoding="utf-8"), file=path.name)
    assert mapping.problems_with_facts(found, judge().problem) == []
