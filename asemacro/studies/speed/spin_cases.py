"""Kernels of spins that are measured: Glauber dynamics, many neighbours, pairs of snapshots."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.glauber import Glauber
from asemacro.micro.spins.ising import Ising
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import KacCoupling
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.speed.plain_spins import Couplings, glauber, patch_pairs
from asemacro.studies.speed.timing import Case, Ready, Run, Stopwatch, first_call, joined, peak_of, timed
from asemacro.typing import Spins

NEAR_CRITICAL = 2.27  # of the Ising square, whose critical temperature is 2.2692
KAC_TEMPERATURE = 1.25
BURN_IN = 50.0  # from random; the acceptance is then within a few per cent of that at equilibrium
LEAST_SEGMENT, MOST_SEGMENTS = 5.0, 100
PHI = Observables([Magnetization(), DomainWallDensity()])


def square(side: int) -> Lattice:
    """A periodic square of spins."""
    return Lattice.square(1.0, "X", side)


def glauber_case(
    system: Glauber,
    name: str,
    attempts: float,
    *,
    couplings: Callable[[], Couplings] | None = None,
    plain_attempts: int = 0,
    **more: Any,
) -> Case:
    """Glauber dynamics of spins with tabulated rates; accepted flips are counted.

    The kernel does not count them. Their number is attempts times the mean rate of the spins, which is taken from the
    states at the ends of up to 100 parts of the run.

    Args:
        system: spins.
        name: of the system.
        attempts: of a run.
        couplings: makes the plain version, or None.
        plain_attempts: of the plain version.
        **more: of the case.
    """
    lattice = system.lattice

    def prepare(share: float) -> Ready:
        rng = np.random.default_rng(0)
        x = random_spins(lattice, rng=rng)
        called = first_call(lambda: system.evolve(x, 0.1, rng=rng))
        x, _ = system.evolve(x, BURN_IN * min(1.0, 2 * share), rng=rng)
        duration = attempts * share / lattice.n_sites
        parts = int(np.clip(duration / LEAST_SEGMENT, 1, MOST_SEGMENTS))

        def run(seed: int) -> Run:
            state, own, made = x, np.random.default_rng(seed), []
            rate = system.rates(state).mean()
            for _ in range(parts):
                watch = Stopwatch()
                watch()
                state, _ = system.evolve(state, duration / parts, rng=own)
                watch()
                before, rate = rate, system.rates(state).mean()
                made.append(watch.run(duration / parts * lattice.n_sites * (before + rate) / 2))
            return joined(made)

        law = couplings() if couplings is not None and plain_attempts else None
        held = partial(peak_of, lambda: system.evolve(x, 0.1, rng=rng), x.nbytes)
        return Ready(run, held, _plain(law, x[0], plain_attempts * share, rng), called)

    about: dict[str, Any] = {"kernel": "ising", "temperature_unit": "J", **more}
    return Case(
        system=name, sites=lattice.n_sites, counted="flips", prepare=prepare, temperature=system.temperature, **about
    )


def ising_case(side: int, attempts: float, *, plain_attempts: int = 0, **more: Any) -> Case:
    """The Ising square near its critical temperature."""
    lattice = square(side)
    return glauber_case(
        Ising(lattice, NEAR_CRITICAL), "square, nearest neighbours", attempts,
        couplings=lambda: Couplings.of_shell(lattice, NEAR_CRITICAL), plain_attempts=plain_attempts, **more,
    )  # fmt: skip


def kac_case(
    side: int, coupling: KacCoupling, duration: float, *, window: float | None = None, plain_attempts: int = 0,
    **more: Any,
) -> Case:  # fmt: skip
    """Spins with many neighbours on a square: local fields change flip by flip, or in windows by Fourier transforms."""
    lattice = square(side)

    def prepare(share: float) -> Ready:
        rng, system = np.random.default_rng(0), KacIsing(lattice, coupling, KAC_TEMPERATURE)
        x = random_spins(lattice, 0.2, rng=rng)
        called = first_call(lambda: system.evolve_counting(x, 1e-4, side, window=window, rng=rng))

        def run(seed: int) -> Run:
            own, watch = np.random.default_rng(seed), Stopwatch()
            watch()
            _, flips = system.evolve_counting(x, duration * share, side, window=window, rng=own)
            watch()
            return watch.run(float(flips.sum()))

        held = partial(peak_of, lambda: system.evolve_counting(x, 1e-2, side, window=window, rng=rng), x.nbytes)
        law = Couplings.of_table(lattice, coupling.table(2), KAC_TEMPERATURE) if plain_attempts else None
        return Ready(run, held, _plain(law, x[0], plain_attempts * share, rng), called)

    return Case(
        kernel="kac", system=f"square, {coupling.name}", sites=side**2, counted="flips", prepare=prepare,
        temperature=KAC_TEMPERATURE, temperature_unit="J", **more,
    )  # fmt: skip


def pairs_case(side: int, patch: int, duration: float, batch: int, *, plain_batch: int = 0, **more: Any) -> Case:
    """Pairs of magnetisation and walls of Ising squares, from a patch of each that moves."""
    lattice = square(side)

    def prepare(share: float) -> Ready:
        rng, rows, few = np.random.default_rng(0), max(1, round(batch * share)), max(1, round(plain_batch * share))
        system, x = Ising(lattice, NEAR_CRITICAL), random_spins(lattice, 0.2, rows, rng=rng)

        def pairs(states: Any, own: np.random.Generator) -> Any:
            return partial_evolution(system, states, [duration], patch**2 / lattice.n_sites, rng=own).pairs(PHI)

        def run(seed: int) -> Run:
            return timed(lambda: pairs(x, np.random.default_rng(seed)), rows)

        def plain() -> Run:
            law = Couplings.of_shell(lattice, NEAR_CRITICAL)
            return timed(lambda: patch_pairs(law, x[:few], patch, duration, rng=rng), len(x[:few]))

        called = first_call(lambda: pairs(x[:1], rng))
        return Ready(run, None, plain if plain_batch else None, called)

    return Case(
        kernel="pairs", system=f"Ising square, patches of {patch} x {patch}, time {duration:g}", sites=side**2,
        counted="pairs", prepare=prepare, temperature=NEAR_CRITICAL, temperature_unit="J", **more,
    )  # fmt: skip


def _plain(law: Couplings | None, x: Spins, attempts: float, rng: np.random.Generator) -> Callable[[], Run] | None:
    """A run of the plain version that counts its flips, or None."""
    if law is None:
        return None

    def run() -> Run:
        watch = Stopwatch()
        watch()
        _, flips = glauber(law, x, max(attempts, 20) / len(x), rng=rng)
        watch()
        return watch.run(flips)

    return run
