"""Seeds derived from names."""

from hypothesis import given
from hypothesis import strategies as st

from isogloss.core.seeds import derive_seed


def test_a_seed_is_the_same_on_every_machine_and_in_every_version() -> None:
    # The first 8 bytes of SHA-256("str:bootstrap" 0x1f "int:3"), shifted right by one bit; from sha256sum.
    assert derive_seed("bootstrap", 3) == 0x8F46FB20C75DA9DF >> 1


def test_parts_are_not_run_together_and_types_are_told_apart() -> None:
    seeds = [derive_seed("a", "b"), derive_seed("ab"), derive_seed("b", "a"), derive_seed(1), derive_seed("1")]
    assert len(set(seeds)) == 5


@given(st.lists(st.text() | st.integers()))
def test_a_seed_fits_a_generator(parts: list[str | int]) -> None:
    assert 0 <= derive_seed(*parts) < 2**63
