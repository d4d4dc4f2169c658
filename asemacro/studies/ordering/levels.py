"""What the samples of a box say at each temperature: means, fluctuations, errors, and if they are an equilibrium."""

from __future__ import annotations

import dataclasses

import numpy as np
from ase.units import kB

from asemacro.statistics.averages import stationary_average
from asemacro.studies.alloy.member_swaps import UNCHANGED
from asemacro.studies.alloy.swap_equilibrium import SwapOrder
from asemacro.studies.ordering.chains import Sampled
from asemacro.typing import Floats

DISCARD = 0.5  # of each chain, as `SwapOrder.of` leaves out


@dataclasses.dataclass(frozen=True)
class Level:
    """One box at one temperature; errors are one standard error.

    Attributes:
        temperature_K: temperature.
        sites: of the box.
        delta: (D,) order of all pairs and shells, with `delta_error`.
        energy_eV: per atom above the random alloy, with `energy_error_eV`.
        heat_capacity_kB: per atom in units of the Boltzmann constant, configurational alone.
        order: (n_stars,) mean order parameters, with `order_error`.
        fluctuation: (n_stars,) N (<eta^2> - <eta>^2) of the order parameter eta in N sites.
        pairs: (n_stars, n_pairs) orders of pairs.
        why: why this is no equilibrium; empty if it is one.
    """

    temperature_K: float
    sites: int
    delta: Floats
    delta_error: Floats
    energy_eV: float
    energy_error_eV: float
    heat_capacity_kB: float
    heat_capacity_error_kB: float
    order: Floats
    order_error: Floats
    fluctuation: Floats
    fluctuation_error: Floats
    pairs: Floats
    why: str

    @property
    def equilibrated(self) -> bool:
        """Whether both starts came to the same order, it stands, and the states were renewed."""
        return not self.why


def levels_of(sampled: Sampled) -> list[Level]:
    """All temperatures of a box, those that were added between the ones that were asked for too."""
    return [_level(sampled, k) for k in range(len(sampled.levels_K))]


def _level(sampled: Sampled, k: int) -> Level:
    kelvin, stars, atoms = float(sampled.levels_K[k]), len(sampled.sublattices.stars), sampled.box.atoms
    delta, waves, energy = sampled.delta[k], sampled.waves[k], sampled.energy_eV[k]
    of_order, moved = np.concatenate([delta, waves[..., :stars]], axis=-1), (sampled.turnover[k], sampled.arrivals[k])
    judged = SwapOrder.of(of_order / _size(sampled), *moved)
    judged = dataclasses.replace(judged, delta=judged.delta * _size(sampled), error=judged.error * _size(sampled))
    other = SwapOrder.of(np.concatenate([energy[..., None] / atoms, waves[..., stars:]], axis=-1), *moved)
    dim = delta.shape[-1]
    heat, heat_error = variance(energy[..., None])
    spread, spread_error = variance(waves[..., :stars])
    unit, sites = atoms * (kB * kelvin) ** 2, sampled.box.lattice.n_sites
    return Level(
        temperature_K=kelvin,
        sites=sites,
        delta=judged.delta[:dim],
        delta_error=judged.error[:dim],
        energy_eV=float(other.delta[0]),
        energy_error_eV=float(np.hypot(other.error[0], sampled.random.energy_error_eV / atoms)),
        heat_capacity_kB=float(heat[0] / unit),
        heat_capacity_error_kB=float(heat_error[0] / unit),
        order=judged.delta[dim:],
        order_error=judged.error[dim:],
        fluctuation=sites * spread,
        fluctuation_error=sites * spread_error,
        pairs=other.delta[1:].reshape(stars, -1),
        why=judged.why,
    )


def _size(sampled: Sampled) -> Floats:
    """(D + n_stars,) what two starts may differ by grows with the neighbours of a shell: 1 for those of the first."""
    neighbours = sampled.sro.neighbours(sampled.box.lattice)
    each = np.repeat(neighbours / neighbours[0], len(sampled.sro.pairs))
    return np.append(each, np.ones(len(sampled.sublattices.stars)))


def variance(series: Floats) -> tuple[Floats, Floats]:
    """Variances (d,) of two stationary chains (2, m, d) about their common mean, and standard errors.

    The mean of the squares of what is left after the mean, whose error knows their autocorrelation; divided by
    1 - 1/n for n independent values, since the mean itself was taken from them. The error of what never changed is nan.
    """
    kept = series[:, int(np.ceil(DISCARD * series.shape[1])) :]
    mean = stationary_average(kept, discard=0.0)
    squares = stationary_average((kept - mean.mean) ** 2, discard=0.0)
    rest = 1 - 1 / np.maximum(mean.effective_samples, 2.0)
    moved = mean.sd > UNCHANGED * np.maximum(np.abs(mean.mean), 1e-30)
    return squares.mean / rest, np.where(moved, squares.error / rest, np.nan)
