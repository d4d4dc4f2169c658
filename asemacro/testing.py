"""Does a microscopic system do what the learner assumes? Checks for any system, also those of third parties.

    from asemacro.testing import check_microsystem
    check_microsystem(system, x, (short, long), observable=phi)
    check_force_system(system, states, rng=rng)

Statistical checks use fixed seeds and a tiny significance level, so that a correct system passes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from asemacro.arguments.checks import bound_of_memory, fraction_of, generator_of
from asemacro.arguments.door import STATES, above_zero, array, checked, function, whole
from asemacro.micro.force_system import draw_active, force_system
from asemacro.micro.protocol import SYSTEM

if TYPE_CHECKING:
    from asemacro.micro.force_system import ForceSystem
    from asemacro.micro.protocol import MicroSystem

ALPHA = 1e-5
"""Probability that a correct system fails a statistical check."""


@checked(counts=array(), probabilities=array(), least=above_zero)
def chi_square(counts: ArrayLike, probabilities: ArrayLike, least: float = 10.0) -> float:
    """p-value of observed counts under given probabilities (Pearson); cells expected below `least` are pooled.

    Raises:
        ValueError: different lengths, probabilities that do not add up to 1, or fewer than two cells.
    """
    counts = np.asarray(counts, dtype=float)
    expected = np.asarray(probabilities, dtype=float) * counts.sum()
    if counts.shape != expected.shape or counts.ndim != 1:
        raise ValueError(f"counts {counts.shape} and probabilities {expected.shape} must be lists of one length")
    if not np.isclose(expected.sum(), counts.sum(), rtol=1e-9):
        raise ValueError(f"the probabilities add up to {np.sum(probabilities):g}, not 1")
    if np.any(counts[expected == 0] > 0):
        return 0.0
    order = np.argsort(expected)
    cell = np.empty(len(order), dtype=int)
    filled, at = 0.0, 0
    for i in order:
        if filled >= least:
            filled, at = 0.0, at + 1
        cell[i] = at
        filled += expected[i]
    if filled < least and at > 0:
        cell[cell == at] = at - 1
    observed, hoped = np.bincount(cell, counts), np.bincount(cell, expected)
    if len(observed) < 2:
        raise ValueError("fewer than two cells are expected often enough to be compared")
    return float(stats.chi2.sf(((observed - hoped) ** 2 / hoped).sum(), len(observed) - 1))


@checked(a=array(), b=array())
def same_law(a: ArrayLike, b: ArrayLike) -> float:
    """p-value that two samples (n, d) have the same law: Kolmogorov-Smirnov by column, Bonferroni over columns."""
    a, b = _columns(a), _columns(b)
    p = [stats.ks_2samp(u, v, method="asymp").pvalue for u, v in zip(a.T, b.T, strict=True)]
    return float(min(1.0, min(p) * len(p)))


@checked(a=array(), b=array())
def same_mean(a: ArrayLike, b: ArrayLike) -> float:
    """p-value that two samples (n, d) have the same mean: Welch's t by column, Bonferroni over columns."""
    a, b = _columns(a), _columns(b)
    p = []
    for u, v in zip(a.T, b.T, strict=True):
        error = np.hypot(u.std(ddof=1) / np.sqrt(len(u)), v.std(ddof=1) / np.sqrt(len(v)))
        gap = abs(u.mean() - v.mean())
        p.append(1.0 if gap <= 1e-14 * abs(u).max() else 2 * stats.norm.sf(gap / max(error, 1e-300)))
    return float(min(1.0, min(p) * len(p)))


def _columns(a: ArrayLike) -> NDArray[np.float64]:
    a = np.asarray(a, dtype=float)
    return a.reshape(len(a), -1)


@checked(
    system=SYSTEM,
    x=STATES,
    durations=array(2),
    observable=function,
    conserved=function,
    fraction=fraction_of,
    replicas=whole(2),
    seed=whole(),
)
def check_microsystem(
    system: MicroSystem,
    x: NDArray[Any],
    durations: tuple[float, float],
    *,
    observable: Callable[[NDArray[Any], Any], NDArray[np.float64]],
    conserved: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    fraction: float = 0.5,
    replicas: int = 2000,
    seed: int = 0,
) -> dict[str, float]:
    """Check that a system obeys the MicroSystem protocol, in shape and in law.

    The state must be out of equilibrium, so that the observable drifts, and have at least two carriers.

    Args:
        system: what to check.
        x: (1, n_sites) a state, or (1, n_sites, n_fields).
        durations: a short time, in which a carrier changes about once or less, for the drift; a longer one for
            the laws.
        observable: phi(x, lattice) -> (batch, d), a sum or mean of local terms.
        conserved: function of states (batch, n_sites) -> (batch, k) that must not change.
        fraction: of the carriers that are active in the partial evolutions; K = 1 / fraction.
        replicas: independent copies in each sample.
        seed: of the random numbers.

    Returns:
        p-values of the statistical checks, by name.

    Raises:
        AssertionError: a check fails; the message says which and how.
        ValueError: the state has fewer than two carriers or is not a batch of one.
    """
    x = np.asarray(x)
    if x.ndim < 2 or len(x) != 1:
        raise ValueError(f"one state of shape (1, n_sites) is needed, got {x.shape}")
    bound_of_memory(40.0 * replicas * x.nbytes, f"{replicas} replicas of the state")
    carriers = system.carriers(x)
    n = carriers.shape[1]
    m = round(fraction * n)
    if not 0 < m < n:
        raise ValueError(f"a fraction {fraction} of {n} carriers leaves none active or none frozen")
    short, long = durations
    streams = iter(np.random.default_rng(seed).spawn(32))
    draw = next(streams)
    subset = np.sort(draw.choice(n, m, replace=False))
    active, frozen = carriers[:, subset], np.delete(carriers, subset, axis=1)

    _check_form(system, x, long, active, frozen, conserved, [next(streams) for _ in range(6)])

    def many(state: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(state, replicas, axis=0)

    def phi(state: NDArray[Any]) -> NDArray[np.float64]:
        return _columns(observable(state, system.lattice))

    copies = many(x)
    full, _ = system.evolve(copies, long, rng=next(streams))
    listed, _ = system.evolve(copies, long, many(carriers), rng=next(streams))
    some, places = system.evolve(copies, long, many(active), rng=next(streams))
    assert np.any(some != x), "nothing changes in the long duration: choose a longer one"
    first, where = system.evolve(copies, 0.3 * long, many(active), rng=next(streams))
    then, after = system.evolve(first, 0.7 * long, where, rng=next(streams))
    one = system.evolve(copies, long, rng=next(streams))
    two = system.evolve(system.evolve(copies, 0.3 * long, rng=next(streams))[0], 0.7 * long, rng=next(streams))
    p = {
        "all active = None": same_law(phi(full), phi(listed)),
        "evolve(a) then evolve(b) = evolve(a + b)": same_law(phi(one[0]), phi(two[0])),
        "the same with active carriers": same_law(phi(some), phi(then)),
        "places of active carriers": same_law(np.sort(places, axis=1), np.sort(after, axis=1)),
    }
    chosen = np.array([draw.choice(n, m, replace=False) for _ in range(replicas)])
    start = phi(x)
    partial = phi(system.evolve(copies, short, carriers[0][chosen], rng=next(streams))[0]) - start
    whole = phi(system.evolve(copies, short, rng=next(streams))[0]) - start
    p["K-scaled drift is unbiased"] = same_mean(n / m * partial, whole)
    for name, value in p.items():
        assert value >= ALPHA, f"{name}: p = {value:.1e} in {replicas} replicas"
    return p


def _check_form(
    system: MicroSystem,
    x: NDArray[Any],
    duration: float,
    active: NDArray[np.int64],
    frozen: NDArray[np.int64],
    conserved: Callable[[NDArray[Any]], NDArray[Any]] | None,
    streams: list[np.random.Generator],
) -> None:
    """The checks that are true or false on one path."""
    before, chosen = x.copy(), active.copy()
    new, sites = system.evolve(x, duration, active, rng=streams[0])
    assert np.array_equal(x, before), "evolve edits its input state"
    assert np.array_equal(active, chosen), "evolve edits its list of active carriers"
    assert (new.shape, new.dtype) == (x.shape, x.dtype), (
        f"evolve turns a state {x.shape} {x.dtype} into {new.shape} {new.dtype}"
    )
    assert sites.shape == active.shape, f"evolve returns {sites.shape} sites for {active.shape} active carriers"
    assert np.isin(sites, system.carriers(new)).all(), "a returned site is not that of a carrier"
    assert np.isin(frozen, system.carriers(new)).all(), "a carrier that is not active has moved"
    assert np.array_equal(new[0, frozen[0]], x[0, frozen[0]]), "a carrier that is not active has changed"
    if conserved is not None:
        assert np.array_equal(conserved(new), conserved(x)), "a conserved quantity changes"

    seeds = [np.random.default_rng(5) for _ in range(2)]
    paths = [system.evolve(np.repeat(x, 16, axis=0), duration, rng=seed) for seed in seeds]
    assert all(np.array_equal(u, v) for u, v in zip(*paths, strict=True)), "the same seed gives different paths"
    other = system.evolve(np.repeat(x, 16, axis=0), duration, rng=np.random.default_rng(6))
    assert not np.array_equal(other[0], paths[0][0]), "different seeds give the same path"

    still, stay = system.evolve(x, 0.0, active, rng=streams[1])
    assert np.array_equal(still, x), "something changes in no time"
    assert np.array_equal(stay, active), "a carrier moves in no time"
    nobody, _ = system.evolve(x, duration, active[:, :0], rng=streams[2])
    assert np.array_equal(nobody, x), "something changes without active carriers"
    pair, _ = system.evolve(np.repeat(x, 2, axis=0), np.array([0.0, duration]), rng=streams[3])
    assert np.array_equal(pair[:1], x), "durations are not taken row by row"


@checked(system=force_system, states=array(None, None), rng=generator_of, tolerance=above_zero)
def check_force_system(
    system: ForceSystem, states: NDArray[Any], *, rng: np.random.Generator, tolerance: float = 1e-12
) -> None:
    """Check that f on some carriers is that part of all of f, and what else the learner of forces assumes.

    Args:
        system: dx/dt = f(x).
        states: (batch, N), at least two of them, ordinary ones.
        rng: draws the carriers.
        tolerance: of forces, relative to the largest one.

    Raises:
        AssertionError: one line that says what is wrong.
    """
    n, batch = system.n_carriers, len(states)
    assert batch > 1, "give two states or more"
    assert system.n_components % n == 0, f"{system.n_components} numbers do not belong to {n} carriers alike"
    everything = np.sort(system.components(np.arange(n)[None])[0])
    assert np.array_equal(everything, np.arange(system.n_components)), "not every number belongs to one carrier"
    before = states.copy()
    full = system.forces(states)
    assert full.shape == states.shape, f"forces has the shape {full.shape} for states {states.shape}"
    assert np.isfinite(full).all(), "forces are not finite"
    size = tolerance * max(abs(full).max(), 1e-300)
    for m in sorted({1, max(n // 3, 1), n}):
        active = rng.permuted(np.tile(np.arange(n), (batch, 1)), axis=1)[:, :m]
        chosen = active.copy()
        part = system.forces(states, active)
        places = system.components(active)
        assert part.shape == places.shape, f"forces on {m} carriers have the shape {part.shape}, not {places.shape}"
        gap = abs(part - np.take_along_axis(full, places, axis=1)).max()
        assert gap <= size, f"forces on {m} of {n} carriers differ by {gap:.1e} from those parts of all forces"
        assert np.array_equal(active, chosen), "forces edits its list of active carriers"
    some = draw_active(batch, n, max(1 / n, 0.3), rng=rng)
    rows = [system.forces(states[k : k + 1], some[k : k + 1]) for k in range(batch)]
    gap = abs(np.concatenate(rows) - system.forces(states, some)).max()
    assert gap <= size, f"states of a batch are not taken one by one: forces differ by {gap:.1e}"
    end = list(system.states_at(states, [0.0, system.time_step], rng=rng))
    assert np.array_equal(states, before), "a state is edited in place"
    assert np.array_equal(end[0], states), "something changes in no time"
    assert not np.array_equal(end[1], states), "nothing changes in a step"
