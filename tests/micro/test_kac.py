"""Spins with many neighbours against enumerated states, birth and death, exact block statistics and linear theory."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from exact_spins import uniformised
from scipy import sparse, stats

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.spins import kac, kac_convolution
from asemacro.micro.spins.birth_death import magnetisation_moments
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, tabulated, top_hat
from asemacro.micro.spins.streams import new_streams
from asemacro.observables.blocks import BlockMeans
from asemacro.observables.spins import Magnetization
from asemacro.testing import ALPHA, check_microsystem, chi_square

SIGMAS = stats.norm.isf(ALPHA / 2)
LONG = np.array([[0.5, 2, 0.3], [1, 0, 1], [0.3, 2, 0.5]])  # every pair of a 3 x 3 square, in no way alike
SYSTEMS = {
    "chain": KacIsing(Lattice.chain(1.0, "X", 23), gaussian(2.5), 0.9, field=0.2),
    "square": KacIsing(Lattice.square(1.0, "X", (9, 8)), top_hat(3), 0.9, field=-0.1),
    "cubic": KacIsing(Lattice.cubic(1.0, "X", (5, 6, 7)), gaussian(1), 1.2, field=0.1),
    "table": KacIsing(Lattice.square(1.0, "X", 3), LONG, 6.0, field=0.3),
}


def square(side: int) -> Lattice:
    return Lattice.square(1.0, "X", side)


def spins(lattice: Lattice, batch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


def mean_is(values: np.ndarray, expected: float) -> bool:
    return abs(values.mean() - expected) < SIGMAS * values.std(ddof=1) / np.sqrt(len(values))


def slow_fields(system: KacIsing, x: np.ndarray) -> np.ndarray:
    """Local fields, lag by lag."""
    kernel = system.kernel
    states = x.reshape(len(x), *system.grid).astype(float)
    axes = tuple(range(1, states.ndim))
    shifted = (
        kernel[lag] * np.roll(states, np.array(lag) - len(kernel) // 2, axes) for lag in np.ndindex(kernel.shape)
    )
    return sum(shifted).reshape(x.shape)  # type: ignore[union-attr]


# --- energies, rates, couplings ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SYSTEMS)
def test_obeys_the_protocol(name: str) -> None:
    system = SYSTEMS[name]
    assert isinstance(system, MicroSystem)
    x = -np.ones((1, system.lattice.n_sites), np.int8)
    x[0, ::3] = 1
    check_microsystem(system, x, (0.05, 2.0), observable=Magnetization(), replicas=1500)


@pytest.mark.parametrize("name", SYSTEMS)
def test_rates_and_energies_are_those_of_the_coupling(name: str) -> None:
    system = SYSTEMS[name]
    x = spins(system.lattice, 4, 1)
    fields = slow_fields(system, x)
    np.testing.assert_allclose(system.local_fields(x), fields, atol=1e-12)
    energy = -(x * fields).sum(axis=1) / 2 - system.field * x.sum(axis=1)
    np.testing.assert_allclose(system.energy(x), energy, rtol=1e-12, atol=1e-12)
    rates = system.rates(x)
    tanh = np.tanh((fields + system.field) / system.temperature)
    np.testing.assert_allclose(rates, (1 - x * tanh) / 2, rtol=1e-10)
    for i in range(0, system.lattice.n_sites, 5):
        flipped = x.copy()
        flipped[:, i] *= -1
        change = system.energy(flipped) - system.energy(x)
        np.testing.assert_allclose(rates[:, i], 1 / (1 + np.exp(change / system.temperature)), rtol=1e-10)
    chosen = np.array([[3, 1], [0, 2], [1, 0], [5, 6]])
    np.testing.assert_array_equal(system.rates(x, chosen), np.take_along_axis(rates, chosen, 1))


def test_couplings_have_their_shape_and_sum() -> None:
    disc = KacIsing(square(31), top_hat(8), 1.0).kernel
    radius = np.hypot(*(np.indices(disc.shape) - 8))
    assert ((disc > 0) == ((radius > 0) & (radius <= 8))).all()
    assert (disc > 0).sum() == 196
    assert disc.sum() == pytest.approx(1, abs=1e-12)
    bell = KacIsing(square(40), gaussian(8, total=2.5), 1.0).kernel
    assert bell.shape == (33, 33)
    assert bell.sum() == pytest.approx(2.5, rel=1e-6)
    assert bell[16, 20] / bell[16, 24] == pytest.approx(np.exp(2 * (8**2 - 4**2) / 8**2), rel=1e-5)
    spread = [(k * (np.arange(len(k[0])) - len(k[0]) // 2) ** 2).sum() / k.sum() for k in (disc, bell)]
    assert spread[1] / spread[0] == pytest.approx(1, abs=0.04)  # equal ranges, equal lengths
    assert KacIsing(Lattice.cubic(1.0, "X", 5), top_hat(1.5), 1.0).kernel.astype(bool).sum() == 18
    assert KacIsing(Lattice.chain(1.0, "X", 9), top_hat(4), 1.0).kernel.tolist() == [0.125] * 4 + [0] + [0.125] * 4


def test_nearest_neighbours_are_the_ising_model() -> None:
    lattice = square(6)
    x = spins(lattice, 3, 2)
    system, known = KacIsing(lattice, top_hat(1, total=4), 2.3, 0.1), Ising(lattice, 2.3, field=0.1)
    np.testing.assert_allclose(system.energy(x), known.energy(x))
    np.testing.assert_allclose(system.rates(x), known.rates(x))


@pytest.mark.parametrize("side", [41, 48])
def test_slabs_give_the_same_sums(monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    lattice = Lattice.square(1.0, "X", (side, 24))
    x = spins(lattice, 2, 3)
    whole = KacIsing(lattice, gaussian(3), 1.0).local_fields(x)
    monkeypatch.setattr(kac_convolution, "SLAB_SITES", 500)
    np.testing.assert_array_equal(KacIsing(lattice, gaussian(3), 1.0).local_fields(x), whole)


@pytest.mark.parametrize("name", SYSTEMS)
def test_kept_fields_never_drift(name: str) -> None:
    """After thousands of flips the local fields are, to the last bit, those of the state."""
    system = SYSTEMS[name]
    x = spins(system.lattice, 3, 4)
    left = np.array([60_000, 0, 50_000])
    work = system._workspace(x)
    row, streams = 0, new_streams(3, rng=np.random.default_rng(5))
    while row < 3:
        row = system._run(x, None, left, streams, row, (-(10**6), 10**6), work)
    order = np.argsort(system._strips.places(np.arange(x.shape[1])))
    np.testing.assert_array_equal(work.rows.fields, system._sums(x)[:, order])
    assert (work.flips[[0, 2], 0] > 900).all()


def test_the_length_of_calls_does_not_change_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    system = SYSTEMS["square"]
    x = spins(system.lattice, 3, 22)
    ends = []
    for work, sites in ((1 << 22, 1 << 22), (50, 100)):
        monkeypatch.setattr(kac, "PATIENCE", work)
        monkeypatch.setattr(kac, "SLAB_SITES", sites)
        monkeypatch.setattr(kac, "_WINDOW_SITES", sites)
        for window in (None, 0.3):
            ends.append(system.evolve_counting(x, [1.0, 0.0, 2.0], 1, window=window, rng=np.random.default_rng(23)))
    for one, two in zip(ends[:2], ends[2:], strict=True):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
        assert (one[0][1] == x[1]).all()


# --- the dynamics ------------------------------------------------------------------------------------------------


def nine() -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    """All states of 3 x 3 spins with the long coupling, their Boltzmann law and their generator, by own arithmetic."""
    numbers = np.arange(512)
    x = np.where(numbers[:, None] >> np.arange(9) & 1, 1, -1).astype(np.int8)
    pair = np.zeros((9, 9))
    for (i, a), (j, b) in product(enumerate(np.ndindex(3, 3)), repeat=2):
        if i != j:
            lag = [(q - p + 1) % 3 for p, q in zip(a, b, strict=True)]
            pair[i, j] = LONG[tuple(lag)]
    energy = -np.einsum("ni,ij,nj->n", x, pair, x) / 2 - 0.3 * x.sum(axis=1)
    law = np.exp(-(energy - energy.min()) / 6.0)
    near = numbers[:, None] ^ (1 << np.arange(9))
    rates = 1 / (1 + np.exp((energy[near] - energy[:, None]) / 6.0))
    jumps = sparse.csr_matrix((rates.reshape(-1), (np.repeat(numbers, 9), near.reshape(-1))), shape=(512, 512))
    return x, law / law.sum(), jumps - sparse.diags(rates.sum(axis=1))


def test_the_stationary_law_of_nine_spins_is_boltzmanns() -> None:
    x, law, generator = nine()
    system = SYSTEMS["table"]
    places = (np.repeat(np.arange(512), 9), (np.arange(512)[:, None] ^ (1 << np.arange(9))).reshape(-1))
    flow = sparse.csr_matrix(((law[:, None] * system.rates(x)).reshape(-1), places), shape=(512, 512))
    assert abs(flow - flow.T).max() < 1e-9
    assert abs(law @ generator).max() < 1e-15


@pytest.mark.parametrize("t", [0.7, 8.0])
def test_the_law_of_nine_spins_after_a_start(t: float) -> None:
    x, _, generator = nine()
    start = 37
    end, _ = SYSTEMS["table"].evolve(np.repeat(x[start : start + 1], 60_000, axis=0), t, rng=np.random.default_rng(6))
    expected = uniformised(generator, np.eye(1, 512, start)[0], t)
    assert chi_square(np.bincount((end > 0) @ (1 << np.arange(9)), minlength=512), expected) > ALPHA


def test_a_coupling_of_all_with_all_is_curie_weiss() -> None:
    n, lattice = 49, square(7)
    table = np.full((7, 7), 1 / n)
    table[3, 3] = 0
    system, known = KacIsing(lattice, table, 0.9, field=0.05), CurieWeiss(lattice, 0.9, field=0.05)
    x = random_spins(lattice, [0.3, -0.8], rng=np.random.default_rng(7))
    np.testing.assert_allclose(system.rates(x), known.rates(x), rtol=1e-12)
    np.testing.assert_allclose(system.energy(x), known.energy(x))
    starts = np.repeat(random_spins(lattice, -0.3, rng=np.random.default_rng(8)), 20_000, axis=0)
    mean, sd = magnetisation_moments(known, [starts[0].mean()], [2.5])
    m = system.evolve(starts, 2.5, rng=np.random.default_rng(9))[0].mean(axis=1)
    assert mean_is(m, mean[0, 0])
    assert mean_is((m - mean[0, 0]) ** 2, sd[0, 0] ** 2)


@pytest.mark.parametrize("window", [None, 0.7])
def test_independent_spins(window: float | None) -> None:
    """Infinite temperature: each of Poisson(t) attempts flips with probability 1/2, whatever the windows."""
    lattice, t, batch = square(8), 1.4, 6000
    system = KacIsing(lattice, gaussian(1.5), np.inf)
    x = random_spins(lattice, 0.5, batch, rng=np.random.default_rng(10))
    end, flips = system.evolve_counting(x, t, 4, window=window, rng=np.random.default_rng(11))
    m = end.mean(axis=1)
    assert mean_is(m, 0.5 * np.exp(-t))
    assert mean_is((m - 0.5 * np.exp(-t)) ** 2, (1 - np.exp(-2 * t)) / 64)
    assert flips.shape == (batch, 2, 2)
    counts = np.bincount(flips.reshape(-1), minlength=80)
    assert chi_square(counts, stats.poisson(16 * t / 2).pmf(np.arange(80))) > ALPHA
    moved = (end != x).reshape(batch, 2, 4, 2, 4).sum(axis=(2, 4))
    assert ((flips - moved) % 2 == 0).all()
    assert (flips >= moved).all()


def frozen(system: KacIsing, x: np.ndarray, block: int, dt: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact means and variances of block increments and mean flips in a time with frozen local fields (facts/2 D.1)."""
    tanh = np.tanh((system.local_fields(x) + system.field) / system.temperature)
    e = np.exp(-dt)
    mean = (tanh - x) * (1 - e)
    variance = 1 - (x * e + tanh * (1 - e)) ** 2
    flips = (1 - tanh**2) * dt / 2 - tanh * (x - tanh) * (1 - e) / 2
    phi = BlockMeans(system.lattice, block)
    return phi(mean, system.lattice)[0], phi(variance, system.lattice)[0] / phi.sites, phi(flips, system.lattice)[0]


@pytest.mark.parametrize(("window", "dt"), [(None, 0.01), (0.5, 0.5)])
@pytest.mark.parametrize(("coupling", "t"), [(top_hat(5), 1.25), (gaussian(4), 0.8)])
def test_increments_of_blocks_from_a_fixed_configuration(
    coupling: Any, t: float, window: float | None, dt: float
) -> None:
    """Mean, variance, no covariance, flips: within 1 % of the exact formulas; in one window they hold for any dt."""
    lattice, block, batch = square(32), 4, 12_000
    system = KacIsing(lattice, coupling, t, field=0.1)
    up = np.random.default_rng(12).random(lattice.n_sites) < 0.5 + 0.4 * np.sin(np.arange(1024) // 32 / 32 * 2 * np.pi)
    x = np.where(up, 1, -1).astype(np.int8)[None]
    end, flips = system.evolve_counting(
        np.repeat(x, batch, axis=0), dt, block, window=window, rng=np.random.default_rng(13)
    )
    phi = BlockMeans(lattice, block)
    change = phi(end, lattice) - phi(x, lattice)
    mean, variance, count = frozen(system, x, block, dt)
    error = np.sqrt(variance / batch)
    slope = (change.mean(axis=0) @ mean) / (mean @ mean)
    assert slope == pytest.approx(1, abs=0.01 + SIGMAS * np.sqrt(variance.mean() / batch / (mean @ mean)))
    assert abs((change.mean(axis=0) - mean) / error).max() < SIGMAS + (0 if window else 0.01 * abs(mean / error).max())
    ratio = (change.var(axis=0) / variance).mean()
    assert ratio == pytest.approx(1, abs=0.01 + (0 if window else 0.005))
    spread = flips.reshape(batch, -1).std(axis=0) / phi.sites / np.sqrt(batch)
    assert (
        abs(flips.reshape(batch, -1).mean(axis=0) / phi.sites - count)
        < SIGMAS * spread + (0 if window else 0.01 * count)
    ).all()
    assert flips.mean() / phi.sites == pytest.approx(count.mean(), rel=0.01)
    correlation = np.corrcoef(change.T)[np.triu_indices(phi.dim, 1)]
    assert abs(correlation).max() < stats.norm.isf(ALPHA / len(correlation)) / np.sqrt(batch)


def test_windows_are_of_first_order() -> None:
    """Spins coupled to all: m follows the map of the windows, whose error halves with them, and events the limit."""
    lattice, t, batch = square(25), 1.5, 2000
    table = np.full((25, 25), 1 / 625)
    table[12, 12] = 0
    system = KacIsing(lattice, table, 0.8)
    x = random_spins(lattice, 0.2, batch, rng=np.random.default_rng(14))
    errors = [mapped(0.2, t, dt) - mapped(0.2, t, 1e-4) for dt in (1.5, 0.75, 0.375, 0.1, 0.05)]
    assert errors[3] / errors[4] == pytest.approx(2, abs=0.1)
    ends = [
        system.evolve_counting(x, t, 25, window=dt, rng=np.random.default_rng(15))[0].mean(axis=1)
        for dt in (None, 1.5, 0.75, 0.375)
    ]
    for m, error in zip(ends[1:], errors, strict=False):
        noise = SIGMAS * np.hypot(m.std(), ends[0].std()) / np.sqrt(batch)
        assert m.mean() - ends[0].mean() == pytest.approx(error, abs=0.001 + noise)
        assert noise < 0.01
    assert errors[0] < -0.03


def mapped(m: float, t: float, dt: float) -> float:
    """Magnetisation of very many spins at T = 0.8 after windows with frozen fields."""
    for _ in range(round(t / dt)):
        m += (np.tanh(m / 0.8) - m) * (1 - np.exp(-dt))
    return m


def structure(system: KacIsing, runs: int, times: int, window: float | None, seed: int) -> np.ndarray:
    """S(k) = <|s_k|^2> / N, after equilibration."""
    rng = np.random.default_rng(seed)
    x = spins(system.lattice, runs, seed)
    x, _ = system.evolve_counting(x, 8.0, 1, window=window, rng=rng)
    total = np.zeros(system.grid)
    for _ in range(times):
        x, _ = system.evolve_counting(x, 2.0, 1, window=window, rng=rng)
        total += (abs(np.fft.fft2(x.reshape(runs, *system.grid))) ** 2).mean(axis=0) / x.shape[1]
    return total / times


@pytest.mark.slow
@pytest.mark.parametrize("window", [None, 0.5])
def test_the_structure_factor_at_high_temperature(window: float | None) -> None:
    """1 / (1 - beta Jhat), in windows 1 + beta Jhat tanh(dt / 2) times smaller, in bins of |k|; R = 8, T = 2."""
    lattice = square(64)
    system = KacIsing(lattice, top_hat(8), 2.0)
    found = structure(system, 60, 30, window, 16)
    placed = np.zeros((64, 64))
    placed[:17, :17] = system.kernel
    jhat = np.fft.fft2(np.roll(placed, (-8, -8), (0, 1))).real
    theory = 1 / (1 - jhat / 2)
    if window is not None:
        theory /= 1 + jhat / 2 * np.tanh(window / 2)
    k = np.fft.fftfreq(64, 1 / 64)
    size = np.hypot(k[:, None], k)
    for low, high in ((0.5, 1.5), (1.5, 2.5), (2.5, 4.5), (4.5, 8.5), (8.5, 16.5), (16.5, 32.5)):
        ring = (size > low) & (size < high)
        modes = ring.sum() / 2 * 1800
        assert found[ring].mean() / theory[ring].mean() == pytest.approx(1, abs=0.015 + 5 / np.sqrt(modes)), (low, high)


def test_first_passage_is_that_of_the_curie_weiss_model() -> None:
    """The levels of `first_passage` and the events that count there."""
    table = np.full((3, 3), 1 / 9)
    table[1, 1] = 0
    lattice = square(3)
    system, known = KacIsing(lattice, table, 1.1), CurieWeiss(lattice, 1.1)
    x = -np.ones((4000, 9), np.int8)
    times = [s.first_passage(x, 1e4, above=1.0, rng=np.random.default_rng(17))[0] for s in (system, known)]
    assert stats.ks_2samp(*times).pvalue > ALPHA


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lattice", "coupling", "message"),
    [
        (
            square(8),
            top_hat(4),
            "longer than half of the 8 sites along axis 1; take 9 sites or more there, or a shorter",
        ),
        (Lattice.square(1.0, "X", (9, 8)), top_hat(4), "longer than half of the 8 sites along axis 2"),
        (Lattice.bcc(1.0, "X", 9), top_hat(1), "not a bcc lattice of 2 sites a cell"),
        (Lattice.triangular(1.0, "X", 9), top_hat(1), "chain, square or cubic"),
        (Lattice.chain(1.0, (), 9).opened(0), top_hat(1), "need a periodic"),
        (square(8), [1.0, 0.0, 1.0], "a table of 1 axes, the lattice has 2"),
        (square(8), np.ones((3, 3)), r"must be 0, got J\(0\) = 1"),
        (square(8), np.ones((3, 4)), "odd lengths"),
        (square(8), [[0, 1, 0], [0, 0, 0], [0, 0, 0]], r"must be even, J\(r\) = J\(-r\)"),
        (square(8), np.zeros((3, 3)), "0 at all lags"),
    ],
)
def test_what_makes_no_sense_is_refused(lattice: Lattice, coupling: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KacIsing(lattice, coupling, 1.0)


def test_blocks_that_do_not_divide_the_lattice() -> None:
    system = KacIsing(Lattice.square(1.0, "X", (12, 18)), top_hat(2), 1.0)
    x = spins(system.lattice, 1, 0)
    with pytest.raises(ValueError, match=r"blocks of 4 do not divide the 18 cells .* axis 2; choose 1, 2, 3, 6, or"):
        system.evolve_counting(x, 0.1, 4, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="reach must be a finite number >= 1"):
        top_hat(0.5)


def test_tables_lose_their_empty_margin() -> None:
    table = np.zeros((3, 7))
    table[1, [2, 4]] = 1
    assert tabulated(table).reach == 1
    assert KacIsing(square(3), table, 1.0).kernel.tolist() == [[0, 0, 0], [1, 0, 1], [0, 0, 0]]
