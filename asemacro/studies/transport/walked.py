"""One KMC run of a diffusion study: its displacements, reduced to mean products over lags."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.micro.alloy.displacements import Displacements
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

RECORDS = 512  # even times at which displacements are recorded
LAGS = tuple(2**k for k in range(7))
"""In records; the longest is an eighth of the run."""


@dataclasses.dataclass(frozen=True)
class Settled:
    """A state after the hops that bring it to equilibrium.

    Attributes:
        x: (n_sites,) int8 state.
        time_s: time that they took.
        hops: how many.
        half_s: time that the second half of them took.
    """

    x: NDArray[np.int8]
    time_s: float
    hops: int
    half_s: float


@dataclasses.dataclass(frozen=True)
class Walked:
    """Mean products of displacements of one run, S species and vacancies, which come first, at L lags.

    Attributes:
        lags_s: (L,).
        tracer: (L, S + 1, 3, 3) mean of dr dr^T of the particles of each species, angstrom^2.
        collective: (L, S + 1, S + 1, 3, 3) mean of dR_i dR_j^T over sites, R_i the sum over the particles of species i.
        successive: (L, S + 1, S + 1) mean of dR_i(t, t + lag) . dR_j(t + lag, t + 2 lag) over sites.
        walk: (S + 1, 3, 3) sum of d d^T of all hops of a species over its particles and 2 duration, angstrom^2/s: D if
            no hop knew of those before.
        jump_rate: (S + 1,) hops of a particle per second.
        numbers: (S + 1,) particles.
        duration_s: of the run.
        hops: of all vacancies together.
        half_hops: (2,) in its halves.
        adjacent: fraction of the time in which a vacancy had another one beside it.
    """

    lags_s: Floats
    tracer: Floats
    collective: Floats
    successive: Floats
    walk: Floats
    jump_rate: Floats
    numbers: NDArray[np.int64]
    duration_s: float
    hops: int
    half_hops: NDArray[np.int64]
    adjacent: float


def settle(kmc: VacancyKMC, x: NDArray[np.int8], hops: int, progress: Report, rng: np.random.Generator) -> Settled:
    """Let the vacancies of a state hop.

    Raises:
        ValueError: no vacancy can move.
    """
    run = kmc.run(x, record_hops=[hops // 2, hops], observe=lambda _: 0, progress=progress, rng=rng)
    if run.stopped == "blocked":
        raise ValueError(f"no vacancy has an atom beside it that can jump, after {run.hops} hops; give more --sites")
    return Settled(run.x, run.time_s, run.hops, run.time_s - float(run.record_times_s[0]))


def walk(kmc: VacancyKMC, start: Settled, duration_s: float, progress: Report, rng: np.random.Generator) -> Walked:
    """Run from a settled state for a time and reduce what its particles did.

    Args:
        kmc: the alloy.
        start: state.
        duration_s: length.
        progress: told of it.
        rng: source of randomness.
    """
    moved = Displacements(kmc.lattice, start.x, kmc.jumps)
    times = np.linspace(0, duration_s, RECORDS + 1)
    run = kmc.following(moved).run(
        start.x,
        record_times_s=times,
        observe=lambda _: moved.vectors().astype(np.float32),
        progress=progress,
        rng=rng,
    )
    numbers = np.bincount(moved.species, minlength=len(kmc.lattice.species) + 1)
    jumps = moved.jumped.sum(axis=(0, 1))
    jumps[0] = jumps.sum()
    middle = int(run.record_hops[RECORDS // 2])
    tracer, collective, successive = products_of(run.record, moved.species, len(numbers))
    return Walked(
        lags_s=np.array(LAGS) * duration_s / RECORDS,
        tracer=tracer,
        collective=collective,
        successive=successive,
        walk=moved.random_walk() / np.maximum(numbers, 1)[:, None, None] / (2 * duration_s),
        jump_rate=jumps / np.maximum(numbers, 1) / duration_s,
        numbers=numbers,
        duration_s=float(duration_s),
        hops=run.hops,
        half_hops=np.array([middle, run.hops - middle]),
        adjacent=run.adjacent_fraction,
    )


def products_of(places: NDArray[np.floating], species: NDArray[np.int8], kinds: int) -> tuple[Floats, Floats, Floats]:
    """`tracer`, `collective` and `successive` of `Walked`: means over all origins of time.

    Args:
        places: (n + 1, n_particles, 3) displacements at even times.
        species: (n_particles,).
        kinds: S + 1.
    """
    members = [np.flatnonzero(species == kind) for kind in range(kinds)]
    sums = np.stack([places[:, own].sum(axis=1, dtype=float) for own in members], axis=1)
    tracer = np.zeros((len(LAGS), kinds, 3, 3))
    collective = np.zeros((len(LAGS), kinds, kinds, 3, 3))
    successive = np.zeros((len(LAGS), kinds, kinds))
    for k, lag in enumerate(LAGS):
        moves = places[lag:] - places[:-lag]
        for kind, own in enumerate(members):
            flat = moves[:, own].reshape(-1, 3).astype(float)
            tracer[k, kind] = flat.T @ flat / max(len(flat), 1)
        together = sums[lag:] - sums[:-lag]
        collective[k] = np.einsum("tia,tjb->ijab", together, together) / len(together) / len(species)
        first, second = together[:-lag], together[lag:]
        successive[k] = np.einsum("tia,tja->ij", first, second) / len(first) / len(species)
    return tracer, collective, successive
