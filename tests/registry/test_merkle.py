"""The hash tree: known vectors, and promises that hold for every tree."""

import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.registry import merkle
from roadworthy.registry.merkle import Difference, Disagreement

# The leaves and roots of the Certificate Transparency test suite, used by every RFC 6962 implementation.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAF_0 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
OVER_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
OVER_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
OVER_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
OVER_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
OVER_0_3 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
LEAF_6 = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"

SIZE_MAX = 300


class Tree:
    """A log in memory that is grown as the store grows one: node by node."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = list(leaves)
        self.nodes: dict[tuple[int, int], bytes] = {}
        for size, leaf in enumerate(leaves):
            for level, index, value in merkle.append(size, leaf, self.read):
                assert (level, index) not in self.nodes, "a stored node is never written twice"
                self.nodes[level, index] = value

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    def locate(self, leaves: Sequence[bytes | None] | None = None) -> tuple[Difference, ...]:
        found = self.leaves if leaves is None else leaves
        return merkle.locate(found, lambda *at: self.nodes.get(at), root=merkle.root_of(self.leaves))


def leaf(number: int) -> bytes:
    """Make the hash of the entry with this number."""
    return merkle.leaf_hash(str(number).encode())


def flipped(value: bytes, bit: int) -> bytes:
    """Alter one bit."""
    position = bit % (len(value) * 8)
    return bytes(byte ^ (1 << position % 8 if at == position // 8 else 0) for at, byte in enumerate(value))


VECTORS = Tree([merkle.leaf_hash(data) for data in LEAVES])
BIG = Tree([leaf(number) for number in range(SIZE_MAX)])
BIG_ROOTS = [merkle.root_of(BIG.leaves[:size]) for size in range(SIZE_MAX + 1)]

sizes = st.integers(1, SIZE_MAX)
bits = st.integers(0, 255)


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int]:
    """Draw an index and a size above it."""
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    """Draw an older size and a newer one."""
    second = draw(sizes)
    return draw(st.integers(1, second)), second


def inclusion_turns(index: int, size: int) -> str:
    """On which side the siblings stand, from the leaf up, by the recursive definition of RFC 6962."""
    if size == 1:
        return ""
    half = 1
    while half * 2 < size:
        half *= 2
    if index < half:
        return inclusion_turns(index, half) + "R"
    return inclusion_turns(index - half, size - half) + "L"


def consistency_turns(first: int, second: int, *, whole: bool = True) -> str:
    """The same for SUBPROOF(first, second, whole); S is the hash that starts it when it is in the proof."""
    if first == second:
        return "" if whole else "S"
    half = 1
    while half * 2 < second:
        half *= 2
    if first <= half:
        return consistency_turns(first, half, whole=whole) + "R"
    return consistency_turns(first - half, second - half, whole=False) + "L"


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    """RFC 6962: the root of no leaves is SHA-256 of the empty string."""
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert merkle.root(0, VECTORS.read).hex() == expected
    assert merkle.root_of([]).hex() == expected


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_known_vectors(size: int) -> None:
    """Both ways to a root give what every other implementation gives."""
    assert merkle.root(size, VECTORS.read).hex() == ROOTS[size - 1]
    assert merkle.root_of(VECTORS.leaves[:size]).hex() == ROOTS[size - 1]


@pytest.mark.parametrize(
    ("index", "size", "expected"),
    [
        (0, 1, []),
        (0, 8, [LEAF_1, OVER_2_3, OVER_4_7]),
        (5, 8, [LEAF_4, OVER_6_7, OVER_0_3]),
        (2, 3, [ROOTS[1]]),
        (1, 5, [LEAF_0, OVER_2_3, LEAF_4]),
    ],
)
def test_inclusion_proofs_are_those_of_the_known_vectors(index: int, size: int, expected: list[str]) -> None:
    """A proof made here is the proof that any RFC 6962 verifier expects, and verifies here."""
    proof = merkle.inclusion_proof(index, size, VECTORS.read)

    assert [value.hex() for value in proof] == expected
    assert merkle.verify_inclusion(
        leaf=VECTORS.leaves[index], index=index, size=size, proof=proof, root=bytes.fromhex(ROOTS[size - 1])
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1, 1, []),
        (1, 8, [LEAF_1, OVER_2_3, OVER_4_7]),
        (6, 8, [OVER_4_5, OVER_6_7, OVER_0_3]),
        (2, 5, [OVER_2_3, LEAF_4]),
        (6, 7, [OVER_4_5, LEAF_6, OVER_0_3]),
    ],
)
def test_consistency_proofs_are_those_of_the_known_vectors(
    first: int, second: int, expected: list[str]
) -> None:
    """As for inclusion."""
    proof = merkle.consistency_proof(first, second, VECTORS.read)

    assert [value.hex() for value in proof] == expected
    assert merkle.verify_consistency(
        first=first,
        second=second,
        first_root=bytes.fromhex(ROOTS[first - 1]),
        second_root=bytes.fromhex(ROOTS[second - 1]),
        proof=proof,
    )


def test_an_entry_cannot_pass_for_a_pair_of_subtrees() -> None:
    """The two prefixes keep leaves and nodes apart."""
    left, right = leaf(0), leaf(1)

    assert merkle.leaf_hash(left + right) == hashlib.sha256(b"\x00" + left + right).digest()
    assert merkle.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


def test_growing_agrees_with_the_recursive_definition_at_every_size() -> None:
    """The stored nodes give the right root for the present size and all sizes before it."""
    for size in range(SIZE_MAX + 1):
        assert merkle.root(size, BIG.read) == BIG_ROOTS[size]


def test_appending_stores_two_nodes_on_average() -> None:
    """The nodes stay fewer than twice the leaves, so that the cost of an entry does not grow with the log."""
    assert len(BIG.nodes) == sum(SIZE_MAX >> level for level in range(SIZE_MAX.bit_length()))
    assert len(BIG.nodes) < 2 * SIZE_MAX


@given(st.integers(0, SIZE_MAX), st.integers(0, SIZE_MAX))
def test_appending_many_is_appending_one_by_one(one: int, other: int) -> None:
    """A batch asks the store only for nodes that were there before it."""
    start, stop = sorted((one, other))
    before = Tree(BIG.leaves[:start])

    nodes = merkle.append_many(start, BIG.leaves[start:stop], before.read)

    assert (
        before.nodes | {(level, index): value for level, index, value in nodes}
        == Tree(BIG.leaves[:stop]).nodes
    )


@given(places())
def test_every_inclusion_proof_verifies(place: tuple[int, int]) -> None:
    """Any leaf can be shown to be in any tree that holds it."""
    index, size = place
    proof = merkle.inclusion_proof(index, size, BIG.read)

    assert merkle.verify_inclusion(
        leaf=BIG.leaves[index], index=index, size=size, proof=proof, root=BIG_ROOTS[size]
    )


@given(growths())
def test_every_consistency_proof_verifies(growth: tuple[int, int]) -> None:
    """Any tree can be shown to extend any that came before it."""
    first, second = growth
    proof = merkle.consistency_proof(first, second, BIG.read)

    assert merkle.verify_consistency(
        first=first,
        second=second,
        first_root=BIG_ROOTS[first],
        second_root=BIG_ROOTS[second],
        proof=proof,
    )


def altered_proofs(proof: tuple[bytes, ...], at: int, bit: int, extra: bytes) -> list[tuple[bytes, ...]]:
    """Every way to spoil a proof: longer at each end, shorter at each end, a bit, a length, an order."""
    spoiled = [(*proof, extra), (extra, *proof), (*proof, b""), (b"", *proof)]
    if proof:
        at %= len(proof)
        spoiled += [
            proof[1:],
            proof[:-1],
            (*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]),
            (*proof[:at], proof[at][:-1], *proof[at + 1 :]),
            (*proof[:at], proof[at] + b"\x00", *proof[at + 1 :]),
        ]
    if len(proof) > 1:
        spoiled.append(tuple(reversed(proof)))
    return spoiled


@given(places(), st.integers(0, 20), bits, st.integers(0, SIZE_MAX - 1))
def test_a_spoiled_inclusion_proof_is_refused(place: tuple[int, int], at: int, bit: int, pick: int) -> None:
    """No change to the proof, the leaf, the root or the index goes unnoticed."""
    index, size = place
    proof = merkle.inclusion_proof(index, size, BIG.read)
    value, root = BIG.leaves[index], BIG_ROOTS[size]

    def holds(
        *, leaf: bytes = value, index: int = index, proof: tuple[bytes, ...] = proof, root: bytes = root
    ) -> bool:
        return merkle.verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)

    for spoiled in altered_proofs(proof, at, bit, BIG.leaves[pick]):
        assert not holds(proof=spoiled)
    assert not holds(leaf=flipped(value, bit))
    assert not holds(root=flipped(root, bit))
    for other in {*range(-1, size + 2), 2 * size, -index - 1} - {index}:
        assert not holds(index=other)


@given(growths(), st.integers(0, 20), bits, st.integers(0, SIZE_MAX - 1))
def test_a_spoiled_consistency_proof_is_refused(
    growth: tuple[int, int], at: int, bit: int, pick: int
) -> None:
    """No change to the proof or to either root goes unnoticed, nor do roots given in the wrong order."""
    first, second = growth
    proof = merkle.consistency_proof(first, second, BIG.read)
    old, new = BIG_ROOTS[first], BIG_ROOTS[second]

    def holds(*, old: bytes = old, new: bytes = new, proof: tuple[bytes, ...] = proof) -> bool:
        return merkle.verify_consistency(
            first=first, second=second, first_root=old, second_root=new, proof=proof
        )

    for spoiled in altered_proofs(proof, at, bit, BIG.leaves[pick]):
        assert not holds(proof=spoiled)
    assert not holds(old=flipped(old, bit))
    assert not holds(new=flipped(new, bit))
    assert first == second or not holds(old=new, new=old)
    assert not merkle.verify_consistency(
        first=second + 1, second=second, first_root=new, second_root=new, proof=()
    )


@given(places())
def test_bytes_cannot_move_between_a_leaf_and_its_sibling(place: tuple[int, int]) -> None:
    """The two are hashed one after the other, so only their fixed length says where one ends."""
    index, size = place
    proof = merkle.inclusion_proof(index, size, BIG.read)
    if not proof:
        return
    value, sibling = BIG.leaves[index], proof[0]
    if inclusion_turns(index, size)[0] == "R":
        value, sibling = value[:-1], value[-1:] + sibling
    else:
        value, sibling = value[1:], sibling + value[:1]

    assert not merkle.verify_inclusion(
        leaf=value, index=index, size=size, proof=(sibling, *proof[1:]), root=BIG_ROOTS[size]
    )


def test_a_proof_that_is_longer_than_its_tree_is_refused() -> None:
    """Otherwise the last leaf of a log could be shown as the only leaf of a smaller one."""
    proof = merkle.inclusion_proof(7, 8, BIG.read)

    assert not merkle.verify_inclusion(leaf=BIG.leaves[7], index=0, size=1, proof=proof, root=BIG_ROOTS[8])


@given(places(), st.integers(-1, 2 * SIZE_MAX))
def test_a_wrong_size_fails_inclusion_wherever_it_changes_the_shape(
    place: tuple[int, int], said: int
) -> None:
    """A root does not commit to its size: exactly the sizes that put the leaf on the same path pass.

    This is why size and root must come from one signed checkpoint.
    """
    index, size = place
    proof = merkle.inclusion_proof(index, size, BIG.read)
    same_shape = said > index and inclusion_turns(index, said) == inclusion_turns(index, size)

    holds = merkle.verify_inclusion(
        leaf=BIG.leaves[index], index=index, size=said, proof=proof, root=BIG_ROOTS[size]
    )

    assert holds == same_shape


@given(growths(), growths())
def test_wrong_sizes_fail_consistency_wherever_they_change_the_shape(
    growth: tuple[int, int], said: tuple[int, int]
) -> None:
    """As for inclusion, for both sizes."""
    first, second = growth
    same_shape = (said[0] == said[1]) == (first == second) and consistency_turns(*said) == consistency_turns(
        first, second
    )

    holds = merkle.verify_consistency(
        first=said[0],
        second=said[1],
        first_root=BIG_ROOTS[first],
        second_root=BIG_ROOTS[second],
        proof=merkle.consistency_proof(first, second, BIG.read),
    )

    assert holds == same_shape


def test_any_tree_extends_the_empty_tree_and_only_by_its_own_root() -> None:
    """A new log has nothing to prove, but what is called empty must have the empty root."""
    assert merkle.consistency_proof(0, 5, VECTORS.read) == ()
    for first_root, holds in ((merkle.EMPTY_ROOT, True), (leaf(0), False)):
        assert holds == merkle.verify_consistency(
            first=0, second=5, first_root=first_root, second_root=leaf(1), proof=()
        )


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: merkle.append(0, b"data, not its hash", VECTORS.read),
        lambda: merkle.append(-1, leaf(0), VECTORS.read),
        lambda: merkle.root(-1, VECTORS.read),
        lambda: merkle.inclusion_proof(8, 8, VECTORS.read),
        lambda: merkle.inclusion_proof(-1, 8, VECTORS.read),
        lambda: merkle.consistency_proof(8, 7, VECTORS.read),
        lambda: merkle.consistency_proof(-1, 7, VECTORS.read),
    ],
)
def test_a_question_without_an_answer_is_refused(misuse: Callable[[], object]) -> None:
    """Nothing is proved about leaves that do not exist."""
    with pytest.raises(ValueError, match=r"pass|ask for|give"):
        misuse()


@given(sizes)
@settings(max_examples=30)
def test_an_untouched_log_has_no_difference(size: int) -> None:
    """Verification does not cry wolf."""
    assert Tree(BIG.leaves[:size]).locate() == ()


@given(places(), bits)
def test_one_altered_entry_is_named(place: tuple[int, int], bit: int) -> None:
    """The entry alone is named, not the nodes above it, which are as they were sealed."""
    index, size = place
    tree = Tree(BIG.leaves[:size])
    now = [*tree.leaves[:index], flipped(tree.leaves[index], bit), *tree.leaves[index + 1 :]]

    assert tree.locate(now) == (Difference("entry", 0, index, tree.leaves[index], now[index]),)


@given(sizes, st.integers(0, 2 * SIZE_MAX), bits)
def test_one_altered_node_is_named(size: int, pick: int, bit: int) -> None:
    """A stored hash that was altered is told apart from an altered entry, at every level."""
    tree = Tree(BIG.leaves[:size])
    at = sorted(tree.nodes)[pick % len(tree.nodes)]
    before = tree.nodes[at]
    tree.nodes[at] = flipped(before, bit)

    assert tree.locate() == (Difference("node", *at, before, tree.nodes[at]),)


@given(st.data(), sizes)
@settings(max_examples=50)
def test_many_altered_entries_and_nodes_above_them_are_all_named(data: st.DataObject, size: int) -> None:
    """Altering what is above an entry does not hide it, nor add blame elsewhere."""
    tree = Tree(BIG.leaves[:size])
    above = sorted(at for at in tree.nodes if at[0])
    entries = data.draw(st.sets(st.integers(0, size - 1)))
    nodes = data.draw(st.sets(st.sampled_from(above))) if above else set[tuple[int, int]]()
    for at in nodes:
        tree.nodes[at] = flipped(tree.nodes[at], 7)

    found = tree.locate(
        [flipped(value, 3) if at in entries else value for at, value in enumerate(tree.leaves)]
    )

    assert [(one.subject, one.level, one.index) for one in found] == [
        *(("entry", 0, index) for index in sorted(entries)),
        *(("node", *at) for at in sorted(nodes)),
    ]


@given(places(), st.booleans())
def test_what_is_gone_is_named(place: tuple[int, int], with_its_hash: bool) -> None:  # noqa: FBT001 - drawn
    """A deleted entry is named, and its deleted leaf hash too, without blame for what is above."""
    index, size = place
    tree = Tree(BIG.leaves[:size])
    if with_its_hash:
        del tree.nodes[0, index]

    found = tree.locate([None if at == index else value for at, value in enumerate(tree.leaves)])

    assert [(one.subject, one.index, one.found) for one in found] == [
        ("entry", index, None),
        *([("node", index, None)] if with_its_hash else []),
    ]


@given(sizes, st.integers(0, 2 * SIZE_MAX))
def test_a_deleted_node_is_named(size: int, pick: int) -> None:
    """A hole in the stored tree is not taken for agreement."""
    tree = Tree(BIG.leaves[:size])
    at = sorted(tree.nodes)[pick % len(tree.nodes)]
    sealed = tree.nodes.pop(at)

    assert tree.locate() == (Difference("node", *at, sealed, None),)


def test_an_unpaired_altered_leaf_is_an_entry_when_no_root_vouches() -> None:
    """Without a signed root the last odd leaf is still found; only which of the two it was is a guess."""
    tree = Tree(BIG.leaves[:5])
    tree.nodes[0, 4] = leaf(99)

    (found,) = merkle.locate(tree.leaves, lambda *at: tree.nodes.get(at))

    assert (found.subject, found.index) == ("entry", 4)


def test_a_difference_says_where_it_is() -> None:
    """A person reads which entries are concerned."""
    assert Difference("entry", 0, 12, leaf(1), leaf(2)).describe() == (
        "entry 12 was altered after it was sealed"
    )
    assert Difference("node", 2, 3, leaf(1), None).describe() == (
        "the stored hash at level 2, index 3 (over entries 12 to 15) is missing"
    )
    assert Difference("node", 0, 3, leaf(1), leaf(2)).describe() == (
        "the stored hash at level 0, index 3 (over entry 3) was altered after it was sealed"
    )


@given(st.data(), sizes)
@settings(max_examples=50)
def test_a_log_rewritten_with_all_its_hashes_is_bounded_by_checkpoints(
    data: st.DataObject, size: int
) -> None:
    """Whoever recomputes every hash still cannot reproduce what was signed before."""
    signed = data.draw(st.sets(st.integers(1, size), min_size=1))
    changed = data.draw(st.integers(0, max(signed) - 1))
    rewritten = [leaf(-1) if at == changed else value for at, value in enumerate(BIG.leaves[:size])]
    checkpoints = [(at, BIG_ROOTS[at]) for at in signed]

    assert merkle.first_disagreement(BIG.leaves[:size], checkpoints) is None
    assert merkle.first_disagreement(rewritten, checkpoints) == Disagreement(
        max((at for at in signed if at <= changed), default=0), min(at for at in signed if at > changed)
    )


def test_a_log_cut_short_is_noticed_by_the_checkpoint_beyond_its_end() -> None:
    """Dropping the newest entries leaves a consistent tree, but not one that was signed at that size."""
    cut = merkle.first_disagreement(BIG.leaves[:6], [(4, BIG_ROOTS[4]), (8, BIG_ROOTS[8])])

    assert cut == Disagreement(4, 8)
    assert cut.describe() == (
        "entries before 4 are as signed; the first change is among entries 4 to 7, "
        "by the checkpoint of size 8"
    )
