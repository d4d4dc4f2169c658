"""A micro system of a third party, derived from `MicroSystem` or a plain class, has all that the learner asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from exact_systems import Mean

import asemacro as am
from asemacro.lattice.lattice import Lattice
from asemacro.micro.blocks import Blocks
from asemacro.micro.protocol import Events, MicroSystem, as_system
from asemacro.testing import check_microsystem

UP = 0.7


class Foreign:
    """Sites that are set anew at rate 1, to 1 with the probability UP; nothing but what must be there."""

    def __init__(self, lattice: Lattice) -> None:
        self.lattice = lattice

    def carriers(self, x: Any) -> np.ndarray:
        return np.broadcast_to(np.arange(self.lattice.n_sites), x.shape)

    def evolve(self, x: Any, duration: Any, active: Any = None, *, rng: np.random.Generator) -> Any:
        sites = self.carriers(x) if active is None else np.asarray(active)
        set_anew = rng.random(sites.shape) < -np.expm1(-np.broadcast_to(duration, len(x)))[:, None]
        value = (rng.random(sites.shape) < UP).astype(x.dtype)
        new = x.copy()
        np.put_along_axis(new, sites, np.where(set_anew, value, np.take_along_axis(x, sites, 1)), 1)
        return new, sites


class Derived(Foreign, MicroSystem):
    """The same with the base class and all that may be offered."""

    immobile = draws_blocks = True
    time_step = 0.01

    def draw_active(self, x: Any, m: int, *, rng: np.random.Generator) -> np.ndarray:
        first = rng.integers(self.lattice.n_sites, size=(len(x), 1))
        return (first + np.arange(m)) % self.lattice.n_sites

    def events(self, x: Any, active: Any = None) -> Events:
        sites = self.carriers(x) if active is None else active
        here = np.take_along_axis(x, sites, 1)
        return Events(np.where(here == 1, 1 - UP, UP), sites[..., None], (1 - here)[..., None])

    def on(self, lattice: Lattice) -> Derived:
        return Derived(lattice)


RING = Lattice.chain(1.0, "X", 8)
STATES = (np.random.default_rng(0).random((6, 8)) < 0.2).astype(np.int8)


@pytest.mark.parametrize("kind", [Foreign, Derived])
def test_it_obeys(kind: Any) -> None:
    check_microsystem(kind(RING), STATES[:1], (0.1, 1.0), observable=Mean())
    check_microsystem(Blocks(kind(RING), 2), STATES[:2].reshape(1, 16), (0.1, 1.0), observable=Mean())


@pytest.mark.parametrize("kind", [Foreign, Derived])
def test_pairs_are_unbiased(kind: Any) -> None:
    small = am.sample(kind(RING), STATES, [0.0, 0.3], rng=np.random.default_rng(1))
    large, x = am.upsample(kind(RING), small, 3, n_snapshots=2000, rng=np.random.default_rng(2))
    pairs = am.partial_evolution(large, x, [0.2], 1 / 3, rng=np.random.default_rng(3)).pairs(Mean())
    drift = (UP - pairs.z0) * -np.expm1(-0.2)
    gap = pairs.z1 - pairs.z0 - drift
    assert abs(gap.mean()) < 4.5 * gap.std() / np.sqrt(len(gap))


def test_what_a_system_does_not_offer_is_said_by_its_name() -> None:
    plain = as_system(Foreign(RING))
    assert (plain.immobile, plain.time_step, plain.draws_blocks) == (False, None, False)
    active = plain.draw_active(STATES, 3, rng=np.random.default_rng(0))
    assert all(len(set(row)) == 3 for row in active.tolist())
    for system in (plain, Blocks(plain, 2)):
        with pytest.raises(ValueError, match="Foreign gives no rates"):
            am.patch_moments(
                system, STATES[:2].reshape(-1, system.lattice.n_sites), Mean(), rng=np.random.default_rng(0)
            )
    with pytest.raises(ValueError, match="Foreign cannot be made on a larger lattice"):
        am.repeat(plain, STATES, 2, 1, rng=np.random.default_rng(0))
    for odd in (Foreign, None, RING):
        with pytest.raises(TypeError, match="system must be a micro system"):
            as_system(odd)


def test_what_it_offers_is_used() -> None:
    own = Derived(RING)
    assert as_system(own) is own
    found = am.patch_moments(own, STATES, Mean(), rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.drift, UP - found.z, atol=1e-14)
    big, _ = am.repeat(own, STATES, 2, 1, rng=np.random.default_rng(0))
    assert big.lattice.n_sites == 16
    drawn = Blocks(own, 2).draw_active(STATES[:4].reshape(2, 16), 8, rng=np.random.default_rng(0))
    assert all(len({site // 8 for site in row}) == 1 for row in drawn.tolist())  # whole cells
