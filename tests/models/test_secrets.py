"""Sealed secrets: opened for one address by who holds the key, and shown to nobody."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy import main
from roadworthy.foundation import clock
from roadworthy.foundation.errors import ConflictError, InvalidError
from roadworthy.models import envelope, queries, store, verification
from roadworthy.models.address import destination
from roadworthy.models.keyfile import Keyring
from roadworthy.models.secret import fingerprint, problem_with
from roadworthy.settings import Settings
from tests.api.conftest import Control, administrator

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
KEYS = {envelope.key_id(KEY): KEY}
AT = "https://api.example.com:443"
CANARY = "sk-canary-9f8e7d6c5b4a39281706f5e4d3c2b1a0"


def sealed(value: str = CANARY, **more: Any) -> str:
    """Seal a secret."""
    given: dict[str, Any] = {"name": "n", "destination": AT, "key": KEY}
    return envelope.seal(value, **(given | more), randomness=secrets.token_bytes(envelope.RANDOM_BYTES))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_what_is_sealed_opens_again(value: str) -> None:
    """Whatever it is, and no two sealings are alike."""
    first, second = sealed(value), sealed(value)
    assert first != second
    assert envelope.open_sealed(first, name="n", destination=AT, keys=KEYS) == value


@pytest.mark.parametrize(
    "elsewhere",
    ["https://api.example.com:444", "http://api.example.com:443", "https://evil.example.com:443", ""],
)
def test_it_opens_for_its_own_address_only(elsewhere: str) -> None:
    """Scheme, host and port: another is another."""
    with pytest.raises(envelope.OtherDestinationError):
        envelope.open_sealed(sealed(), name="n", destination=elsewhere, keys=KEYS)


def test_nothing_in_it_can_be_exchanged() -> None:
    """Not its name, address or key, nor any part for that of another secret; not one character."""
    one, two = envelope.read(sealed()), envelope.read(sealed("other"))
    forged = [
        msgspec.structs.replace(one, destination="https://evil.example.com:443"),
        msgspec.structs.replace(one, wrapped=two.wrapped),
        msgspec.structs.replace(one, sealed=two.sealed),
        msgspec.structs.replace(one, format="rwseal2"),
        msgspec.structs.replace(one, key_id="0" * 12),
    ]
    for made in forged:
        with pytest.raises(envelope.EnvelopeError):
            envelope.open_sealed(
                msgspec.json.encode(made).decode(), name="n", destination=made.destination, keys=KEYS
            )
    with pytest.raises(envelope.EnvelopeError):
        envelope.open_sealed(sealed(), name="m", destination=AT, keys=KEYS)
    with pytest.raises(envelope.EnvelopeError):
        envelope.open_sealed(sealed(), name="n", destination=AT, keys={envelope.key_id(KEY): OTHER})
    for text in ("", "{}", "null", "x" * 50):
        with pytest.raises(envelope.EnvelopeError):
            envelope.open_sealed(text, name="n", destination=AT, keys=KEYS)


def test_a_new_key_wraps_without_opening() -> None:
    """The secret's own part stays as it was; the old key opens nothing any more."""
    before = sealed()
    both = {**KEYS, envelope.key_id(OTHER): OTHER}
    after = envelope.rewrap(before, name="n", keys=KEYS, key=OTHER, nonce=secrets.token_bytes(12))
    assert envelope.read(after).sealed == envelope.read(before).sealed
    assert envelope.open_sealed(after, name="n", destination=AT, keys=both) == CANARY
    with pytest.raises(envelope.EnvelopeError):
        envelope.open_sealed(after, name="n", destination=AT, keys=KEYS)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://API.Example.com/v1", "https://api.example.com:443"),
        ("http://api.example.com", "http://api.example.com:80"),
        ("https://api.example.com:8443/x/y", "https://api.example.com:8443"),
        ("http://[::0001]:9/", "http://[::1]:9"),
    ],
)
def test_an_address_has_one_destination(url: str, said: str) -> None:
    """However it is written."""
    assert destination(url) == said


@pytest.mark.parametrize("value", ["", "two words", "line\nx: y", "é", "x" * 20_000])
def test_what_fits_into_no_header_is_no_secret(value: str) -> None:
    """And what is wrong is said without a word of it."""
    said = problem_with(value)
    assert said
    assert not value or value not in said


def test_a_fingerprint_needs_the_pepper() -> None:
    """Equal secrets look equal here, and nobody can try guesses elsewhere."""
    assert fingerprint(CANARY, pepper=b"p" * 32) == fingerprint(CANARY, pepper=b"p" * 32)
    assert fingerprint(CANARY, pepper=b"p" * 32) != fingerprint(CANARY, pepper=b"q" * 32)


# ------------------------------------------------------------------ the keys


def test_keys_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    """Made at need, mode 0600; refused when others may read them."""
    path = tmp_path / "secrets.key"
    ring = Keyring(path)
    assert ring.keys() == {}
    key = ring.current()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring(path).current() == key
    path.chmod(0o640)
    with pytest.raises(InvalidError, match="cannot be used"):
        Keyring(path).keys()


def test_keys_are_changed_over_and_forgotten(tmp_path: Path) -> None:
    """A process that holds the file sees the change; what is still needed is not forgotten."""
    path = tmp_path / "secrets.key"
    ring, watching = Keyring(path), Keyring(path)
    first = ring.current()
    assert watching.current() == first
    second = ring.add()
    assert list(watching.keys().values()) == [second, first]
    assert ring.forget([envelope.key_id(first)]) == ()
    assert ring.forget([]) == (envelope.key_id(first),)
    assert list(watching.keys().values()) == [second]


def test_keys_may_come_from_the_environment(tmp_path: Path) -> None:
    """Then no file is made, and changing over means giving two."""
    words = [base64.b64encode(key).decode() for key in (OTHER, KEY)]
    ring = Keyring(tmp_path / "secrets.key", given=words[1])
    assert ring.current() == KEY
    with pytest.raises(ConflictError, match="no new key"):
        ring.add()
    both = Keyring(tmp_path / "secrets.key", given=", ".join(words))
    assert (both.add(), set(both.keys().values())) == (OTHER, {KEY, OTHER})
    assert list(tmp_path.iterdir()) == []
    for wrong in ("short", base64.b64encode(b"x" * 31).decode()):
        with pytest.raises(InvalidError) as caught:
            Keyring(tmp_path / "x", given=wrong)
        assert wrong not in str(caught.value.why)


# ------------------------------------------------------------------ the doors


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """Give a fresh control plane with two units, each with a provider."""
    installation = main.open_installation(Settings(data_dir=tmp_path / "data"))
    made = Control(installation, main.build_control(installation), administrator(installation))
    documents = [
        declared("Unit", "claims", {"title": "Claims"}),
        declared("Unit", "letters", {"title": "Letters"}),
        declared("Provider", "openai", provider("https://api.example.com/v1")),
        declared("Provider", "other", provider("https://api.example.com/v1"), unit="letters"),
    ]
    apply(made, documents)
    yield made
    installation.database.close()


def declared(kind: str, name: str, spec: dict[str, Any], unit: str = "claims") -> dict[str, Any]:
    """Return a document."""
    metadata = {"name": name} if kind == "Unit" else {"name": name, "namespace": unit}
    return {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": metadata, "spec": spec}


def provider(url: str) -> dict[str, Any]:
    """Return a provider whose key is sealed."""
    return {"title": "P", "base_url": url, "api_key": {"sealed": "openai-key"}}


def apply(control: Control, documents: list[dict[str, Any]]) -> Any:
    """Declare documents."""
    client = control.client()
    text = yaml.safe_dump_all(documents)
    planned = client.post("/v1/plan", json={"manifests": [{"text": text}]})
    assert planned.status_code == 200, planned.text
    answer = client.post("/v1/apply", json={"plan": planned.json()["plan"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def put(control: Control, *, name: str = "openai-key", value: str = CANARY, provider: str = "openai") -> Any:
    """Set a secret over the API."""
    return control.client().put(f"/v1/secrets/{name}", json={"value": value, "provider": provider})


def test_a_secret_goes_in_and_never_comes_out(control: Control) -> None:
    """Every door shows that it is set, by whom and for where; none shows what it is."""
    before = control.client().get("/v1/secrets/openai-key").json()
    assert (before["state"], before["fingerprint"]) == ("not set", None)
    answer = put(control)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["destination"] == "https://api.example.com:443"
    assert (said["set_by"], said["version"], said["unit"]) == ("person/admin", 1, "claims")
    # The provider of the other unit names it too, and does not get it.
    assert said["state"] == "in use"
    assert "unit/letters" in said["faults"][0]
    with control.installation.database.read() as tx:
        handed = queries.sealed_for_snapshot(tx)
        assert set(handed) == {"openai"}
    keys = control.installation.keyring.keys()
    at = "https://api.example.com:443"
    opened = envelope.open_sealed(handed["openai"], name="openai-key", destination=at, keys=keys)
    assert opened == CANARY
    for path in ("/v1/secrets", "/v1/secrets/openai-key", "/access/secrets", "/access/secrets/openai-key"):
        got = control.client().get(path)
        assert got.status_code == 200, got.text
        assert said["fingerprint"] in got.text
        assert CANARY not in got.text
    query = {"subject": "secret/openai-key"}
    (logged,) = control.client().get("/v1/audit/entries", params=query).json()["items"]
    assert (logged["action"], logged["actor"]) == ("secret-set", "person/admin")
    assert logged["content"]["fingerprint"] == said["fingerprint"]


def test_setting_it_again_replaces_it(control: Control) -> None:
    """The version counts, the fingerprint shows the change."""
    first = put(control).json()
    second = put(control, value=CANARY + "x").json()
    assert second["version"] == 2
    assert first["fingerprint"] != second["fingerprint"]


def test_a_provider_that_moves_loses_its_secret(control: Control) -> None:
    """CVE-2026-41487: a stored key is never sent to an address that was declared later."""
    put(control)
    apply(control, [declared("Provider", "openai", provider("https://evil.example.com/v1"))])
    said = control.client().get("/v1/secrets/openai-key").json()
    assert said["state"] == "void"
    assert any("https://evil.example.com:443" in one for one in said["faults"])
    with control.installation.database.read() as tx:
        handed = queries.sealed_for_snapshot(tx)["openai"]
    with pytest.raises(envelope.OtherDestinationError):
        envelope.open_sealed(
            handed,
            name="openai-key",
            destination="https://evil.example.com:443",
            keys=control.installation.keyring.keys(),
        )


def test_a_secret_of_another_unit_cannot_be_taken(control: Control) -> None:
    """Neither by naming it in a provider nor by setting it."""
    put(control)
    document = declared("Provider", "third", provider("https://api.example.com/v1"), unit="letters")
    text = yaml.safe_dump(document)
    answer = control.client().post("/v1/plan", json={"manifests": [{"text": text}]})
    assert answer.status_code == 422
    assert "belongs to unit/claims" in answer.text
    assert put(control, provider="other").status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"value": "two words", "provider": "openai"},
        {"value": "", "provider": "openai"},
        {"value": CANARY * 500, "provider": "openai"},
        {"value": CANARY, "provider": "nobody"},
        {"value": CANARY, "provider": "NOT A NAME"},
        {"value": [CANARY], "provider": "openai"},
        {"value": {"a": CANARY}, "provider": "openai"},
        {"value": CANARY, "provider": "openai", "more": CANARY},
        {"value": CANARY},
        [CANARY],
    ],
)
def test_a_refusal_repeats_nothing(control: Control, body: Any) -> None:
    """Whatever is wrong with the request, the secret is not in the answer."""
    answer = control.client().put("/v1/secrets/openai-key", json=body)
    assert answer.status_code in {404, 422, 400}
    assert CANARY[:6] not in answer.text
    form = {"value": CANARY * 600, "provider": "openai"}
    assert CANARY[:6] not in control.client().post("/access/secrets/openai-key", data=form).text


def test_an_idempotency_key_is_refused(control: Control) -> None:
    """What would be kept of the request is a digest of the secret."""
    answer = control.client().put(
        "/v1/secrets/openai-key",
        json={"value": CANARY, "provider": "openai"},
        headers={"idempotency-key": "x"},
    )
    assert answer.status_code == 422


def test_the_key_is_changed_under_all_secrets(control: Control) -> None:
    """Old and new open until the old one is forgotten; the log shows each change."""
    put(control)
    ring = control.installation.keyring
    old = ring.current()
    done = control.client().post("/v1/secrets-key/rotate", json={}).json()
    assert done["rewrapped"] == 1
    assert done["key_id"] != envelope.key_id(old)
    assert set(ring.keys()) == {done["key_id"], envelope.key_id(old)}
    forgotten = control.client().post("/v1/secrets-key/rotate", json={"forget_old": True}).json()
    assert forgotten == {"forgotten": [envelope.key_id(old)]}
    with control.installation.database.read() as tx:
        handed = queries.sealed_for_snapshot(tx)["openai"]
        assert list(verification.verify_secrets(tx)) == []
    at = "https://api.example.com:443"
    assert envelope.open_sealed(handed, name="openai-key", destination=at, keys=ring.keys()) == CANARY


def test_a_secret_is_taken_away(control: Control) -> None:
    """And the gateways hear of it."""
    put(control)
    assert control.client().delete("/v1/secrets/openai-key").json()["removed"] is True
    with control.installation.database.read() as tx:
        assert queries.sealed_for_snapshot(tx) == {}
        assert list(verification.verify_secrets(tx)) == []
    assert control.client().delete("/v1/secrets/openai-key").status_code == 404


def test_a_changed_row_is_found(control: Control) -> None:
    """The log knows what was set, and for where."""
    put(control)
    with control.installation.database.write() as tx:
        tx.connection.execute(sa.update(store.secrets).values(destination="https://evil.example.com:443"))
        found = [one.what for one in verification.verify_secrets(tx)]
    assert found == ["`destination` is not what the audit log sealed"]


def test_forms_of_the_console_do_the_same(control: Control) -> None:
    """Signed in with a session, with its token in the form; without it nothing happens."""
    from roadworthy.identity import operations as identity
    from roadworthy.registry.actor import system

    installation = control.installation
    with installation.database.write() as tx:
        link = identity.issue_link(
            tx, person="admin", actor=system("tests"), pepper=installation.pepper, now=clock.now()
        ).secret
    client = control.client()
    del client.headers["Authorization"]
    client.post("/sign-in", data={"link": link}, headers={"origin": "http://127.0.0.1:8080"})
    page = client.get("/access/secrets/openai-key").text
    assert 'type="password"' in page
    token = page.split('name="csrf" value="')[1].split('"')[0] if 'name="csrf" value="' in page else ""
    assert token, "the form carries the session's token"
    data = {"value": CANARY, "provider": "openai", "csrf": token}
    shown = client.post("/access/secrets/openai-key", data=data, headers={"origin": "http://127.0.0.1:8080"})
    assert shown.status_code == 200, shown.text
    assert CANARY not in shown.text
    assert "sealed for https://api.example.com:443" in shown.text
