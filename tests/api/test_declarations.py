"""The API of declarations: versions, retries, limits, and nothing changed by what was refused."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.registry import audit
from tests.api.conftest import Control

UNIT = {
    "apiVersion": "roadworthy/v1",
    "kind": "Unit",
    "metadata": {"name": "ops"},
    "spec": {"title": "Operations"},
}
NEW = {"If-None-Match": "*"}


def text(name: str = "ops", title: str = "Operations") -> str:
    """Return a unit's manifest."""
    return f"apiVersion: roadworthy/v1\nkind: Unit\nmetadata: {{name: {name}}}\nspec:\n  title: {title}\n"


def entries(control: Control) -> int:
    """Return the size of the audit log."""
    with control.installation.database.read() as tx:
        return audit.size(tx)


def titled(title: str) -> dict[str, Any]:
    """Return the unit under another title."""
    return {**UNIT, "spec": {"title": title}}


def test_a_change_names_the_version_it_changes(control: Control) -> None:
    """428 without, 412 with an old one, the new ETag with the right one."""
    client = control.client()
    assert client.put("/v1/resources/unit/ops", json=UNIT).status_code == 428
    made = client.put("/v1/resources/unit/ops", json=UNIT, headers=NEW)
    assert made.status_code == 201
    assert client.put("/v1/resources/unit/ops", json=UNIT, headers=NEW).status_code == 412
    changed = client.put(
        "/v1/resources/unit/ops", json=titled("Second"), headers={"If-Match": made.headers["etag"]}
    )
    assert changed.status_code == 200
    lost = client.put(
        "/v1/resources/unit/ops", json=titled("Third"), headers={"If-Match": made.headers["etag"]}
    )
    assert lost.status_code == 412
    assert "changed by person/admin" in lost.json()["why"]
    assert client.get("/v1/resources/unit/ops").json()["spec"]["title"] == "Second"


def test_of_fifty_writers_none_is_lost(control: Control) -> None:
    """Each reads, adds its mark and writes with If-Match, again until it succeeds."""
    control.client().put("/v1/resources/unit/ops", json=titled("x"), headers=NEW)

    def add(mark: str) -> None:
        client = control.client()
        while True:
            read = client.get("/v1/resources/unit/ops")
            wanted = titled(f"{read.json()['spec']['title']} {mark}")
            etag = read.headers["etag"]
            if (
                client.put("/v1/resources/unit/ops", json=wanted, headers={"If-Match": etag}).status_code
                == 200
            ):
                return

    marks = [f"m{number}" for number in range(20)]
    threads = [threading.Thread(target=add, args=(mark,)) for mark in marks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    title = control.client().get("/v1/resources/unit/ops").json()["spec"]["title"]
    assert sorted(title.split()) == sorted(["x", *marks])


def test_a_retried_change_has_one_effect(control: Control) -> None:
    """Twenty copies at once with one Idempotency-Key: one plan applied, the same answer for all."""
    plan = control.client().post("/v1/plan", json={"manifests": [{"text": text()}]}).json()["plan"]
    before = entries(control)
    answers: list[tuple[int, bytes]] = []

    def send() -> None:
        answer = control.client().post("/v1/apply", json={"plan": plan}, headers={"Idempotency-Key": "one"})
        answers.append((answer.status_code, answer.content))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 20
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 1
    assert entries(control) == before + 1


def test_an_idempotency_key_is_for_one_request(control: Control) -> None:
    """The same key with another body is a mistake that must be seen."""
    client = control.client()
    headers = {"Idempotency-Key": "one"}
    first = client.post("/v1/plan", json={"manifests": [{"text": text()}]}).json()["plan"]
    assert client.post("/v1/apply", json={"plan": first}, headers=headers).status_code == 200
    replay = client.post("/v1/apply", json={"plan": first}, headers=headers)
    assert replay.headers["idempotent-replayed"] == "true"
    second = client.post("/v1/plan", json={"manifests": [{"text": text(title="Other")}]}).json()["plan"]
    refused = client.post("/v1/apply", json={"plan": second}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 422, "not valid JSON"),
        (b"\xff\xfe", 422, "not valid JSON"),
        (b"[" * 100_000, 400, "could not be read"),
        (b'{"manifests": 3}', 422, "cannot be accepted"),
        (b'{"manifests": [{"text": 5}]}', 422, "cannot be accepted"),
        (b'{"manifests": [{"text": "a: &x 1"}]}', 400, "could not be read"),
        (b'{"manifests": [{"text": "kind: Nothing"}]}', 422, "Nothing was changed"),
        (b'{"manifests": [], "surprise": 1}', 422, "cannot be accepted"),
        (b'{"manifests": [{"text": "' + b"x" * 2_000_000 + b'"}]}', 413, "larger than"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(
    control: Control, body: bytes, status: int, said: str
) -> None:
    """Each gives a problem document of the right kind."""
    before = entries(control)
    answer = control.client().post("/v1/plan", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {status, 400 if status == 422 else status}, answer.text[:300]
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert said in answer.json()["title"]
    assert entries(control) == before


def test_a_chunked_body_is_counted_as_it_comes(control: Control) -> None:
    """Without a Content-Length the limit holds too."""

    def endless() -> Any:
        for _ in range(3000):
            yield b" " * 1024

    answer = control.client().post(
        "/v1/plan", content=endless(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


def test_a_compressed_body_is_refused(control: Control) -> None:
    """A small body may hold a large one."""
    answer = control.client().post("/v1/plan", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(spec=json_values, metadata=json_values, name=st.text(min_size=1, max_size=20))
def test_any_json_document_is_declared_or_refused(
    control: Control, spec: Any, metadata: Any, name: str
) -> None:
    """No document makes the server fail, and a refusal changes nothing."""
    before = entries(control)
    body = {"apiVersion": "roadworthy/v1", "kind": "Unit", "metadata": metadata, "spec": spec}
    answer = control.client().post("/v1/apply", json={"plan": body})
    assert answer.status_code in {400, 422}
    put = control.client().put(
        "/v1/resources/unit/ops", json={**body, "metadata": {"name": name}}, headers=NEW
    )
    assert put.status_code in {400, 422}
    assert entries(control) == before


def test_export_is_a_no_op_when_applied(control: Control) -> None:
    """What the API exports, it accepts without a change."""
    client = control.client()
    client.put("/v1/resources/unit/ops", json=UNIT, headers=NEW)
    exported = client.get("/v1/export").text
    answer = client.post("/v1/plan", json={"manifests": [{"text": exported}], "managed_by": "console"})
    assert answer.json()["is_empty"], answer.text


def test_lists_are_paged_by_name(control: Control) -> None:
    """Cursor and Link header lead through everything once."""
    client = control.client()
    names = [f"u{number:02}" for number in range(7)]
    for name in names:
        body = {**UNIT, "metadata": {"name": name}}
        assert client.put(f"/v1/resources/unit/{name}", json=body, headers=NEW).status_code == 201
    seen: list[str] = []
    url = "/v1/resources/unit?limit=3"
    while url:
        answer = client.get(url)
        seen += [one["metadata"]["name"] for one in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url", "")
    assert seen == names


def test_errors_carry_no_inner_detail(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected failure shows an id and nothing else."""
    monkeypatch.setattr(audit, "newest_checkpoint", lambda _tx: 1 / 0)
    answer = control.client().get("/v1/audit/checkpoint")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "err_" in answer.json()["why"]
