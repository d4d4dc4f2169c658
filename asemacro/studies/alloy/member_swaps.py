"""The order at equilibrium of each member of an ensemble, from the swaps of their mean where that is possible.

The states that the swaps of the mean model E_0 visit, weighted by exp(-(E_m - E_0) / kT), are those of the member E_m.
That needs no run, and the noise that all members share falls out of their differences. But the energies of a box grow
apart with its size and on cooling, until few states carry all the weight. Then the swaps run again with the member,
from the states of the mean model at each temperature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.micro.alloy.exchange import ExchangeRun, ReplicaExchange
from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.statistics.averages import stationary_average
from asemacro.studies.alloy.swap_heat import UNCHANGED, parameters
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice
    from asemacro.observables.alloy import WarrenCowley
    from asemacro.observables.sublattice_order import SublatticeOrder

STATES = 50  # of a chain at a temperature whose energies are taken
LEAST_EFFECTIVE = 20.0  # states that the weights of a member must leave, of two chains together
BLOCKS = 5  # of a chain, for the error of what is weighted
AGAIN = 0.5  # of the sweeps of the mean model, for a member that runs again
WARM = 0.25  # of them are left out


@dataclasses.dataclass(frozen=True)
class MemberOrder:
    """Order of the members at one temperature, minus that of their mean.

    Attributes:
        shift: (M, D) of all pairs; nan where it is not known.
        error: (M, D) standard errors, independent from member to member.
        effective: states that the weights leave, of the member that has fewest.
    """

    shift: Floats
    error: Floats
    effective: float


class Watched:
    """What is kept of the states of a chain at several temperatures: order, long-range order, and E_m - E_0 of each
    member of the model now and then.

    Args:
        lattice: the box.
        sro: measures all pairs.
        waves: measures long-range order; None for none.
        models: the mean, then its members.
        zero: (n_sites,) state whose energies are 0.
        levels: temperatures, which are looked at one after the other.
        records: how often each is looked at; energies are taken in the second half, STATES times.
    """

    def __init__(
        self,
        lattice: Lattice,
        sro: WarrenCowley,
        waves: SublatticeOrder | None,
        models: Sequence[BarrierModel],
        zero: NDArray[np.int8],
        levels: int,
        records: int,
    ) -> None:
        self._lattice, self._sro, self._waves, self._levels, self._looks = lattice, sro, waves, levels, 0
        self._number = len(models) - 1
        self._energies = [StateEnergy(lattice, one, zero) for one in models] if self._number else []
        self._chosen = set(np.unique(np.linspace(records // 2, records - 1, STATES).astype(int)).tolist())

    def __call__(self, x: NDArray[np.int8]) -> Floats:
        """(D + n_stars + M,) of a state (1, n_sites), energies in eV; nan where they are not taken."""
        record, self._looks = self._looks // self._levels, self._looks + 1
        above = np.full(self._number, np.nan)
        if self._energies and record in self._chosen:
            mean, *each = (energy(x) for energy in self._energies)
            above = np.array(each) - mean
        return np.concatenate([self._sro(x, self._lattice)[0], parameters(self._waves, x), above])


def follow(
    name: str,
    where: str,
    exchange: ReplicaExchange,
    x: NDArray[np.int8],
    marks: NDArray[np.int64],
    watched: Watched,
    rng: np.random.Generator,
    told: Report,
) -> ExchangeRun:
    """One chain of all temperatures.

    Args:
        name: of the task.
        where: what its progress begins with.
        exchange: runs it.
        x: (n_sites,) state at all temperatures, or (n_T, n_sites) of each.
        marks: sweeps after which it is looked at.
        watched: what is kept of its states.
        rng: source of randomness.
        told: called as told(name, fraction, text).
    """
    return exchange.run(
        x,
        record_sweeps=marks,
        observe=watched,
        progress=lambda task, share, text: told(name, share, f"{where}, {text}"),
        rng=rng,
    )


def reweighted(order: Floats, above_eV: Floats, temperature_K: float) -> MemberOrder:
    r"""Order of members from states of their mean.

    delta_m = sum_i w_i delta_i / sum_i w_i,  w_i = exp(-(E_m - E_0)(x_i) / kT);  effective states (sum w)^2 / sum w^2.
    The error is that of leaving out one block of states after the other (jackknife).

    Args:
        order: (chains, n, D) of the states of chains.
        above_eV: (chains, n, M) E_m - E_0, from any zero of each member.
        temperature_K: temperature.
    """
    chains, n, dim = order.shape
    number = above_eV.shape[2]
    values, exponent = order.reshape(-1, dim), -above_eV.reshape(-1, number) / (kB * temperature_K)
    weight = np.exp(exponent - exponent.max(axis=0, initial=-np.inf))
    of_block = (np.arange(chains)[:, None] * BLOCKS + np.arange(n) * BLOCKS // n).ravel()

    def shift(rows: NDArray[np.bool_]) -> Floats:
        w = weight[rows] / weight[rows].sum(axis=0)
        return np.asarray(w.T @ values[rows] - values[rows].mean(axis=0))

    left = np.array([shift(of_block != block) for block in np.unique(of_block)])
    return MemberOrder(
        shift=shift(np.ones(len(values), dtype=bool)),
        error=np.maximum(np.sqrt((len(left) - 1) * left.var(axis=0)), _still(values)),
        effective=float((weight.sum(axis=0) ** 2 / (weight**2).sum(axis=0)).min(initial=np.inf)),
    )


def run_again(
    lattice: Lattice,
    members: Sequence[BarrierModel],
    levels: Floats,
    runs: Sequence[ExchangeRun],
    sro: WarrenCowley,
    *,
    sweeps: int,
    workers: int | None,
    streams: Streams,
    progress: Report,
) -> tuple[Floats, Floats]:
    """Order (M, n_T, D) of the members by swaps of their own, and its standard errors.

    Each is one chain of all temperatures (`ReplicaExchange`), from the states that a chain of the mean model left.

    Args:
        lattice: the box.
        members: models with an energy.
        levels: (n_T,) temperatures, increasing.
        runs: of the mean model, whose first n_T temperatures are these.
        sro: measures all pairs.
        sweeps: of each member at each temperature.
        workers: members at once.
        streams: of the study.
        progress: called as progress("member 0", fraction, text) and so on.
    """
    tasks: list[Task[Any]] = []
    marks = np.arange(1, sweeps + 1)
    for k, member in enumerate(members):
        name, where, stream = f"member {k}", f"swaps of member {k + 1}", streams("swaps", "member", k)
        exchange, x = ReplicaExchange(lattice, member, levels), runs[k % len(runs)].x[: len(levels)]
        watched = Watched(lattice, sro, None, (member,), x[0], len(levels), sweeps)
        work = partial(follow, name, where, exchange, x, marks, watched, stream)
        tasks.append(Task(name, work, part=(ExchangeRun,)))
    found = run_tasks(tasks, progress=progress, workers=workers)
    averages = [[_average(level) for level in run.record] for run in found]
    mean, error = (np.array([[one[k] for one in row] for row in averages]) for k in range(2))
    return mean, error


def _average(order: Floats) -> tuple[Floats, Floats]:
    """Mean (D,) of a chain (n, D) and its error."""
    average = stationary_average(order[None], discard=WARM)
    return average.mean, np.maximum(average.error, _still(order[int(WARM * len(order)) :]))


def _still(values: Floats) -> Floats:
    """(D,) least error: order (n, D) that never changed may still do so once in as many states as were looked at."""
    return np.where(np.ptp(values, axis=0) < UNCHANGED, 1 / len(values), 0.0)
