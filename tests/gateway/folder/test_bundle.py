"""What a control plane signs is enforced elsewhere: exactly that, until its end, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted
from roadworthy.gateway.folder import bundle as bundles
from roadworthy.gateway.folder import keys
from roadworthy.gateway.folder.bundle import BundleError
from roadworthy.gateway.folder.source import FolderSource
from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.gateway.refresh import RejectedError
from roadworthy.gateway.snapshot import Index, Snapshot
from roadworthy.identity import queries as identity
from roadworthy.registry.checkpoint import SigningKey, create_key_file
from tests.gateway.control import Estate
from tests.governance.company import NOW

KEY = "rwk_aaaaaaaa_" + "a" * 43


def exported(estate: Estate, key: SigningKey, *, days: int = 7, issuer: SigningKey | None = None) -> bytes:
    """Sign what the company grants."""
    with estate.database.read() as tx:
        accounts = {one.name: one.use_cases for one in identity.principals(tx)}
    made = bundles.build(
        estate.index().snapshot,
        use_cases=frozenset({"policy-search"}),
        accounts=accounts,
        origin=key.name,
        now=NOW.timestamp(),
        valid_until=(NOW + timedelta(days=days)).timestamp(),
    )
    made = bundles.issued(made, GrantSigner(issuer or key))
    return bundles.seal(made, key.sign(bundles.signed_part(made)))


@pytest.fixture
def signing(tmp_path: Path) -> SigningKey:
    """Give the installation's key."""
    return create_key_file(tmp_path / "signing.key", name="roadworthy")


@pytest.fixture
def folder(tmp_path: Path, signing: SigningKey) -> Path:
    """Give a folder that holds a bundle of an approved use case, and one key."""
    estate = Estate(tmp_path)
    estate.key()
    estate.approve()
    made = tmp_path / "edge"
    made.mkdir()
    (made / "edge.bundle").write_bytes(exported(estate, signing))
    estate.database.close()
    (made / "edge.yaml").write_text(
        "apiVersion: roadworthy/v1\nkind: EdgeGateway\nmetadata: {name: shop}\nspec:\n"
        f"  bundle: {{file: edge.bundle, key: {signing.verification_key.encode()!r}}}\n"
        f"  keys:\n    - {{id: aaaaaaaa, hash: {keys.key_hash(KEY)}, service_account: bot,\n"
        "       use_case: policy-search, expires_on: 2028-10-31}\n"
    )
    return made


def read(folder: Path, *, days: float = 0) -> Snapshot:
    """Return what a folder says some days later."""
    found = FolderSource(folder, kept=folder / ".kept", secret=b"s", now=lambda: NOW + timedelta(days=days))(
        -1
    )
    assert found is not None
    return found


def test_what_was_approved_there_may_be_called_here(folder: Path) -> None:
    """With the edge's own key; the installation's keys and secrets are not in the bundle."""
    snapshot = read(folder)
    admitted = access.decide(Index(snapshot), key_hash=keys.key_hash(KEY), model="small", now=NOW.timestamp())
    assert isinstance(admitted, Admitted)
    assert set(snapshot.keys) == {keys.key_hash(KEY)}
    assert {one.expires_at for one in snapshot.grants} == {(NOW + timedelta(days=7)).timestamp()}


def test_a_bundle_ends(folder: Path) -> None:
    """Whether it is read before or after its end."""
    later = (NOW + timedelta(days=8)).timestamp()
    refused = access.decide(Index(read(folder)), key_hash=keys.key_hash(KEY), model="small", now=later)
    assert not isinstance(refused, Admitted)
    with pytest.raises(RejectedError, match="has ended"):
        read(folder, days=8)


def test_every_changed_byte_is_noticed(folder: Path) -> None:
    """One bit anywhere, and nothing of it is used."""
    path = folder / "edge.bundle"
    data = path.read_bytes()
    for at in range(0, len(data), 37):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(RejectedError):
            read(folder)


def test_another_installations_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    """The folder names whose signature it takes."""
    (tmp_path / "other").mkdir()
    other = create_key_file(tmp_path / "other" / "signing.key", name="roadworthy")
    path = folder / "edge.bundle"
    signature, body = bundles.split(path.read_bytes())
    assert signature != other.sign(body)
    path.write_bytes(other.sign(body) + body)
    with pytest.raises(RejectedError, match="signature"):
        read(folder)


def test_a_folder_declares_nothing_beside_a_bundle(folder: Path) -> None:
    """What is enforced has one source."""
    (folder / "unit.yaml").write_text(
        "apiVersion: roadworthy/v1\nkind: Unit\nmetadata: {name: claims}\nspec: {title: Claims}\n"
    )
    with pytest.raises(RejectedError, match="beside it"):
        read(folder)


def test_something_else_is_no_bundle() -> None:
    """It is said, not guessed at."""
    with pytest.raises(BundleError):
        bundles.split(b"x" * 500)


def test_a_grant_that_another_key_issued_is_refused_in_a_genuine_bundle(
    folder: Path, signing: SigningKey, tmp_path: Path
) -> None:
    """The bundle's own signature is not enough: each grant in it is signed by itself."""
    (tmp_path / "other").mkdir()
    estate = Estate(tmp_path / "other")
    estate.key()
    estate.approve()
    other = create_key_file(tmp_path / "other.key", name="roadworthy")
    (folder / "edge.bundle").write_bytes(exported(estate, signing, issuer=other))
    estate.database.close()
    source = FolderSource(folder, kept=tmp_path / "kept", secret=b"s" * 32, now=lambda: NOW)
    with pytest.raises(RejectedError, match="not signed by themselves"):
        source(-1)
