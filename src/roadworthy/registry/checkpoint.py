"""Signed checkpoints of the audit log: size and root in a C2SP signed note, readable by standard tools.

A checkpoint kept outside this database is what makes rewriting the log detectable. The format is
https://c2sp.org/tlog-checkpoint in https://c2sp.org/signed-note, with the key encoding of Go's sumdb, so
that witnesses and auditors can verify one without this program.
"""

import os
import stat
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from roadworthy.foundation.errors import InvalidError, MalformedError, RoadworthyError
from roadworthy.registry.merkle import HASH_BYTES

NOTE_BYTES_MAX = 256 * 1024  # more than the 16 signatures of the largest kind that a verifier must accept
SIZE_MAX = 2**63 - 1  # what a database counts to
_ED25519 = b"\x01"
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_SIGNATURE_MARK = "— "
_PRIVATE_PREFIX = "PRIVATE+KEY+"


class CheckpointMalformedError(MalformedError):
    """The text is no signed checkpoint."""

    code = "checkpoint-malformed"


class CheckpointSignatureError(InvalidError):
    """The checkpoint is not what the holder of this key signed for this log."""

    code = "checkpoint-signature"


class SigningKeyError(RoadworthyError):
    """The key that signs or verifies checkpoints cannot be used."""

    code = "signing-key"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: this log, at this size, has this root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public half, safe to hand out: `name+keyhash+base64`."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public) != _KEY_BYTES:
            _refuse_key(f"An Ed25519 key has {_KEY_BYTES} bytes, this has {len(self.public)}.")

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key made a signature; no protection in themselves."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def encode(self) -> str:
        """Write it as one line for an auditor to keep."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(_ED25519 + self.public)}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` wrote; a mistyped character is noticed."""
        name, key_id, material = _split_key(text.strip())
        key = cls(name, material)
        if key.key_id.hex() != key_id:
            _refuse_key(f"The key of {name!r} does not match its own checksum {key_id!r}.")
        return key


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half; whoever has it can sign for the log."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verification_key(self) -> VerificationKey:
        """The public half."""
        return VerificationKey(self.name, self._private().public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """Sign exactly these bytes."""
        return self._private().sign(text)

    def encode(self) -> str:
        """Write it as one line for the key file; never for a log or an error."""
        key_id = self.verification_key.key_id.hex()
        return f"{_PRIVATE_PREFIX}{self.name}+{key_id}+{_base64(_ED25519 + self.seed)}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` wrote; errors never repeat the secret."""
        if not text.startswith(_PRIVATE_PREFIX):
            _refuse_key("This is not a private signing key.")
        name, key_id, material = _split_key(text.strip().removeprefix(_PRIVATE_PREFIX))
        key = cls(name, material)
        if key.verification_key.key_id.hex() != key_id:
            _refuse_key(f"The signing key of {name!r} does not match its own checksum: it is damaged.")
        return key

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def create_key_file(path: Path, *, name: str) -> SigningKey:
    """Make a new key in a file that only its owner may read; an existing file is never replaced."""
    _require_name(name)
    key = SigningKey(name, Ed25519PrivateKey.generate().private_bytes_raw())
    # Written whole under another name first: a crash leaves either no key file or a complete one.
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.encode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A hard link, unlike a rename, fails when the name is taken.
        os.link(draft, path)
        _sync_directory(path.parent)
    except FileExistsError as error:
        raise SigningKeyError(
            f"There is already a signing key at {path}.",
            why="Replacing it would leave every checkpoint signed so far without its key.",
            fix="Load that key, or choose another path for the new one.",
        ) from error
    except OSError as error:
        raise SigningKeyError(
            f"The signing key could not be written to {path}: {error.strerror}.",
            fix="Make the directory writable for the account that runs the control plane.",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return key


def load_key_file(path: Path) -> SigningKey:
    """Read the signing key; refuse one that others on the machine can read."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SigningKeyError(
            f"The signing key at {path} could not be read.",
            why=error.strerror or "" if isinstance(error, OSError) else "It is not text.",
            fix="Check the path and its owner, or restore the file from its backup.",
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SigningKeyError(
            f"The signing key at {path} is open to others (mode {mode:04o}).",
            why="Whoever read it could sign a rewritten log.",
            fix=f"chmod 600 {path}, and make a new key if somebody else may have read it.",
        )
    return SigningKey.decode(text)


def sign(origin: str, size: int, root: bytes, key: SigningKey) -> str:
    """Write a checkpoint; the caller has made sure that it extends every earlier one."""
    _require_line(origin)
    if not 0 <= size <= SIZE_MAX:
        raise ValueError(f"a log cannot have {size} entries: pass how many leaves are under the root")
    if len(root) != HASH_BYTES:
        raise ValueError(f"a root has {HASH_BYTES} bytes, this has {len(root)}: pass the hash, not its text")
    text = f"{origin}\n{size}\n{_base64(root)}\n"
    signature = _base64(key.verification_key.key_id + key.sign(text.encode()))
    return f"{text}\n{_SIGNATURE_MARK}{key.name} {signature}\n"


def verify(note: str | bytes, key: VerificationKey, *, origin: str | None = None) -> Checkpoint:
    """Return what the key's holder signed, or raise; signatures of keys we do not know are passed over.

    The origin must be the key's name, as it is in our own checkpoints, unless another is named here.
    """
    text, signature_lines = _split_note(note)
    signatures = [_read_signature(line) for line in signature_lines]
    ours = [value for name, key_id, value in signatures if (name, key_id) == (key.name, key.key_id)]
    if not ours:
        signers = ", ".join(sorted({f"{name}+{key_id.hex()}" for name, key_id, _ in signatures}))
        raise CheckpointSignatureError(
            f"The checkpoint carries no signature of {key.name}+{key.key_id.hex()}.",
            why=f"It is signed by {signers}.",
            fix="Use the verification key of the log that it came from.",
        )
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for signature in ours:
        try:
            public.verify(signature, text.encode())
        except InvalidSignature as error:
            raise CheckpointSignatureError(
                f"The signature of {key.name} does not fit the checkpoint.",
                why="The checkpoint was changed after it was signed, or somebody else made it.",
                fix="Do not rely on it; get the checkpoint again from where it was first kept.",
            ) from error
    checkpoint = _read_text(text)
    expected = key.name if origin is None else origin
    if checkpoint.origin != expected:
        raise CheckpointSignatureError(
            f"The checkpoint is of the log {checkpoint.origin!r}, not of {expected!r}.",
            why="The same key signed it, but for another log.",
            fix="Use a checkpoint of this log, or name the other log as the origin.",
        )
    return checkpoint


def _split_note(note: str | bytes) -> tuple[str, list[str]]:
    """Divide a note at its last empty line into the signed text and the signature lines."""
    try:
        raw = note.encode() if isinstance(note, str) else note
        decoded = raw.decode()
    except UnicodeError as error:
        raise _malformed("It is not UTF-8 text.") from error
    if len(raw) > NOTE_BYTES_MAX:
        raise _malformed(f"It is longer than {NOTE_BYTES_MAX} bytes.")
    if any(character < " " and character != "\n" for character in decoded):
        raise _malformed("It contains control characters, perhaps line ends of another system.")
    text, blank, tail = decoded.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise _malformed("It lacks the empty line before the signatures, or the line end after them.")
    return text + "\n", tail[:-1].split("\n")


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    """Read `— name base64(key id || signature)`."""
    name, space, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    value = _from_base64(encoded)
    if (
        not line.startswith(_SIGNATURE_MARK)
        or not space
        or not _is_name(name)
        or value is None
        or len(value) <= _KEY_ID_BYTES
    ):
        raise _malformed("A signature line is not of the form `— name base64`.")
    return name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:]


def _read_text(text: str) -> Checkpoint:
    """Read the signed lines: origin, size, root, and extensions if a log has any."""
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):
        raise _malformed("It needs three lines that are not empty: origin, size, root.")
    origin, digits, encoded, *extensions = lines
    canonical = digits.isascii() and digits.isdecimal() and (digits == "0" or digits[0] != "0")
    if not canonical or len(digits) > len(str(SIZE_MAX)) or int(digits) > SIZE_MAX:
        raise _malformed("Its second line is not the size of a log.")
    root = _from_base64(encoded)
    if root is None or len(root) != HASH_BYTES:
        raise _malformed("Its third line is not a SHA-256 root in base64.")
    return Checkpoint(origin, int(digits), root, tuple(extensions))


def _malformed(why: str) -> CheckpointMalformedError:
    return CheckpointMalformedError(
        "This is not a signed checkpoint.",
        why=why,
        fix="Pass the whole checkpoint exactly as it was published, without reformatting it.",
    )


def _split_key(text: str) -> tuple[str, str, bytes]:
    """Read `name+keyhash+base64(0x01 || key)`; base64 may itself contain the plus sign."""
    parts = text.split("+", 2)
    material = _from_base64(parts[-1])
    if len(parts) != 3 or material is None or len(material) != 1 + _KEY_BYTES:
        _refuse_key("The key is not of the form `name+keyhash+base64`.")
    if material[:1] != _ED25519:
        _refuse_key("The key is not an Ed25519 key, the only kind used here.")
    return parts[0], parts[1], material[1:]


def _refuse_key(what: str) -> NoReturn:
    raise SigningKeyError(what, fix="Copy the whole line again, or restore the key file from its backup.")


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def _require_name(name: str) -> None:
    if not _is_name(name):
        raise SigningKeyError(
            f"{name!r} cannot name a signing key.",
            why="Spaces and plus signs separate the parts of a signature line.",
            fix="Use a name like a web address without its scheme, such as example.com/audit.",
        )


def _require_line(origin: str) -> None:
    if not origin or any(character < " " for character in origin):
        raise ValueError(f"{origin!r} cannot be an origin: it must be one line that is not empty")


def _base64(value: bytes) -> str:
    return b64encode(value).decode("ascii")


def _from_base64(text: str) -> bytes | None:
    """Decode only the one canonical spelling, so that no altered byte goes unnoticed."""
    try:
        value = b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, Base64Error):
        return None
    return value if _base64(value) == text else None


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut as well as the contents."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
