"""Replica exchange over temperatures: cold states of an alloy that swaps alone do not bring to equilibrium."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import count_of, positive
from asemacro.barriers.base import BarrierModel
from asemacro.lattice.states import state_of, states_of
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.micro.alloy.swap import Features, new_features, swap_on
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


@dataclasses.dataclass(frozen=True)
class ExchangeRun:
    """Result of `ReplicaExchange.run`; temperatures as they were given.

    Attributes:
        x: (n_T, n_sites) final state at each temperature.
        record: (n_T, n_records, ...) what `observe` made of the states.
        record_sweeps: (n_records,) sweeps before each record.
        acceptance: (n_T,) fraction of the swaps accepted.
        turnover: (n_T,) energy of the accepted uphill swaps, in kT a site and sweep, see `SwapRun`.
        exchange_acceptance: (n_T - 1,) fraction of the exchanges between neighbours accepted; nan if none was tried.
        arrivals: (n_T,) how often a replica reached a temperature after it had been at the highest one, counted once
            for each visit there. At the lowest temperature: half round trips.
        energy_eV: (n_T,) energy of the final states above that of the first start.
    """

    x: NDArray[np.int8]
    record: NDArray[Any]
    record_sweeps: NDArray[np.int64]
    acceptance: Floats
    turnover: Floats
    exchange_acceptance: Floats
    arrivals: NDArray[np.int64]
    energy_eV: Floats


class ReplicaExchange:
    r"""`SwapMC` at several temperatures at once, whose states change places.

    After each sweep neighbours i, j in temperature, the even and the odd ones in turn, exchange their states with
    probability min(1, exp((1/kT_i - 1/kT_j)(E_i - E_j))), which leaves the product of their Boltzmann laws as it is.
    A state that is stuck where it is cold is freed where it is hot. One sweep is n_sites attempts at each temperature.
    Source: Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996).

    Args:
        lattice: where the alloy lives.
        model: a barrier model that has an energy.
        temperatures_K: increasing.

    Raises:
        ValueError: a model without an energy or not made for the lattice, or temperatures that do not increase.
    """

    def __init__(self, lattice: Lattice, model: BarrierModel, temperatures_K: Sequence[float] | Floats) -> None:
        self._lattice = lattice
        self._temperatures_K = np.array([positive(t, "temperature", "K") for t in temperatures_K])
        if len(self._temperatures_K) == 0 or (np.diff(self._temperatures_K) <= 0).any():
            raise ValueError(f"temperatures must increase, got {list(temperatures_K)}")
        self._model = model
        self._energy = model.compile_energy(lattice)
        self._shape = np.array(lattice.shape, dtype=np.int64)

    def run(
        self,
        x: NDArray[np.int8],
        *,
        record_sweeps: ArrayLike,
        observe: Callable[[NDArray[np.int8]], Any],
        progress: Report | None = None,
        rng: np.random.Generator,
    ) -> ExchangeRun:
        """One Markov chain of all temperatures.

        Args:
            x: state (n_sites,) or (1, n_sites) from which every temperature starts, or (n_T, n_sites) one for each, of
                one composition; not edited.
            record_sweeps: numbers of sweeps to record after, ascending; the last is the length of the run.
            observe: what to keep of a state (1, n_sites).
            progress: called as progress("swaps", fraction, text), after each sweep.
            rng: source of randomness.

        Raises:
            ValueError: record points that do not ascend, or a state that does not fit or has one species only.
        """
        starts = self._starts(x)
        if starts[0].min() == starts[0].max():
            raise ValueError("no unlike pairs to swap: all sites hold the same species")
        points = np.array([count_of(p, "sweeps") for p in np.atleast_1d(np.asarray(record_sweeps))], dtype=np.int64)
        if len(points) == 0 or (np.diff(points) <= 0).any():
            raise ValueError("record points must ascend, and there must be one at least")
        beta = 1 / (kB * self._temperatures_K)
        levels = len(beta)
        states = [start.copy() for start in starts]
        features = [new_features(self._energy, self._shape, state) for state in states]
        sums = np.zeros((levels, 3))
        if len(np.unique(starts, axis=0)) > 1:
            above = StateEnergy(self._lattice, self._model, starts[0])
            sums[:, 1] = [above(start) for start in starts]
        replica_at = np.arange(levels)  # the replica at each temperature
        fresh = np.zeros((levels, levels), dtype=bool)  # replica, temperature: not there since it was at the top
        arrivals, tried, made = np.zeros(levels, np.int64), np.zeros(levels - 1), np.zeros(levels - 1)
        moved = np.zeros((levels, 3))
        record: list[list[Any]] = []
        for sweep in range(int(points[-1]) + 1):
            if sweep:
                self._sweep(replica_at, states, features, sums, moved, rng)
                self._exchange(sweep % 2, replica_at, sums[:, 1], tried, made, rng)
            fresh[replica_at[-1]] = True
            here = (replica_at, np.arange(levels))
            arrivals += fresh[here]
            fresh[here] = False
            if sweep == points[len(record)]:
                record.append([observe(states[replica][None]) for replica in replica_at])
            if progress is not None:
                progress("swaps", sweep / max(int(points[-1]), 1), f"{sweep} of {points[-1]} sweeps")
        attempts = max(int(points[-1]) * self._lattice.n_sites, 1)
        return ExchangeRun(
            x=np.array([states[replica] for replica in replica_at]),
            record=np.swapaxes(np.array(record), 0, 1),
            record_sweeps=points,
            acceptance=moved[:, 0] / attempts,
            turnover=moved[:, 2] * beta / attempts,
            exchange_acceptance=np.where(tried > 0, made / np.maximum(tried, 1), np.nan),
            arrivals=arrivals,
            energy_eV=sums[replica_at, 1],
        )

    def _starts(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """(n_T, n_sites) first states."""
        levels = len(self._temperatures_K)
        if np.ndim(x) == 2 and len(x) == levels:
            return states_of(self._lattice, x)
        return np.repeat(state_of(self._lattice, x), levels, axis=0)

    def _sweep(
        self,
        replica_at: NDArray[np.int64],
        states: list[NDArray[np.int8]],
        features: list[Features],
        sums: Floats,
        moved: Floats,
        rng: np.random.Generator,
    ) -> None:
        """One sweep at each temperature; what it added to the sums of the replicas is added to `moved` as well."""
        for level, (kelvin, at) in enumerate(zip(self._temperatures_K, replica_at, strict=True)):
            before = sums[at].copy()
            swap_on(
                self._energy, self._shape, states[at], features[at], 1 / (kB * kelvin), len(states[at]), sums[at], rng
            )
            moved[level] += sums[at] - before

    def _exchange(
        self,
        first: int,
        replica_at: NDArray[np.int64],
        energy_eV: Floats,
        tried: Floats,
        made: Floats,
        rng: np.random.Generator,
    ) -> None:
        """Try to exchange the replicas of every second pair of neighbours, from the pair `first` on."""
        beta = 1 / (kB * self._temperatures_K)
        for low in range(first, len(beta) - 1, 2):
            cold, hot = replica_at[low], replica_at[low + 1]
            exponent = (beta[low] - beta[low + 1]) * (energy_eV[cold] - energy_eV[hot])
            tried[low] += 1
            if rng.random() < np.exp(min(exponent, 0.0)):
                replica_at[low], replica_at[low + 1] = hot, cold
                made[low] += 1
