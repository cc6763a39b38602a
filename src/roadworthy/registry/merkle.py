"""Pure: the hash tree under the audit log (RFC 6962 hashing, RFC 9162 proofs).

Only complete subtrees are stored, each as a node at (level, index): level 0 holds leaf hashes, and the
node at (level, index) covers the leaves from ``index << level`` up to ``(index + 1) << level``. Such a
node never changes once written, so the table of nodes is append-only like the log it protects.

A root does not commit to the number of leaves under it: some proofs hold for several sizes. Take the size
and the root from one signed checkpoint, never from two places.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Node = tuple[int, int, bytes]
"""One complete subtree as it is stored: level, index, hash."""

Read = Callable[[int, int], bytes]
"""Returns the stored node at (level, index); the tree asks only for nodes it has been given before."""

ReadIfPresent = Callable[[int, int], bytes | None]
"""The same for a store that may have been tampered with: None for a node that is gone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where what is stored is not what was sealed."""

    subject: Literal["entry", "node"]
    level: int
    index: int
    sealed: bytes | None
    found: bytes | None

    @property
    def entries(self) -> range:
        """The positions in the log that the place covers: one for an entry, a run for a node."""
        return range(self.index << self.level, (self.index + 1) << self.level)

    def describe(self) -> str:
        """Say in one sentence what is wrong and where."""
        event = "is missing" if self.found is None else "was altered after it was sealed"
        if self.subject == "entry":
            return f"entry {self.index} {event}"
        covered = self.entries
        where = f"entry {covered[0]}" if len(covered) == 1 else f"entries {covered[0]} to {covered[-1]}"
        return f"the stored hash at level {self.level}, index {self.index} (over {where}) {event}"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The first signed checkpoint that the entries no longer reproduce, and the last one they do."""

    agreed_size: int
    disagreed_size: int

    def describe(self) -> str:
        """Say in one sentence where the log departs from what was signed."""
        return (
            f"entries before {self.agreed_size} are as signed; the first change is among entries "
            f"{self.agreed_size} to {self.disagreed_size - 1}, "
            f"by the checkpoint of size {self.disagreed_size}"
        )


def leaf_hash(data: bytes) -> bytes:
    """Hash an entry; the prefix keeps an entry from ever passing for a pair of subtrees."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    return sha256(b"\x01" + left + right).digest()


def append(size: int, leaf: bytes, read: Read) -> tuple[Node, ...]:
    """Return the nodes to store for a new leaf after ``size`` others: on average two."""
    _require_size(size)
    _require_hash(leaf)
    level, index, value = 0, size, leaf
    nodes = [(level, index, value)]
    while index & 1:
        value = node_hash(read(level, index - 1), value)
        level, index = level + 1, index >> 1
        nodes.append((level, index, value))
    return tuple(nodes)


def append_many(size: int, leaves: Iterable[bytes], read: Read) -> tuple[Node, ...]:
    """Return the nodes for several new leaves at once, so that none must be stored before the next."""
    fresh: dict[tuple[int, int], bytes] = {}

    def read_through(level: int, index: int) -> bytes:
        return fresh.get((level, index)) or read(level, index)

    nodes: list[Node] = []
    for offset, leaf in enumerate(leaves):
        grown = append(size + offset, leaf, read_through)
        fresh.update({(level, index): value for level, index, value in grown})
        nodes.extend(grown)
    return tuple(nodes)


def root(size: int, read: Read) -> bytes:
    """Return the root over the first ``size`` leaves; any size up to the present one can be asked for."""
    _require_size(size)
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: Read) -> tuple[bytes, ...]:
    """Prove that the leaf at ``index`` is under the root of ``size``: siblings from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}: ask for one that is below the size")
    start, stop, siblings = 0, size, list[bytes]()
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            siblings.append(_range_root(middle, stop, read))
            stop = middle
        else:
            siblings.append(_range_root(start, middle, read))
            start = middle
    return tuple(reversed(siblings))


def consistency_proof(first: int, second: int, read: Read) -> tuple[bytes, ...]:
    """Prove that the tree of ``second`` leaves only adds to the tree of ``first``."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} cannot extend a tree of {first}: give the smaller size first")
    if first in (0, second):
        return ()
    start, stop, hashes = 0, second, list[bytes]()
    while stop != first:
        middle = start + _split(stop - start)
        if first <= middle:
            hashes.append(_range_root(middle, stop, read))
            stop = middle
        else:
            hashes.append(_range_root(start, middle, read))
            start = middle
    if start:
        # The verifier holds the first root itself only when that root is one complete subtree.
        hashes.append(_range_root(start, stop, read))
    return tuple(reversed(hashes))


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows the leaf at this place under this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _all_hashes(leaf, root, *proof):
        return False
    here, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            value = node_hash(sibling, value)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and value == root


def verify_consistency(
    *, first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the second tree only adds to the first (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second or not _all_hashes(first_root, second_root, *proof):
        return False
    if first in (0, second):
        return not proof and first_root == (second_root if first == second else EMPTY_ROOT)
    if not proof:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root from leaf hashes alone, by the recursive definition: the full re-hash."""

    def over(start: int, stop: int) -> bytes:
        if stop - start == 1:
            return leaves[start]
        middle = start + _split(stop - start)
        return node_hash(over(start, middle), over(middle, stop))

    return over(0, len(leaves)) if leaves else EMPTY_ROOT


def locate(
    leaves: Sequence[bytes | None], read: ReadIfPresent, *, root: bytes | None = None
) -> tuple[Difference, ...]:
    """Name every entry and stored node that is not as sealed; entries come first.

    ``leaves`` are recomputed from the entries as they are now (None for an entry that is gone). An entry
    and its stored leaf hash that disagree are told apart by the parent, which vouches for one of them;
    an unpaired last leaf has no parent, so give the signed ``root`` to vouch for it. Alterations to
    entries and to nodes above the leaves are all named exactly. Someone who rewrote every hash above an
    entry leaves no difference here; ``first_disagreement`` finds that from the signed checkpoints.
    """
    sealed = _sealed_leaves(leaves, read, root)
    differences = [
        Difference("entry", 0, index, sealed[index], leaf)
        for index, leaf in enumerate(leaves)
        if leaf is None or leaf != sealed[index]
    ]
    level, expected = 0, sealed
    while expected:
        for index, value in enumerate(expected):
            stored = read(level, index)
            if stored is None or (value is not None and stored != value):
                differences.append(Difference("node", level, index, value, stored))
        level, expected = level + 1, list(_parents(level, expected, read))
    return tuple(differences)


def first_disagreement(
    leaves: Sequence[bytes], checkpoints: Iterable[tuple[int, bytes]]
) -> Disagreement | None:
    """Bound the first change by signed (size, root) pairs; None when the leaves reproduce them all."""
    stored: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        return stored[level, index]

    for position, leaf in enumerate(leaves):
        stored.update({(level, index): value for level, index, value in append(position, leaf, read)})
    agreed = 0
    for size, signed_root in sorted(checkpoints):
        if size > len(leaves) or root(size, read) != signed_root:
            return Disagreement(agreed, size)
        agreed = size
    return None


def _sealed_leaves(
    leaves: Sequence[bytes | None], read: ReadIfPresent, root: bytes | None
) -> list[bytes | None]:
    """Choose, for each leaf, the hash that was sealed: the one that what lies above it vouches for."""
    choices = [_choices(read(0, index), leaf) for index, leaf in enumerate(leaves)]
    sealed: list[bytes | None] = [choice[0] if choice else None for choice in choices]
    for left in range(0, len(leaves) - 1, 2):
        if len(choices[left]) > 1 or len(choices[left + 1]) > 1:
            parent = read(1, left >> 1)
            pairs = ((a, b) for a in choices[left] for b in choices[left + 1])
            vouched = next((pair for pair in pairs if node_hash(*pair) == parent), None)
            if vouched is not None:
                sealed[left : left + 2] = vouched
    if len(leaves) & 1 and len(choices[-1]) > 1 and root is not None:
        before = [leaf for leaf in sealed[:-1] if leaf is not None]
        if len(before) == len(leaves) - 1:
            vouching = (choice for choice in choices[-1] if root_of([*before, choice]) == root)
            sealed[-1] = next(vouching, sealed[-1])
    return sealed


def _choices(stored: bytes | None, computed: bytes | None) -> tuple[bytes, ...]:
    """The distinct hashes that a leaf may have been sealed with, the stored one first."""
    if stored == computed:
        return () if stored is None else (stored,)
    return tuple(value for value in (stored, computed) if value is not None)


def _parents(level: int, children: Sequence[bytes | None], read: ReadIfPresent) -> Iterator[bytes | None]:
    """The level above; over a hole the stored parent is believed, so that the rest can be checked."""
    for left in range(0, len(children) - 1, 2):
        first, second = children[left], children[left + 1]
        if first is None or second is None:
            yield read(level + 1, left >> 1)
        else:
            yield node_hash(first, second)


def _range_root(start: int, stop: int, read: Read) -> bytes:
    """The root over [start, stop), where start is a multiple of a power of two not below its length."""
    value: bytes | None = None
    length = stop - start
    while length:
        level = (length & -length).bit_length() - 1
        length &= length - 1
        left = read(level, (start + length) >> level)
        value = left if value is None else node_hash(left, value)
    assert value is not None, "an empty range has no root of its own"
    return value


def _split(length: int) -> int:
    """The largest power of two below a length of at least two: where RFC 6962 divides a tree."""
    return 1 << ((length - 1).bit_length() - 1)


def _all_hashes(*values: bytes) -> bool:
    """Whether each is as long as a hash: other lengths would let two proofs mean the same."""
    return all(len(value) == HASH_BYTES for value in values)


def _require_hash(value: bytes) -> None:
    if len(value) != HASH_BYTES:
        raise ValueError(f"a leaf hash has {HASH_BYTES} bytes, this has {len(value)}: pass leaf_hash(data)")


def _require_size(size: int) -> None:
    if size < 0:
        raise ValueError(f"a tree cannot hold {size} leaves: pass how many there are")
