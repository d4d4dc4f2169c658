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
from asemacro.micro.alloy.exchange_pause import ExchangePause, Replicas
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.micro.alloy.swap import Features, new_features, swap_on
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

REFRESH = 50  # sweeps between two pauses


@dataclasses.dataclass(frozen=True)
class ExchangeRun:
    """Result of `ReplicaExchange.run`; temperatures as they were given.

    Attributes:
        x: (n_T, n_sites) final state at each temperature.
        record: (n_T, n_records, ...) what `observe` made of the states.
        record_energy_eV: (n_T, n_records) energies of these states above that of the first start.
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
    record_energy_eV: Floats
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
        x: NDArray[np.int8] | ExchangePause,
        *,
        record_sweeps: ArrayLike,
        observe: Callable[[NDArray[np.int8]], Any],
        progress: Report | None = None,
        keep: Callable[[ExchangePause], object] | None = None,
        rng: np.random.Generator,
    ) -> ExchangeRun:
        """One Markov chain of all temperatures.

        Args:
            x: state (n_sites,) or (1, n_sites) from which every temperature starts, or (n_T, n_sites) one for each, of
                one composition, not edited; or a pause of this run, to go on from.
            record_sweeps: numbers of sweeps to record after, ascending; the last is the length of the run.
            observe: what to keep of a state (1, n_sites).
            progress: called as progress("swaps", fraction, text), after each sweep.
            keep: called with a pause every REFRESH sweeps, from which the run can go on. What is kept beside the states
                is then made anew from them, so that the rest is the same to the last bit.
            rng: source of randomness; a pause sets its state.

        Raises:
            ValueError: record points that do not ascend, or a state that does not fit or has one species only.
        """
        points = np.array([count_of(p, "sweeps") for p in np.atleast_1d(np.asarray(record_sweeps))], dtype=np.int64)
        if len(points) == 0 or (np.diff(points) <= 0).any():
            raise ValueError("record points must ascend, and there must be one at least")
        end = int(points[-1])
        on = x.restore(rng) if isinstance(x, ExchangePause) else self._begin(x)
        features = [new_features(self._energy, self._shape, state) for state in on.x]
        first = not isinstance(x, ExchangePause)
        for sweep in range(on.sweep if first else on.sweep + 1, end + 1):
            if sweep:
                self._sweep(on, features, rng)
                self._exchange(sweep % 2, on, rng)
            on.sweep = sweep
            on.count_arrivals()
            if sweep == points[len(on.record)]:
                on.record.append(np.array([observe(on.x[replica][None]) for replica in on.replica_at]))
                on.record_energy_eV.append(on.sums[on.replica_at, 1])
            if progress is not None:
                progress("swaps", sweep / max(end, 1), f"{sweep} of {end} sweeps")
            if keep is not None and sweep and sweep % REFRESH == 0 and sweep < end:
                features = [new_features(self._energy, self._shape, state) for state in on.x]
                keep(ExchangePause.of(on, rng))
        return self._found(on, points)

    def _begin(self, x: NDArray[np.int8]) -> Replicas:
        """Replicas at their starts."""
        starts = self._starts(x)
        if starts[0].min() == starts[0].max():
            raise ValueError("no unlike pairs to swap: all sites hold the same species")
        energy = np.zeros(len(starts))
        if len(np.unique(starts, axis=0)) > 1:
            above = StateEnergy(self._lattice, self._model, starts[0])
            energy[:] = [above(start) for start in starts]
        return Replicas.at_start(starts, energy)

    def _found(self, on: Replicas, points: NDArray[np.int64]) -> ExchangeRun:
        """What a run gives at its end."""
        attempts = max(int(points[-1]) * self._lattice.n_sites, 1)
        tried, made = on.exchanges
        return ExchangeRun(
            x=on.x[on.replica_at],
            record=np.swapaxes(np.array(on.record), 0, 1),
            record_energy_eV=np.array(on.record_energy_eV).T,
            record_sweeps=points,
            acceptance=on.moved[:, 0] / attempts,
            turnover=on.moved[:, 2] / (kB * self._temperatures_K) / attempts,
            exchange_acceptance=np.where(tried > 0, made / np.maximum(tried, 1), np.nan),
            arrivals=on.arrivals,
            energy_eV=on.sums[on.replica_at, 1],
        )

    def _starts(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """(n_T, n_sites) first states."""
        levels = len(self._temperatures_K)
        if np.ndim(x) == 2 and len(x) == levels:
            return states_of(self._lattice, x)
        return np.repeat(state_of(self._lattice, x), levels, axis=0)

    def _sweep(self, on: Replicas, features: list[Features], rng: np.random.Generator) -> None:
        """One sweep at each temperature; what it added to the sums of the replicas is added to `moved` as well."""
        for level, (kelvin, at) in enumerate(zip(self._temperatures_K, on.replica_at, strict=True)):
            before, x = on.sums[at].copy(), on.x[at]
            swap_on(self._energy, self._shape, x, features[at], 1 / (kB * kelvin), len(x), on.sums[at], rng)
            on.moved[level] += on.sums[at] - before

    def _exchange(self, first: int, on: Replicas, rng: np.random.Generator) -> None:
        """Try to exchange the replicas of every second pair of neighbours, from the pair `first` on."""
        beta, energy_eV = 1 / (kB * self._temperatures_K), on.sums[:, 1]
        for low in range(first, len(beta) - 1, 2):
            cold, hot = on.replica_at[low], on.replica_at[low + 1]
            exponent = (beta[low] - beta[low + 1]) * (energy_eV[cold] - energy_eV[hot])
            on.exchanges[0, low] += 1
            if rng.random() < np.exp(min(exponent, 0.0)):
                on.replica_at[low], on.replica_at[low + 1] = hot, cold
                on.exchanges[1, low] += 1
