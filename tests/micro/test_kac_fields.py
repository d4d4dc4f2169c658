"""Prepared fields and what they do: rows of the dynamics, which tell the mobility from its textbook forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import asemacro as am
from asemacro.testing import ALPHA

SIGMAS = stats.norm.isf(ALPHA / 2)
LATTICE = am.Lattice.square(1.0, "X", (64, 48))
SYSTEM = am.KacIsing(LATTICE, am.top_hat(6), 1.25, field=0.1)


def test_prepared_fields_are_smooth_and_far_from_equilibrium() -> None:
    lengths = (2.0, 8.0)
    lattice = am.Lattice.square(1.0, "X", 128)
    m = am.smooth_fields(lattice, 24, lengths=lengths, rng=np.random.default_rng(0))
    assert m.shape == (24, 128 * 128)
    assert abs(m).max() <= 0.9
    flat = m.std(axis=1) < 1e-6
    assert flat.sum() == 6
    np.testing.assert_allclose(np.sort(m[flat, 0]), 0.9 * np.array([-5, -3, -1, 1, 3, 5]) / 6, rtol=1e-6)
    fields = m[~flat].reshape(-1, 128, 128)
    assert fields.std(axis=(1, 2)).min() > 0.05
    fields = fields - fields.mean(axis=(1, 2), keepdims=True)
    for lag, length in ((2, 2.0), (8, 8.0)):
        c = (fields * np.roll(fields, lag, axis=1)).mean(axis=(1, 2)) / fields.var(axis=(1, 2))
        assert np.count_nonzero(abs(c - np.exp(-1 / 4)) < 0.15) >= 9, (lag, length)


def test_spins_are_drawn_at_the_local_magnetisation() -> None:
    m = np.tile(np.array([-1.0, -0.4, 0.0, 0.7, 1.0]), (40_000, 1))
    x = am.spins_at(m, rng=np.random.default_rng(1))
    assert x.dtype == np.int8
    assert (abs(x.mean(axis=0) - m[0]) <= SIGMAS * np.sqrt((1 - m[0] ** 2) / 40_000)).all()
    assert abs(np.corrcoef(x[:, 1:4].T)[np.triu_indices(3, 1)]).max() < SIGMAS / 200


@pytest.mark.parametrize("window", [None, 0.1])
def test_rows_are_steps_of_runs(window: float | None) -> None:
    starts = am.random_spins(LATTICE, [0.5, -0.2], rng=np.random.default_rng(2))
    data = am.make_field_data(
        SYSTEM, starts, block=8, duration=0.1, repeats=3, steps=2, window=window, rng=np.random.default_rng(3)
    )
    phi = am.BlockMeans(LATTICE, 8)
    assert (len(data), data.grid, data.sites, data.block) == (12, (8, 6), 64, 8)
    assert data.group.tolist() == [0] * 6 + [1] * 6
    for start in range(2):
        first = data.take(slice(6 * start, 6 * start + 6, 2))
        np.testing.assert_array_equal(
            first.before, np.repeat(phi.fields(starts[start : start + 1], LATTICE), 3, axis=0)
        )
    np.testing.assert_array_equal(data.take(slice(0, None, 2)).after, data.take(slice(1, None, 2)).before)
    assert data.flips is not None
    moved = abs(data.after - data.before) * 64 / 2
    assert (data.flips >= np.rint(moved)).all()
    assert ((data.flips - np.rint(moved)) % 2 == 0).all()
    assert (data.duration == 0.1).all()
    assert (data.temperature == 1.25).all()
    assert (data.field == 0.1).all()
    again = am.make_field_data(
        SYSTEM, starts, block=8, duration=0.1, repeats=3, steps=2, window=window, rng=np.random.default_rng(3)
    )
    np.testing.assert_array_equal(data.flips, again.flips)


def test_flips_on_homogeneous_fields_give_the_mobility() -> None:
    """2 x flip rate per spin = 1 - m tanh(beta (J0 m + h)) within 3 %, far from 1 and from 1 - m^2."""
    lattice = am.Lattice.square(1.0, "X", 128)
    system = am.KacIsing(lattice, am.top_hat(16), 1.25, field=0.1)
    for m in (-0.85, -0.4, 0.3, 0.6, 0.85):
        starts = am.spins_at(np.full((8, lattice.n_sites), m), rng=np.random.default_rng(4))
        data = am.make_field_data(system, starts, block=16, duration=0.05, repeats=12, rng=np.random.default_rng(5))
        assert data.flips is not None
        rate = data.flips.sum() / (96 * lattice.n_sites * 0.05)
        truth = 1 - m * np.tanh((m + 0.1) / 1.25)
        assert 2 * rate == pytest.approx(truth, rel=0.03)
        error = 2 * rate / np.sqrt(data.flips.sum())
        if abs(m) > 0.5:
            assert abs(2 * rate - (1 - m**2)) > 10 * error
            assert abs(2 * rate - 1) > 10 * error


def test_starts_are_prepared_where_only_their_number_is_given() -> None:
    seen: list[float] = []
    data = am.make_field_data(
        SYSTEM,
        8,
        block=4,
        duration=0.05,
        rng=np.random.default_rng(6),
        progress=lambda task, share, text: seen.append(share),
    )
    assert len(data) == 8
    assert seen[-1] == 1
    assert data.before.mean(axis=(1, 2)).std() > 0.1
    assert data.before.std(axis=(1, 2)).max() > 0.3


def test_chains_and_cubes() -> None:
    for lattice, grid in (
        (am.Lattice.chain(1.0, "X", 60), (20,)),
        (am.Lattice.cubic(1.0, "X", (9, 12, 15)), (3, 4, 5)),
    ):
        system = am.KacIsing(lattice, am.gaussian(1.5), 1.0)
        data = am.make_field_data(system, 3, block=3, duration=0.2, rng=np.random.default_rng(7))
        assert data.grid == grid
        assert data.sites == 3 ** len(grid)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": 5}, "blocks of 5 do not divide the 64 cells of the lattice along axis 1; choose 1, 2, 4, 8, 16, or"),
        ({"system": SYSTEM.at(np.inf)}, "finite temperature"),
        ({"starts": 0}, "starts must be a whole number >= 1"),
        ({"starts": np.ones((2, 7), np.int8)}, "states must have the shape"),
        ({"duration": 0.0}, "duration must be a finite number above 0"),
        ({"system": am.CurieWeiss(4, 1.0)}, "system must be a KacIsing"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    given = {"system": SYSTEM, "starts": 2, "block": 4, "duration": 0.1, "rng": np.random.default_rng(0), **change}
    with pytest.raises((ValueError, TypeError), match=message):
        am.make_field_data(**given)  # type: ignore[arg-type]


def test_block_fields_of_free_vector_spins_decay() -> None:
    # exchange 0: each s_z is a diffusion on the sphere, so a block falls by exp(-2 a T t / (1 + a^2)) in the mean
    lattice = am.Lattice.square(1.0, "X", 64)
    system = am.Heisenberg(lattice, 2.0, 0.0, damping=1.0)
    data = am.make_field_data(system, 24, block=8, duration=0.25, repeats=4, rng=np.random.default_rng(4))
    assert (len(data), data.grid, data.sites, data.flips) == (96, (8, 8), 64, None)
    fall = np.exp(-2 * 2.0 / 2 * 0.25)
    left = (data.after - fall * data.before).reshape(-1)
    m2 = np.float64(data.before) ** 2
    slope = np.sum(left * data.before.reshape(-1)) / m2.sum()
    assert abs(slope) < SIGMAS * left.std() / np.sqrt(m2.sum())
    assert m2.max() > 0.3


def test_block_fields_of_a_magnet_are_those_of_its_easy_axis() -> None:
    lattice = am.Lattice.cubic(1.0, "X", 4)
    system = am.Heisenberg(lattice, 0.8, 1.0, 0.5, (0.1, 0.0, 0.3))
    starts = am.random_vectors(lattice, [0.5, -0.2], rng=np.random.default_rng(5))
    data = am.make_field_data(system, starts, block=2, duration=0.1, steps=2, rng=np.random.default_rng(6))
    phi = am.BlockMeans(lattice, 2, component=2)
    np.testing.assert_array_equal(data.before[::2], phi.fields(starts, lattice))
    np.testing.assert_array_equal(data.before[1::2], data.after[::2])
    assert data.field.tolist() == [0.3] * 4
    with pytest.raises(ValueError, match="leave window out"):
        am.make_field_data(system, starts, block=2, duration=0.1, window=0.1, rng=np.random.default_rng(6))
    with pytest.raises(ValueError, match="temperature above 0"):
        am.make_field_data(system.at(0.0), starts, block=2, duration=0.1, rng=np.random.default_rng(6))


@pytest.mark.parametrize("given", [tuple, list, np.asarray])
def test_starts_in_any_form_are_those_that_run(given) -> None:
    system = am.KacIsing(am.Lattice.square(1.0, "X", 8), am.top_hat(2), 0.5)
    up = given(np.ones((2, 64), np.int8))
    data = am.make_field_data(system, up, block=4, duration=1e-9, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(data.before, 1)
