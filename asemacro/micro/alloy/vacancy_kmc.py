"""Vacancy kinetic Monte Carlo of an alloy on a lattice, in seconds."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments import door
from asemacro.arguments.checks import (
    MOST_COUNT,
    generator_of,
    temperature_of,
    times_of,
)
from asemacro.barriers.attempt_frequency import attempt_frequency_of
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.kernels import checked
from asemacro.lattice.sites import neighbours_of
from asemacro.lattice.states import active_of, state_of, states_of, vacancies_of
from asemacro.micro.alloy.cache import Cache, CachePool
from asemacro.micro.alloy.displacements import TRAIL, Displacements
from asemacro.micro.alloy.kernels import (
    ASKS,
    BROKEN,
    CHUNK,
    HIT,
    HOP,
    MISS,
    NEXT,
    Walk,
    answer,
    new_walk,
    walk_on,
)
from asemacro.micro.alloy.kmc_pause import KMCPause
from asemacro.micro.alloy.kmc_run import KMCRun, plan_of, result_of, share_of
from asemacro.micro.alloy.steps import HopSteps
from asemacro.micro.protocol import Events, MicroSystem
from asemacro.micro.steps import Steps, TimeSteps, duration_of, one_state
from asemacro.tasks.patience import Patience, next_size
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

FIRST_CHUNK = 128  # hops and new environments; those of large networks take a millisecond each
MOST_ENTRIES = 1 << 28  # of a cache


class VacancyKMC(MicroSystem):
    """Rejection-free continuous-time Monte Carlo: rate = attempt frequency x exp(-barrier / kT) of each jump.

    The attempt frequency is that of the species of the atom that jumps.

    The carriers of the MicroSystem protocol are the vacancies. Barriers are cached by environment; the cache
    holds no temperature and does not change results. A system may be used from several threads at once.

    Args:
        lattice: where the alloy lives.
        barriers: barrier model.
        temperature_K: temperature, 1 to 100,000 K.
        attempt_frequency_Hz: of all species, > 0, whatever the model says; None for those of the model, which are
            1e13 Hz of every species of which it says nothing.
        cache_entries: environments remembered by each run (a power of two is used); 1 turns the cache off
            but for the last environment.

    Raises:
        ValueError: a temperature or frequency out of range, or a model not made for the lattice.
    """

    @door.checked(lattice=door.CRYSTAL, barriers=door.BARRIERS, cache_entries=door.whole(0, MOST_ENTRIES))
    def __init__(
        self,
        lattice: Lattice,
        barriers: BarrierModel,
        temperature_K: float,
        attempt_frequency_Hz: float | None = None,
        *,
        cache_entries: int = 1 << 17,
    ) -> None:
        self._lattice = lattice
        self._barriers = barriers
        self._temperature_K = temperature_of(temperature_K)
        self._given_Hz = (
            None
            if attempt_frequency_Hz is None
            else attempt_frequency_of(attempt_frequency_Hz, "the attempt frequency")
        )
        self._model = checked(barriers.compile(lattice), barriers.name, lattice)
        self._frequencies = self._frequencies_of_model_species()
        self._shape = np.array(lattice.shape, dtype=np.int64)
        known = len(barriers.species) if barriers.species is not None else int(self._model.species.max())
        self._bits = max(1, int(known).bit_length())
        self.caches = CachePool(cache_entries, self._model.n_targets)
        self._moved: Displacements | None = None

    @property
    def lattice(self) -> Lattice:  # type: ignore[override]
        """Where the alloy lives."""
        return self._lattice

    @property
    def barriers(self) -> BarrierModel:
        """The barrier model."""
        return self._barriers

    @property
    def temperature_K(self) -> float:
        """Temperature in K."""
        return self._temperature_K

    @property
    def attempt_frequency_Hz(self) -> dict[str, float]:
        """Prefactor of the rates of the jumps of each species, in Hz."""
        own = self._frequencies[self._model.species[1:]]
        return dict(zip(self._lattice.species, own.tolist(), strict=True))

    @property
    def jumps(self) -> NDArray[np.int64]:
        """(n_basis, Z, 4) offsets of the sites that a vacancy jumps to, in the order of its rates.

        Those of `lattice.shells(1)`, but for graph networks that name other shells. Where a site has fewer jumps than
        others, the entries left over lead to the vacancy itself, at the rate 0.
        """
        return self._model.env[:, 1 : 1 + self._model.n_targets]

    def at(self, temperature_K: float) -> VacancyKMC:
        """The same system at another temperature; compiled tables and caches are shared."""
        other = copy.copy(self)
        other._temperature_K = temperature_of(temperature_K)
        return other

    def on(self, lattice: Lattice) -> VacancyKMC:
        """The same model, temperature and prefactor on another lattice (a larger box)."""
        return VacancyKMC(lattice, self._barriers, self._temperature_K, self._given_Hz)

    def following(self, displacements: Displacements) -> VacancyKMC:
        """The same system, whose `run` adds its hops to these displacements, which `observe` may read on the way."""
        displacements.check(self._lattice, self.jumps)
        other = copy.copy(self)
        other._moved = displacements
        return other

    def carriers(self, x: NDArray[np.int8]) -> NDArray[np.int64]:
        """Vacant sites of states (batch, n_sites), ascending: (batch, n_vacancies).

        Raises:
            ValueError: no vacancy, or different numbers of them in the states.
        """
        return vacancies_of(states_of(self._lattice, x))

    def steps(self, x: NDArray[np.int8], step: float | None, *, rng: np.random.Generator) -> Steps:
        """A state that a `Driver` moves, hop by hop or in steps of a time in s; see `Driven.steps`."""
        state = state_of(self._lattice, one_state(x, self._lattice.n_sites))
        sites = vacancies_of(state)[0]
        if step is None:
            return HopSteps(self.run, state[0], rng)
        return TimeSteps(self.evolve, state[0], sites, duration_of(step, self.kind), "time_s", rng)

    @one_thread()
    def rates(self, x: NDArray[np.int8], sites: NDArray[np.integer] | None = None) -> NDArray[np.float64]:
        """Rates in Hz of all jumps, as the run uses them.

        Args:
            x: (n_sites,) or (1, n_sites) state.
            sites: (n,) vacancies, default all in ascending order.

        Returns:
            (n, Z) in the order of `jumps`; 0 where the target is a vacancy.
        """
        state = state_of(self._lattice, x)
        chosen = (vacancies_of(state) if sites is None else active_of(state, np.asarray(sites)[None]))[0]
        cache = self.caches.take()
        try:
            walk = new_walk(self._model, cache, self._shape, state[0].copy(), chosen)
            self._walk(walk, cache, None, 0, np.random.default_rng(0), None)
        finally:
            self.caches.give(cache)
        return walk.rates

    def events(self, x: NDArray[np.int8], active: NDArray[np.integer] | None = None) -> Events:
        """All jumps of the active vacancies of states (batch, n_sites), with their rates in Hz.

        Returns:
            Events (batch, m Z) that change 2 sites each, vacancy after vacancy in the order of `jumps`;
            a jump onto a vacancy changes nothing, at the rate 0.
        """
        x = states_of(self._lattice, x)
        vacancies = vacancies_of(x) if active is None else active_of(x, active)
        target = neighbours_of(self._lattice.shape, self._lattice.n_basis, vacancies, self.jumps)
        batch, m, z = target.shape
        flat = target.reshape(batch, m * z)
        sites = np.stack([np.repeat(vacancies, z, axis=1), flat], axis=-1)
        atoms = np.take_along_axis(x, flat, axis=1)
        rates = np.array([self.rates(state, row) for state, row in zip(x, vacancies, strict=True)])
        return Events(rates.reshape(batch, m * z), sites, np.stack([atoms, np.zeros_like(atoms)], axis=-1))

    @one_thread()
    def evolve(
        self,
        x: NDArray[np.int8],
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Advance states by a time in s; see `MicroSystem.evolve`.

        Vacancies that are not active stay where they are, in everyone's environment.

        Raises:
            ValueError: a negative or infinite duration, an active site that is not a vacancy, or a barrier that is
                not a number.
        """
        generator_of(rng)
        x = states_of(self._lattice, x)
        sites = vacancies_of(x) if active is None else active_of(x, active)
        durations = times_of(duration, len(x))
        new = x.copy()
        what = f"the evolution of {len(x)} states for {durations.max():g} s at {self._temperature_K:g} K"
        patience: Patience | None = None
        cache = self.caches.take()
        try:
            for k, (state, row, until) in enumerate(zip(new, sites, durations, strict=True)):
                if len(row):
                    walk = new_walk(self._model, cache, self._shape, state, row)
                    if patience is None:
                        self._walk(walk, cache, None, 0, rng, None)  # compiles on first use, which is not the rate
                        patience = Patience(what)
                    self._walk(walk, cache, until, None, rng, share_of(until, None, k, len(x), patience))
        finally:
            self.caches.give(cache)
        return new, sites

    @door.checked(
        observe=door.function,
        progress=door.report,
        keep=door.function,
        rng=generator_of,
    )
    @one_thread()
    def run(
        self,
        x: NDArray[np.int8] | KMCPause,
        *,
        duration_s: float | None = None,
        hops: int | None = None,
        record_times_s: ArrayLike | None = None,
        record_hops: ArrayLike | None = None,
        observe: Callable[[NDArray[np.int8]], Any] | None = None,
        active: NDArray[np.integer] | None = None,
        progress: Report | None = None,
        keep: Callable[[KMCPause], Any] | None = None,
        rng: np.random.Generator,
    ) -> KMCRun:
        """One trajectory, by time or by hops, with records on the way.

        Args:
            x: (n_sites,) or (1, n_sites) state, not edited; or a pause of a run with the same other arguments, which
                goes on as if it had never been stopped, `rng` from its state then.
            duration_s: stop at this time; default the last of `record_times_s`.
            hops: stop after this many hops; default the last of `record_hops`. With both, whichever is first.
            record_times_s: times to record at, ascending.
            record_hops: numbers of hops to record after, ascending. One kind of record point only.
            observe: what to keep of a state (1, n_sites) at a record point; default the state itself.
            active: (m,) sites of the vacancies that may move; default all.
            progress: called as progress("kmc", fraction, text), several times a second.
            keep: called at every record point with a pause, all that the run needs to go on from there.
            rng: source of randomness.

        Raises:
            ValueError: no end given, a negative one, both kinds of record points, a state that does not fit, or a
                barrier that is not a number.
        """
        before, x = (x, x.x) if isinstance(x, KMCPause) else (None, x)
        state = state_of(self._lattice, x).copy()
        if before is None:
            sites = (vacancies_of(state) if active is None else active_of(state, np.asarray(active)[None]))[0]
        else:
            sites = before.sites.copy()
        plan = plan_of(duration_s, hops, record_times_s, record_hops)
        record, marks = ([], []) if before is None else before.records(plan)
        cache = self.caches.take()
        kept = (lambda s: s[0].copy()) if observe is None else observe
        stopped = CHUNK
        try:
            trail = 0 if self._moved is None else TRAIL
            walk = new_walk(self._model, cache, self._shape, state[0], sites, trail)
            self._walk(walk, cache, None, 0, rng, None)  # compiles on first use: not part of the run's time
            started = time.perf_counter()
            if before is not None:
                started -= before.restore(walk, rng)
            patience = Patience(f"the run of {plan.length} at {self._temperature_K:g} K")
            tick = share_of(plan.until_s, plan.until_hops, 0, 1, patience, progress)
            for point in plan.points[len(marks) :]:
                stopped = self._walk(walk, cache, *plan.ends_at(point), rng, tick)
                if (walk.clock[0] if plan.by_time else walk.counts[HOP]) != point:
                    break
                record.append(kept(state))
                marks.append((walk.clock[0], walk.counts[HOP], 1 / walk.tree[1] if walk.tree[1] > 0 else np.inf))
                if keep is not None:
                    keep(KMCPause.of(walk, record, marks, rng, time.perf_counter() - started))
            else:
                stopped = self._walk(walk, cache, plan.until_s, plan.until_hops, rng, tick)
        finally:
            self.caches.give(cache)
        return result_of(walk, stopped, record, marks, time.perf_counter() - started)

    def _walk(
        self,
        walk: Walk,
        cache: Cache,
        until_s: float | None,
        until_hops: int | None,
        rng: np.random.Generator,
        progress: Callable[[int, float], Any] | None,
    ) -> int:
        """Run to an end in calls short enough to be interrupted; where they are cut changes no result."""
        until_s = np.inf if until_s is None else until_s
        until_hops = MOST_COUNT if until_hops is None else until_hops
        beta = 1 / (kB * self._temperature_K)
        chunk = FIRST_CHUNK
        while True:
            started = time.perf_counter()
            hops = int(walk.counts[HOP])
            ended = walk_on(
                self._model,
                cache,
                walk,
                self._shape,
                self._bits,
                beta,
                self._frequencies,
                float(until_s),
                int(until_hops),
                min(chunk, len(walk.trail) or chunk),
                rng,
            )
            if self._moved is not None:
                self._moved.follow(walk.trail[: int(walk.counts[HOP]) - hops])
            if ended == BROKEN:
                raise ValueError(self._broken(walk))
            if progress is not None:
                progress(int(walk.counts[HOP]), float(walk.clock[0]))
            if ended == ASKS:
                self._answer(walk, cache)
            elif ended == CHUNK:
                chunk = next_size(chunk, time.perf_counter() - started, least=64)
            else:
                return ended

    def _frequencies_of_model_species(self) -> NDArray[np.float64]:
        """(S + 1,) in Hz, by the numbers that the model has for species.

        Raises:
            ValueError: the model has one number for species of different frequencies.
        """
        numbers, species = self._model.species, self._lattice.species
        own = self._barriers.frequencies(species)
        if self._given_Hz is not None:
            own[1:] = self._given_Hz
        frequencies = np.zeros(int(numbers.max()) + 1)
        frequencies[numbers] = own
        shared = np.flatnonzero(frequencies[numbers] != own)
        if len(shared):
            raise ValueError(
                f"barrier model {self._barriers.name} takes {species[shared[0] - 1]} for another species, of another "
                "attempt frequency: give one frequency of both, or of all (attempt_frequency_Hz)"
            )
        return frequencies

    def _answer(self, walk: Walk, cache: Cache) -> None:
        """Let the model tell in Python what `walk_on` stopped for; the loop then finds it in the cache."""
        basis = int(walk.sites[walk.pending[walk.counts[NEXT]]]) % len(self._model.env)
        values = self._barriers.told(self._model, basis, walk.env)
        answer(cache, walk.env, basis, self._bits, values)
        walk.counts[MISS] += 1
        walk.counts[HIT] -= 1  # as which the loop will count it

    def _broken(self, walk: Walk) -> str:
        """What to say of the barrier at which `walk_on` stopped."""
        site = int(walk.sites[walk.pending[walk.counts[NEXT]]])
        around = walk.env[1 : 1 + self._model.n_targets]
        jump = int(np.flatnonzero((around != 0) & ~np.isfinite(walk.barriers[:-1]))[0])
        species = self._lattice.species[int(np.flatnonzero(self._model.species == around[jump])[0]) - 1]
        return (
            f"barrier model {self._barriers.name}: the barrier of a jump of {species} into the vacancy at site {site} "
            f"after {walk.counts[HOP]} hops is {walk.barriers[jump]}, not a number of eV; its weights are damaged or "
            "far from what they were trained on, take another model (--barriers)"
        )
