"""Signed checkpoints: readable by other tools, and useless once a byte of them is altered."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.registry import checkpoint
from roadworthy.registry.checkpoint import (
    Checkpoint,
    CheckpointMalformedError,
    CheckpointSignatureError,
    SigningKey,
    SigningKeyError,
    VerificationKey,
)

NAME = "roadworthy.example/audit"
KEY = SigningKey(NAME, bytes(range(32)))
ROOT = bytes(range(100, 132))
NOTE = checkpoint.sign(NAME, 42, ROOT, KEY)
REFUSALS = (CheckpointMalformedError, CheckpointSignatureError)

# The key, text and signature of the test suite of Go's golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

# A checkpoint that Go's checksum database published, and the key that every Go installation holds.
SUMDB_PUBLIC = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUMDB_NOTE = (
    "go.sum database tree\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— sum.golang.org Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+"
    "zyWE+xeMcTOAYQ8=\n"
)


def resigned(text: str, *, name: str = NAME, key: SigningKey = KEY) -> str:
    """Sign any text at all, as a careless or hostile holder of the key could."""
    value = VerificationKey(name, key.verification_key.public).key_id + key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(value).decode()}\n"


def test_keys_and_signatures_are_those_of_the_reference_implementation() -> None:
    """Ed25519 is deterministic, so the same key and text must give Go's own bytes."""
    key = SigningKey.decode(GO_PRIVATE)

    assert key.encode() == GO_PRIVATE
    assert key.verification_key.encode() == GO_PUBLIC
    assert base64.b64encode(key.verification_key.key_id + key.sign(GO_TEXT)).decode() == GO_SIGNATURE


def test_a_checkpoint_of_another_log_verifies() -> None:
    """The reader accepts what a real transparency log published."""
    found = checkpoint.verify(SUMDB_NOTE, VerificationKey.decode(SUMDB_PUBLIC), origin="go.sum database tree")

    assert (found.size, base64.b64encode(found.root)) == (
        20852163,
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    )


def test_the_layout_is_exactly_that_of_the_specification() -> None:
    """Origin, size, root, empty line, signature line, each ended by a newline."""
    origin, size, root, blank, signature, end = NOTE.split("\n")

    assert (origin, size, root, blank, end) == (NAME, "42", base64.b64encode(ROOT).decode(), "", "")
    assert signature.startswith(f"— {NAME} ")
    assert base64.b64decode(signature.split(" ")[2])[:4] == KEY.verification_key.key_id


@given(
    st.integers(0, checkpoint.SIZE_MAX),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_what_was_signed_is_what_is_read(size: int, root: bytes, seed: bytes) -> None:
    """Signing then verifying gives back log, size and root, from text or from bytes."""
    key = SigningKey(NAME, seed)
    note = checkpoint.sign(NAME, size, root, key)

    assert checkpoint.verify(note, key.verification_key) == Checkpoint(NAME, size, root)
    assert checkpoint.verify(note.encode(), key.verification_key) == Checkpoint(NAME, size, root)


def test_no_byte_can_be_altered() -> None:
    """Flipping any bit of any byte makes it invalid, as does removing the byte."""
    raw = NOTE.encode()
    for at, byte in enumerate(raw):
        for bit in range(8):
            with pytest.raises(REFUSALS):
                checkpoint.verify(raw[:at] + bytes([byte ^ 1 << bit]) + raw[at + 1 :], KEY.verification_key)
        with pytest.raises(REFUSALS):
            checkpoint.verify(raw[:at] + raw[at + 1 :], KEY.verification_key)


@given(st.integers(0, len(NOTE.encode())), st.binary(min_size=1, max_size=3))
def test_nothing_can_be_inserted(at: int, extra: bytes) -> None:
    """Nor added at either end."""
    raw = NOTE.encode()
    with pytest.raises(REFUSALS):
        checkpoint.verify(raw[:at] + extra + raw[at:], KEY.verification_key)


@given(st.one_of(st.text(), st.binary()))
def test_any_other_input_is_refused_and_never_crashes(note: str | bytes) -> None:
    """Whatever is passed as a checkpoint is answered with one of the two errors."""
    with pytest.raises(REFUSALS):
        checkpoint.verify(note, KEY.verification_key)


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}\n42\n",
        f"\n42\n{base64.b64encode(ROOT).decode()}\n",
        *(
            f"{NAME}\n{size}\n{base64.b64encode(ROOT).decode()}\n"
            for size in ("", "042", "-1", "+1", "4_2", " 42", "٤٢", "²", "9223372036854775808", "9" * 5000)
        ),
        *(f"{NAME}\n42\n{root}\n" for root in ("", "AAAA", "not base64", ROOT.hex())),
        f"{NAME}\n42\n{base64.b64encode(ROOT).decode()[:-2]}9=\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    """A signature makes a text genuine, not well formed."""
    with pytest.raises(CheckpointMalformedError):
        checkpoint.verify(resigned(text), KEY.verification_key)


@pytest.mark.parametrize("character", ["\t", "\r", "\x00", "\x1b"])
def test_a_signed_control_character_is_refused(character: str) -> None:
    """A terminal that shows the checkpoint must not be led to show another one."""
    with pytest.raises(CheckpointMalformedError) as caught:
        checkpoint.verify(
            resigned(f"{NAME}\n42\n{base64.b64encode(ROOT).decode()}\nextra{character}\n"),
            KEY.verification_key,
        )
    assert "control characters" in caught.value.why


def test_extension_lines_are_read_and_covered_by_the_signature() -> None:
    """The format allows them, so other logs' checkpoints verify; ours have none."""
    note = resigned(f"{NAME}\n42\n{base64.b64encode(ROOT).decode()}\nextra 1\nextra 2\n")

    assert checkpoint.verify(note, KEY.verification_key).extensions == ("extra 1", "extra 2")
    with pytest.raises(CheckpointSignatureError):
        checkpoint.verify(note.replace("extra 2", "extra 3"), KEY.verification_key)


def test_a_witness_can_sign_beside_the_log() -> None:
    """Signatures of unknown keys are passed over, even one that takes the log's name."""
    witness = base64.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    note = f"{NOTE}— witness.example/w {witness}\n— {NAME} {witness}\n"

    assert checkpoint.verify(note, KEY.verification_key).size == 42


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    """A good one beside it does not make up for a forged one."""
    forged = base64.b64encode(KEY.verification_key.key_id + bytes(64)).decode()

    for note in (f"{NOTE}— {NAME} {forged}\n", NOTE.replace("\n\n", f"\n\n— {NAME} {forged}\n")):
        with pytest.raises(CheckpointSignatureError, match="does not fit"):
            checkpoint.verify(note, KEY.verification_key)


def test_another_key_does_not_verify_it() -> None:
    """Neither another key of that name nor that key under another name; the error says whose it is."""
    for key in (
        SigningKey(NAME, bytes(32)).verification_key,
        VerificationKey("other.example/audit", KEY.verification_key.public),
    ):
        with pytest.raises(CheckpointSignatureError, match="no signature") as caught:
            checkpoint.verify(NOTE, key)
        assert KEY.verification_key.key_id.hex() in caught.value.why
        assert caught.value.fix


def test_a_checkpoint_of_another_log_is_not_taken_for_this_one() -> None:
    """The same key may sign for several logs; which one is meant is checked."""
    note = checkpoint.sign("roadworthy.example/other", 42, ROOT, KEY)

    with pytest.raises(CheckpointSignatureError, match=r"of the log .*other"):
        checkpoint.verify(note, KEY.verification_key)
    assert checkpoint.verify(note, KEY.verification_key, origin="roadworthy.example/other").size == 42


def test_a_note_beyond_the_limit_is_refused() -> None:
    """A verifier reads what strangers send, so there is an end to it."""
    with pytest.raises(CheckpointMalformedError) as caught:
        checkpoint.verify(NOTE + "x" * checkpoint.NOTE_BYTES_MAX, KEY.verification_key)
    assert str(checkpoint.NOTE_BYTES_MAX) in caught.value.why


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("two\nlines", 1, ROOT), (NAME, -1, ROOT), (NAME, 2**63, ROOT), (NAME, 1, ROOT[1:])],
)
def test_nothing_ambiguous_is_ever_signed(origin: str, size: int, root: bytes) -> None:
    """What could be read as another checkpoint does not get a signature."""
    with pytest.raises(ValueError, match=r"origin|entries|root"):
        checkpoint.sign(origin, size, root, KEY)


def test_a_key_file_is_private_and_gives_the_same_key_back(tmp_path: Path) -> None:
    """Made once, for its owner only whatever the umask, and nothing else is left in the directory."""
    path = tmp_path / "signing.key"
    umask = os.umask(0)
    try:
        key = checkpoint.create_key_file(path, name=NAME)
    finally:
        os.umask(umask)

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert checkpoint.load_key_file(path) == key
    assert checkpoint.verify(checkpoint.sign(NAME, 1, ROOT, key), key.verification_key).size == 1


def test_two_new_keys_differ(tmp_path: Path) -> None:
    """The seed is drawn, not derived."""
    keys = [checkpoint.create_key_file(tmp_path / str(number), name=NAME) for number in range(2)]

    assert keys[0].seed != keys[1].seed


def test_an_existing_key_file_is_never_replaced(tmp_path: Path) -> None:
    """Losing the key would orphan all earlier checkpoints."""
    path = tmp_path / "signing.key"
    key = checkpoint.create_key_file(path, name=NAME)

    with pytest.raises(SigningKeyError, match="already a signing key") as caught:
        checkpoint.create_key_file(path, name=NAME)

    assert caught.value.fix
    assert checkpoint.load_key_file(path) == key
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """And the error says how to close it."""
    path = tmp_path / "signing.key"
    checkpoint.create_key_file(path, name=NAME)
    path.chmod(mode)

    with pytest.raises(SigningKeyError, match=f"mode {mode:04o}") as caught:
        checkpoint.load_key_file(path)
    assert f"chmod 600 {path}" in caught.value.fix


def test_a_missing_or_unwritable_place_is_said(tmp_path: Path) -> None:
    """Without a traceback from the operating system."""
    with pytest.raises(SigningKeyError, match="could not be read"):
        checkpoint.load_key_file(tmp_path / "none")
    with pytest.raises(SigningKeyError, match="could not be written"):
        checkpoint.create_key_file(tmp_path / "none" / "signing.key", name=NAME)


def test_a_damaged_key_file_is_refused_without_showing_the_secret(tmp_path: Path) -> None:
    """No altered byte is accepted, and no error, cause or repr holds the seed."""
    path = tmp_path / "signing.key"
    whole = KEY.encode()
    secret = whole.split("+")[-1]
    for at in range(len(whole)):
        other = "B" if whole[at] != "B" else "C"
        path.write_text(whole[:at] + other + whole[at + 1 :] + "\n")
        path.chmod(0o600)
        with pytest.raises(SigningKeyError) as caught:
            checkpoint.load_key_file(path)
        shown = f"{caught.value!r} {caught.value.why} {caught.value.fix} {caught.value.__cause__!r}"
        assert secret[:12] not in shown
    assert secret[:12] not in repr(KEY)
    assert repr(KEY.seed) not in repr(KEY)


def test_a_key_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A file of another kind is not a crash."""
    path = tmp_path / "signing.key"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)

    with pytest.raises(SigningKeyError, match="could not be read"):
        checkpoint.load_key_file(path)


def test_a_mistyped_verification_key_is_noticed() -> None:
    """Its checksum covers name and key, so an auditor cannot verify with the wrong one by accident."""
    whole = KEY.verification_key.encode()
    assert VerificationKey.decode(whole + "\n") == KEY.verification_key
    for at in range(len(whole)):
        other = "B" if whole[at] != "B" else "C"
        with pytest.raises(SigningKeyError):
            VerificationKey.decode(whole[:at] + other + whole[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        KEY.encode(),
        f"{NAME}+00000000+{base64.b64encode(bytes([4]) + bytes(32)).decode()}",
        f"{NAME}+00000000+{base64.b64encode(bytes([1]) + bytes(31)).decode()}",
    ],
)
def test_what_is_no_verification_key_is_refused(text: str) -> None:
    """Including the private key pasted by mistake, another algorithm, another length."""
    with pytest.raises(SigningKeyError):
        VerificationKey.decode(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nend", "a\u00a0b", "nul\x00"])
def test_a_name_that_would_break_the_signature_line_is_refused(tmp_path: Path, name: str) -> None:
    """Before a key is made under it."""
    with pytest.raises(SigningKeyError, match="cannot name"):
        checkpoint.create_key_file(tmp_path / "signing.key", name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_another_length_is_refused() -> None:
    """Ed25519 keys have 32 bytes."""
    with pytest.raises(SigningKeyError, match="32 bytes"):
        VerificationKey(NAME, bytes(31))
