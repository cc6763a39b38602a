"""Pure: salted commitments, so that personal text can be erased without breaking a proof.

The audit log's leaf holds only the commitment; the text and its salt lie beside it. Deleting both leaves a
random-looking value that can be neither opened nor guessed at, while every proof over the leaf still holds.
The value is plain HMAC-SHA256 keyed with the salt, so that anyone can check one with standard tools.
"""

import hmac
from hashlib import sha256

SALT_BYTES = 32


def commit(salt: bytes, text: str) -> str:
    """Commit to exactly this text: no case folding, trimming or Unicode normalization."""
    if len(salt) != SALT_BYTES:
        raise ValueError(
            f"a commitment salt has {SALT_BYTES} bytes, this has {len(salt)}: a shorter one could be guessed "
            f"and the erased text with it; draw {SALT_BYTES} random bytes for each text"
        )
    return hmac.new(salt, text.encode("utf-8"), sha256).hexdigest()


def open_ok(commitment: str, salt: bytes, text: str) -> bool:
    """Whether salt and text are what was committed to; anything malformed is simply not."""
    try:
        expected = commit(salt, text)
    except ValueError:
        return False
    return hmac.compare_digest(expected.encode(), commitment.encode("utf-8", "surrogatepass"))
