"""The 25 faults of providers (B4.2), each unary and streamed, in two callers' dialects, by its row's number.

For each: what the caller gets, what is tried instead and until when, what the record says, and that the
budget has paid exactly what the records name.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from roadworthy.gateway.snapshot import BreakerEntry
from roadworthy.testing.fault_provider import TEXT, FaultProvider
from roadworthy.usage.estimate import tokens_of
from roadworthy.usage.record import CallRecord
from tests.faults import rig
from tests.faults.rig import PRICE_IN, PRICE_OUT, Rig

Signer = tuple[x509.Name, ec.EllipticCurvePrivateKey]
BOTH = pytest.mark.parametrize("dialect", rig.PATHS)
EITHER = pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])


class Bad(NamedTuple):
    """An outcome that is an error: the caller's status, the code, whether another target is tried."""

    status: int
    code: str
    retried: bool = True


class Broken(NamedTuple):
    """A stream that had begun: the record's code; `own` if the provider's own error ended it."""

    code: str
    own: bool = False


class Good(NamedTuple):
    """An answer all the same; `usage` is what the record says of tokens."""

    usage: tuple[int | None, int | None] = (11, 7)
    text: str = TEXT


GOOD = Good()
UNREADABLE = Bad(502, "protocol_error")
Outcome = Bad | Broken | Good
OUTCOMES: dict[str, tuple[Outcome, Outcome]] = {
    "01-refused": (Bad(502, "connect_failed"),) * 2,
    "02-name-unknown": (Bad(502, "name_not_found"),) * 2,
    "03-silence": (Bad(504, "first_byte_timeout"),) * 2,
    "04-slow-headers": (Bad(504, "first_byte_timeout"),) * 2,
    "05-drip": (Bad(504, "total_timeout"),) * 2,
    **{
        f"06-429-{wait}": (Bad(429, "provider_rate_limited"),) * 2
        for wait in ("seconds", "date", "absurd", "negative")
    },
    **{f"07-{status}": (Bad(502, "provider_error"),) * 2 for status in (500, 502, 503, 504)},
    "08-error-in-200": (Bad(502, "error_in_answer"),) * 2,
    "09-error-event": (UNREADABLE, Bad(502, "error_in_answer")),
    "10-only-done": (UNREADABLE, Bad(502, "empty_stream")),
    "11-429-mid-stream": (Bad(429, "provider_rate_limited"), Broken("error_in_stream", own=True)),
    "12-reset": (Bad(502, "closed_early"), Broken("closed_early")),
    "13-split-characters": (GOOD, GOOD),
    "14-long-line": (Bad(502, "too_large"), UNREADABLE),
    "15-no-last-blank": (GOOD, GOOD),
    "15-crlf": (GOOD, GOOD),
    "15-mixed-ends": (GOOD, GOOD),
    "15-no-space": (GOOD, GOOD),
    "15-comments-only": (GOOD, Bad(504, "total_timeout")),
    "17-gzip-bomb": (Bad(502, "answer_encoded"),) * 2,
    "17-br": (Bad(502, "answer_encoded"),) * 2,
    "17-zstd": (Bad(502, "answer_encoded"),) * 2,
    "18-wrong-type": (GOOD, UNREADABLE),
    "18-not-streamed": (GOOD, UNREADABLE),
    "18-html": (UNREADABLE, UNREADABLE),
    "19-redirect": (Bad(502, "provider_redirected"),) * 2,
    "20-bad-chunk": (UNREADABLE, Broken("protocol_error")),
    "20-early-end": (Bad(502, "closed_early"), Broken("closed_early")),
    "20-no-last-chunk": (Bad(502, "closed_early"), Broken("closed_early")),
    "21-tls-expired": (Bad(502, "tls_failed"),) * 2,
    "21-tls-self-signed": (Bad(502, "tls_failed"),) * 2,
    "21-tls-other-name": (Bad(502, "tls_failed"),) * 2,
    "21-tls-good": (GOOD, GOOD),
    "22-usage-missing": (Good((None, None)), Good((None, None))),
    "22-usage-negative": (Good((None, None)), Good((None, None))),
    "22-usage-huge": (Good((None, 7)), Good((None, 7))),
}  # fmt: skip


def _certificate(
    folder: Path,
    name: str,
    *,
    host: str,
    days: int,
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None,
) -> tuple[Path, Path, x509.Name, ec.EllipticCurvePrivateKey]:
    """Write a certificate and its key; without an issuer it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    by, signer = issuer or (subject, key)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - dt.timedelta(days=60))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    paths = (folder / f"{name}.pem", folder / f"{name}.key")
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return (*paths, subject, key)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProvider]:
    """One for all tests, its certificates of an authority that the gateway trusts, but for one."""
    folder = tmp_path_factory.mktemp("tls")
    root, _, name, key = _certificate(folder, "authority", host="authority", days=30, issuer=None)
    of = {
        "good": _certificate(folder, "good", host="localhost", days=30, issuer=(name, key)),
        "expired": _certificate(folder, "expired", host="localhost", days=-1, issuer=(name, key)),
        "other-name": _certificate(folder, "other", host="example.org", days=30, issuer=(name, key)),
        "self-signed": _certificate(folder, "self", host="localhost", days=30, issuer=None),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(root))
        with FaultProvider({one: found[:2] for one, found in of.items()}) as running:
            yield running


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory, provider: FaultProvider) -> Iterator[Rig]:
    """One gateway; when all is over the budget has paid what the records name, and holds nothing back."""
    made = Rig(tmp_path_factory.mktemp("faults"), provider)
    with made.running:
        yield made
        made.client.close()
    assert made.balance() == (made.charged, 0)


@BOTH
@EITHER
@pytest.mark.parametrize("fault", OUTCOMES)
def test_r07_fault_of_a_provider(faults: Rig, fault: str, stream: bool, dialect: str) -> None:  # noqa: FBT001
    """Alone on its route: one error in the caller's dialect, one record, nothing left held."""
    heard = faults.ask(f"only-{fault}", stream=stream, dialect=dialect)
    record = faults.record()
    expected = OUTCOMES[fault][stream]
    assert heard.whole
    assert len(record.attempts) == 1
    if isinstance(expected, Good):
        assert heard.status == 200
        assert rig.text_of(heard, stream=stream, dialect=dialect) == expected.text
        assert (record.status, record.error) == (200, "")
        assert (record.input_tokens, record.output_tokens) == expected.usage
        if None in expected.usage:
            assert record.cost_nano is None
            assert "usage_unknown" in record.faults
            assert rig.charge(record) > 0, "what nobody counted is charged as reserved"
        else:
            assert rig.charge(record) == record.cost_nano == 11 * PRICE_IN + 7 * PRICE_OUT
    elif isinstance(expected, Bad):
        assert heard.status == record.status == expected.status
        assert rig.error_of(heard, dialect)
        assert record.error == record.attempts[0].error == expected.code
        assert rig.charge(record) == 0
        assert not record.leases
    else:
        _check_broken(heard, record, expected, dialect)


def _check_broken(heard: rig.Heard, record: CallRecord, expected: Broken, dialect: str) -> None:
    """The words so far, then an error event that ends it; the record charges what was sent."""
    said = rig.text_of(heard, stream=True, dialect=dialect)
    assert heard.status == 200
    assert said
    assert TEXT.startswith(said)
    error = rig.last_error(heard, dialect)
    assert error["message"]
    assert record.error == (expected.code if dialect == "chat" or not expected.own else "error_in_answer")
    assert record.estimated
    assert record.output_tokens == tokens_of(len(said))
    assert record.cost_nano == rig.charge(record)
    assert rig.charge(record) > 0


@EITHER
@pytest.mark.parametrize("fault", OUTCOMES)
def test_r07_fault_before_another_target(faults: Rig, fault: str, stream: bool) -> None:  # noqa: FBT001
    """Another target answers if nothing was said yet; after the first word nobody else is asked."""
    before = faults.provider.requests
    heard = faults.ask(f"after-{fault}", stream=stream)
    record = faults.record()
    expected = OUTCOMES[fault][stream]
    assert heard.status == 200
    if isinstance(expected, Bad):
        assert rig.text_of(heard, stream=stream, dialect="chat") == TEXT
        assert [one.error for one in record.attempts] == [expected.code, ""]
        assert (record.status, record.model) == (200, "ok")
        assert rig.charge(record) == record.cost_nano == 11 * PRICE_IN + 7 * PRICE_OUT
    else:
        assert len(record.attempts) == 1
        assert faults.provider.requests == before + 1
        assert ('"error"' in heard.body.decode()) == isinstance(expected, Broken)


# ------------------------------------------------------------------ rows with more to say


@pytest.mark.parametrize(
    ("wait", "said"), [("seconds", "7"), ("date", None), ("absurd", None), ("negative", None)]
)
def test_r07_06_only_a_sane_wait_is_passed_on(faults: Rig, wait: str, said: str | None) -> None:
    """A number of seconds within an hour; anything else would make clients wait for years, or not at all."""
    heard = faults.ask(f"only-06-429-{wait}", stream=False)
    assert faults.record().status == 429
    assert heard.headers.get("retry-after") == said


@BOTH
@EITHER
@pytest.mark.parametrize("value", ["nan", "infinity", "same-key-twice", "depth", "digits"])
def test_r07_16_odd_values_crash_nothing(faults: Rig, value: str, stream: bool, dialect: str) -> None:  # noqa: FBT001
    """An answer is passed on as it came, or refused whole; nothing between, and nothing held."""
    heard = faults.ask(f"only-16-{value}", stream=stream, dialect=dialect)
    record = faults.record()
    assert heard.whole
    assert heard.status in {200, 502}
    if heard.status == 502:
        assert record.error in {"protocol_error", "error_in_answer"}
        assert rig.charge(record) == 0
    elif not stream and dialect == "messages":
        assert json.loads(heard.body)["content"][0]["text"] == TEXT
    elif not stream:
        assert (record.input_tokens, record.output_tokens) == (11, 7)


@BOTH
@EITHER
@pytest.mark.parametrize("value", ["nan-usage", "digits-usage"])
def test_r07_16_odd_usage_is_unknown_usage(faults: Rig, value: str, stream: bool, dialect: str) -> None:  # noqa: FBT001
    """What cannot be counted is not counted as nothing."""
    heard = faults.ask(f"only-16-{value}", stream=stream, dialect=dialect)
    record = faults.record()
    if heard.status == 200:
        assert record.cost_nano is None or record.estimated
        assert rig.charge(record) > 0
    else:
        assert record.error in {"protocol_error", "error_in_answer"}
        assert rig.charge(record) == 0


@BOTH
@EITHER
def test_r07_23_truncated_arguments_of_a_call_are_passed_on(faults: Rig, stream: bool, dialect: str) -> None:  # noqa: FBT001
    """The gateway does not mend what a model left unfinished; it does not fall over it either."""
    heard = faults.ask("only-23-truncated-call", stream=stream, dialect=dialect)
    record = faults.record()
    assert heard.whole
    if heard.status == 200:
        assert b"city" in heard.body
        assert rig.charge(record) > 0
    else:  # a whole answer of the other dialect holds arguments as an object: there is none
        assert (dialect, stream, record.error) == ("messages", False, "protocol_error")
        assert rig.charge(record) == 0


@EITHER
def test_r07_24_more_than_was_allowed_is_charged_all_the_same(faults: Rig, stream: bool) -> None:  # noqa: FBT001
    """The provider bills ten times the reservation: so does the budget."""
    heard = faults.ask("only-24-talkative", stream=stream, max_tokens=20)
    record = faults.record()
    assert heard.status == 200
    assert (record.input_tokens, record.output_tokens) == (11, 200)
    assert rig.charge(record) == record.cost_nano == 11 * PRICE_IN + 200 * PRICE_OUT


@EITHER
def test_r07_25_flapping_is_hidden_and_rests(tmp_path: Path, provider: FaultProvider, stream: bool) -> None:  # noqa: FBT001
    """Every other call fails: callers see none of it, and after 20 calls the target is asked last."""
    breaker = BreakerEntry(failures_in_a_row=5, failure_rate=0.5, least_calls=20, rest_s=60)
    made = Rig(tmp_path, provider, breaker=breaker)
    with made.running, contextlib.closing(made.client):
        records = []
        for _ in range(30):
            heard = made.ask("after-25-flapping", stream=stream)
            assert heard.status == 200
            assert rig.text_of(heard, stream=stream, dialect="chat") == TEXT
            records.append(made.record())
    asked_first = [one.attempts[0].model for one in records]
    assert asked_first[:19] == ["25-flapping"] * 19
    assert asked_first[-5:] == ["ok"] * 5
    assert all(len(one.attempts) == 1 for one in records[-5:])
    assert made.balance() == (made.charged, 0)


def test_r07_no_connection_is_left_behind(faults: Rig) -> None:
    """After a fault the connection is closed, or good for the next call: none is waited for by nobody."""
    for fault in ("12-reset", "20-bad-chunk", "05-drip", "ok"):
        faults.ask(f"only-{fault}", stream=True)
        faults.record()
    assert faults.provider.open <= 8  # kept for the next call
