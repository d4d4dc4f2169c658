"""Windows of exactly n sites: every site equally often, whatever the lattice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.patches import overlapping_windows, random_windows, window_sites, window_size
from asemacro.testing import ALPHA


@given(
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7)),
    name=st.sampled_from(["sc", "bcc"]),
    n_sites=st.integers(1, 120),
    open_=st.sets(st.integers(0, 2)),
)
@settings(max_examples=200, deadline=None)
def test_a_window_has_exactly_the_sites_asked_for(shape: tuple[int, ...], name: str, n_sites: int, open_: set) -> None:
    lattice = Lattice.from_prototype(name, 1.0, "X", shape).opened(*open_)
    try:
        windows = random_windows(lattice, n_sites, 3, rng=np.random.default_rng(0))
    except ValueError as error:
        assert f"exactly {n_sites} sites" in str(error)  # noqa: PT017
        return
    assert windows.shape == (3, n_sites)
    assert all(len(set(row)) == n_sites for row in windows.tolist())
    assert windows.min() >= 0
    assert windows.max() < lattice.n_sites


def test_windows_are_compact() -> None:
    assert window_size(Lattice.square(1.0, "X", 64), 256) == (16, 16, 1)
    assert window_size(Lattice.square(1.0, "X", 64), 128) in ((8, 16, 1), (16, 8, 1))
    assert window_size(Lattice.cubic(1.0, "X", 12), 64) == (4, 4, 4)
    assert window_size(Lattice.bcc(1.0, "X", 8), 250) == (5, 5, 5)
    assert window_size(Lattice.square(1.0, "X", (4, 64)), 64) == (4, 16, 1)


def test_sites_of_a_window_wrap_around() -> None:
    lattice = Lattice.square(1.0, "X", (4, 5))
    np.testing.assert_array_equal(window_sites(lattice, np.array([[3, 4, 0]]), (2, 2, 1)), [[19, 15, 4, 0]])


def test_every_site_is_in_a_window_equally_often() -> None:
    for lattice, n in (
        (Lattice.square(1.0, "X", (6, 5)), 6),
        (Lattice.honeycomb(1.0, "X", 4), 8),
        (Lattice.square(1.0, "X", (6, 4)).opened(0), 6),
    ):
        batch = 20_000
        counts = np.bincount(random_windows(lattice, n, batch, rng=np.random.default_rng(1)).ravel())
        p = n / lattice.n_sites  # sites of one window come together: the sum of squares is n times larger at most
        spread = stats.norm.isf(ALPHA / 2 / lattice.n_sites) * np.sqrt(batch * p * (1 - p))
        assert np.abs(counts - batch * p).max() < spread


def test_an_axis_that_ends_is_divided() -> None:
    lattice = Lattice.square(1.0, "X", (12, 8)).opened(0)
    assert window_size(lattice, 30) == (6, 5, 1)
    with pytest.raises(ValueError, match=r"axis 1, which ends at its faces, a block divides the 12 cells; the nearest"):
        window_size(lattice, 50)
    with pytest.raises(ValueError, match="evenly"):
        list(overlapping_windows(lattice, 16))


@pytest.mark.parametrize(("side", "n", "times"), [(16, 64, 4), (24, 64, 4), (32, 64, 4), (8, 64, 1), (12, 24, 4)])
def test_overlapping_windows_cover_evenly(side: int, n: int, times: int) -> None:
    lattice = Lattice.square(1.0, "X", side)
    groups = list(overlapping_windows(lattice, n))
    assert all(len(np.unique(group)) == len(group) for group in groups)
    assert (np.bincount(np.concatenate(groups)) == times).all()
    near = lattice.neighbours(lattice.shells(1)[0].offsets)
    for group in groups if times > 1 else []:  # windows of one group do not touch: each site meets its own window only
        inside = np.isin(near[group], group).sum()
        alone = len(group) // n * np.isin(near[group[:n]], group[:n]).sum() if len(group) == n else inside
        assert inside == alone


def test_windows_without_halves_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap by half along axis 1"):
        list(overlapping_windows(Lattice.square(1.0, "X", 10), 9))
