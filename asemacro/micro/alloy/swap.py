"""Canonical swap Monte Carlo: the equilibrium of a lattice energy, where kinetics cannot reach it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase.units import kB
from numba import njit
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import count_of, generator_of, temperature_of
from asemacro.arguments.door import BARRIERS, CRYSTAL, array, checked, function, report
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import GNN_ENERGY, CompiledEnergy
from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.energy import N_COLUMNS, WIDTH
from asemacro.barriers.gnn.swap import fill_features, swap_change
from asemacro.lattice.states import state_of
from asemacro.micro.alloy.steps import SweepSteps
from asemacro.micro.steps import Driven, one_state
from asemacro.tasks.patience import Patience, next_size
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice


class Features(NamedTuple):
    """What a chain keeps beside its state; empty for pair energies.

    Attributes:
        z: (n_sites, width) features of the sites, see `gnn_swap`.
        touched: sites whose features a swap changes, scratch.
        dz: (len(touched), width) the changes, scratch.
        reach: largest cell offset of a message shell.
        work: scratch of `swap_energy`.
    """

    z: NDArray[np.float64]
    touched: NDArray[np.int64]
    dz: NDArray[np.float64]
    reach: int
    work: NDArray[np.float32]


def new_features(energy: CompiledEnergy, shape: NDArray[np.int64], x: NDArray[np.int8]) -> Features:
    """Features of a state."""
    network = energy.kind == GNN_ENERGY
    width = int(energy.integers[WIDTH]) if network else 0
    n_message = int(energy.integers[N_COLUMNS]) if network else 0
    z = np.zeros((len(x) if network else 0, width))
    if network:
        fill_features(energy, shape, x, z)
    return Features(
        z=z,
        touched=np.zeros(2 + 2 * n_message, dtype=np.int64),
        dz=np.zeros((2 + 2 * n_message, width)),
        reach=int(np.abs(energy.offsets[:, :n_message, :3]).max(initial=0)),
        work=np.zeros(energy.workspace, dtype=np.float32),
    )


@njit(cache=True, nogil=True)
def swap_on(
    energy: CompiledEnergy,
    shape: NDArray,
    x: NDArray,
    features: Features,
    beta: float,
    attempts: int,
    sums: NDArray,
    rng: np.random.Generator,
) -> None:
    """Attempt to swap random unlike pairs; x and `sums` = [accepted, energy change, uphill part of it] are edited.

    The first site is uniform, the second uniform among the sites of other species. A pair (a, b) is proposed with
    probability 1/n (1/(n - n_A) + 1/(n - n_B)), the same before and after the swap, so min(1, exp(-beta dE)) gives
    the Boltzmann law.
    """
    n = x.shape[0]
    z, touched, dz = features.z, features.touched, features.dz
    for _ in range(attempts):
        a = np.int64(rng.random() * n)
        b = np.int64(rng.random() * n)
        while x[b] == x[a]:
            b = np.int64(rng.random() * n)
        n_touched = 0
        if energy.kind == GNN_ENERGY:
            change, n_touched = swap_change(energy, shape, x, z, features.reach, a, b, touched, dz)
        else:
            change = swap_energy(energy, shape, x, a, b, features.work)
        if change <= 0.0 or rng.random() < np.exp(-beta * change):
            x[a], x[b] = x[b], x[a]
            for i in range(n_touched):
                for c in range(z.shape[1]):
                    z[touched[i], c] += dz[i, c]
            sums[0] += 1.0
            sums[1] += change
            sums[2] += max(change, 0.0)


@dataclasses.dataclass(frozen=True)
class SwapRun:
    """Result of `SwapMC.run`.

    Attributes:
        x: (n_sites,) final state.
        record: (n_records, ...) the states, or what `observe` made of them.
        record_sweeps: (n_records,) sweeps before each record.
        acceptance: fraction of the attempts accepted.
        energy_change_eV: energy of the final state above that of the first.
        turnover: energy of the accepted uphill swaps, in kT a site and sweep. Unlike `acceptance` it does not count
            swaps that cost nothing: 0 where the order is frozen.
    """

    x: NDArray[np.int8]
    record: NDArray[Any]
    record_sweeps: NDArray[np.int64]
    acceptance: float
    energy_change_eV: float
    turnover: float


class SwapMC(Driven):
    """Metropolis swaps of unlike sites anywhere in the lattice, vacancies among the species.

    Samples exp(-E / kT) at fixed composition. One sweep is n_sites attempts.

    Args:
        lattice: where the alloy lives.
        model: a barrier model that has an energy.
        temperature_K: temperature, 1 to 100,000 K.

    Raises:
        ValueError: a model without an energy or not made for the lattice, or a temperature out of range.
    """

    @checked(lattice=CRYSTAL, model=BARRIERS)
    def __init__(self, lattice: Lattice, model: BarrierModel, temperature_K: float) -> None:
        self._lattice = lattice
        self._temperature_K = temperature_of(temperature_K)
        self._energy = model.compile_energy(lattice)
        self._shape = np.array(lattice.shape, dtype=np.int64)

    @property
    def lattice(self) -> Lattice:  # type: ignore[override]
        """Where the alloy lives."""
        return self._lattice

    @property
    def temperature_K(self) -> float:
        """Temperature in K."""
        return self._temperature_K

    def steps(self, x: NDArray[np.int8], step: float | None, *, rng: np.random.Generator) -> SweepSteps:
        """A state that a `Driver` moves, sweep by sweep; see `Driven.steps`."""
        if step is not None:
            raise ValueError("SwapMC has no time, its steps are sweeps: leave step out")
        return SweepSteps(self.run, state_of(self._lattice, one_state(x, self._lattice.n_sites))[0], rng)

    @checked(record_sweeps=array(), observe=function, progress=report, rng=generator_of)
    @one_thread()
    def run(
        self,
        x: NDArray[np.int8],
        sweeps: int | None = None,
        *,
        record_sweeps: ArrayLike | None = None,
        observe: Callable[[NDArray[np.int8]], Any] | None = None,
        progress: Report | None = None,
        rng: np.random.Generator,
    ) -> SwapRun:
        """One Markov chain.

        Args:
            x: (n_sites,) or (1, n_sites) state, not edited.
            sweeps: length; default the last of `record_sweeps`.
            record_sweeps: numbers of sweeps to record after, ascending.
            observe: what to keep of a state (1, n_sites) at a record point; default the state itself.
            progress: called as progress("swaps", fraction, text), several times a second.
            rng: source of randomness.

        Raises:
            ValueError: no length given, a negative one, or a state that does not fit or has one species only.
        """
        state = state_of(self._lattice, x).copy()
        if state.min() == state.max():
            raise ValueError("no unlike pairs to swap: all sites hold the same species")
        points = np.atleast_1d(np.asarray([] if record_sweeps is None else record_sweeps))
        if points.ndim != 1 or np.any(np.diff(points) < 0):
            raise ValueError("record points must ascend")
        if sweeps is None and not len(points):
            raise ValueError("a run needs a length: sweeps")
        end = count_of(points[-1] if sweeps is None else sweeps, "sweeps")
        points = np.array([count_of(p, "sweeps") for p in points if p <= end], dtype=np.int64)
        features = new_features(self._energy, self._shape, state[0])
        sums = np.zeros(3)
        keep = (lambda s: s[0].copy()) if observe is None else observe
        record: list[Any] = []
        at, block = 0, 1
        patience = Patience(f"{end} sweeps of {self._lattice.n_sites} sites")
        for point in (*points, end):
            while at < point:
                size = int(min(block, point - at))
                block = self._sweep(state[0], size, features, sums, rng)
                at += size
                patience.done(at / end)
                if progress is not None:
                    progress("swaps", at / end, f"{at} of {end} sweeps")
            if len(record) < len(points):
                record.append(keep(state))
        attempts = max(end * self._lattice.n_sites, 1)
        turnover = float(sums[2] / (kB * self._temperature_K) / attempts)
        return SwapRun(state[0], np.array(record), points, float(sums[0] / attempts), float(sums[1]), turnover)

    def _sweep(
        self,
        x: NDArray[np.int8],
        sweeps: int,
        features: Features,
        sums: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> int:
        """Do some sweeps; return how many would take about PATIENCE_S."""
        started = time.perf_counter()
        beta = 1 / (kB * self._temperature_K)
        swap_on(self._energy, self._shape, x, features, beta, sweeps * len(x), sums, rng)
        return next_size(sweeps, time.perf_counter() - started)
