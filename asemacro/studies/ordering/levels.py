"""What the samples of a box say at each temperature: means, fluctuations, errors, and if they are an equilibrium."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.studies.alloy.swap_heat import Heat, TwoStarts, variance
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.studies.ordering.chains import Sampled
from asemacro.typing import Floats


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
    dim = delta.shape[-1]
    heat = Heat.of(energy, kelvin, atoms, sampled.random.energy_error_eV)
    spread, spread_error = variance(waves[..., :stars])
    sites = sampled.box.lattice.n_sites
    return Level(
        temperature_K=kelvin,
        sites=sites,
        delta=judged.delta[:dim],
        delta_error=judged.error[:dim],
        **heat._asdict(),
        order=judged.delta[dim:],
        order_error=judged.error[dim:],
        fluctuation=sites * spread,
        fluctuation_error=sites * spread_error,
        pairs=TwoStarts.of(waves[..., stars:]).mean.reshape(stars, -1),
        why=judged.why,
    )


def _size(sampled: Sampled) -> Floats:
    """(D + n_stars,) what two starts may differ by grows with the neighbours of a shell: 1 for those of the first."""
    neighbours = sampled.sro.neighbours(sampled.box.lattice)
    each = np.repeat(neighbours / neighbours[0], len(sampled.sro.pairs))
    return np.append(each, np.ones(len(sampled.sublattices.stars)))
