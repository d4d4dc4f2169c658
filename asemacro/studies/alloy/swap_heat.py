"""Energy, heat capacity and long-range order from two chains of swap Monte Carlo in one box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from asemacro.micro.alloy.state_energy import StateEnergy
from asemacro.observables.sublattice_order import SublatticeOrder
from asemacro.statistics.averages import stationary_average
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

DISCARD = 0.5  # of each chain
UNCHANGED = 1e-9
ABOVE_NOISE = 2.0  # times the square of the order parameter of random alloys


class TwoStarts(NamedTuple):
    """What two chains of one box, (2, n, D), say of the same means.

    Attributes:
        mean: (D,) of both.
        error: (D,) one standard error, at least half of what they differ by.
        gap: (D,) what they differ by.
        noise: (D,) standard error of the gap.
    """

    mean: Floats
    error: Floats
    gap: Floats
    noise: Floats

    @classmethod
    def of(cls, series: Floats) -> TwoStarts:
        """Means of the second halves."""
        one, two = (stationary_average(chain[None], discard=DISCARD) for chain in series)
        noise, gap = np.hypot(one.error, two.error), np.abs(one.mean - two.mean)
        both = series[:, series.shape[1] // 2 :]
        # what never changed may still do so once in as many states as were looked at
        still = np.where(np.ptp(both, axis=(0, 1)) < UNCHANGED, 1 / (both.shape[0] * both.shape[1]), 0.0)
        return cls((one.mean + two.mean) / 2, np.maximum(np.maximum(noise, gap) / 2, still), gap, noise)


class Heat(NamedTuple):
    """Energy and heat capacity at one temperature; errors are one standard error, nan is not known.

    Attributes:
        energy_eV: per atom above the random alloy, with `energy_error_eV`.
        heat_capacity_kB: per atom in units of the Boltzmann constant, configurational alone.
    """

    energy_eV: float = np.nan
    energy_error_eV: float = np.nan
    heat_capacity_kB: float = np.nan
    heat_capacity_error_kB: float = np.nan

    @classmethod
    def of(cls, energy_eV: Floats, temperature_K: float, atoms: int, zero_error_eV: float = 0.0) -> Heat:
        r"""C = (<E^2> - <E>^2) / (k_B T^2) from the energies (2, n) of a box above that of random alloys."""
        mean = TwoStarts.of(energy_eV[..., None] / atoms)
        spread, spread_error = variance(energy_eV[..., None])
        unit = atoms * (kB * temperature_K) ** 2
        return cls(
            float(mean.mean[0]),
            float(np.hypot(mean.error[0], zero_error_eV / atoms)),
            float(spread[0] / unit),
            float(spread_error[0] / unit),
        )


NO_HEAT = Heat()


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


def waves_of(box: Lattice, counts: Mapping[str, int]) -> SublatticeOrder | None:
    """Measures the long-range order of a box; None if it is not an even number of conventional cells."""
    try:
        return SublatticeOrder(box, [counts[symbol] for symbol in ("X", *box.species)])
    except ValueError:
        return None


class RandomAlloys(NamedTuple):
    """Random alloys of a box, to measure energy and order from.

    Attributes:
        energy_eV: mean energy above a state.
        energy_error_eV: its standard error.
        mean: (L,) of what was looked at.
        sd: (L,) its standard deviation.
    """

    energy_eV: float
    energy_error_eV: float
    mean: Floats
    sd: Floats

    @classmethod
    def of(
        cls, box: Lattice, counts: Mapping[str, int], number: int, above: StateEnergy,
        look: Callable[[NDArray[np.int8]], Floats], rng: np.random.Generator,
    ) -> RandomAlloys:  # fmt: skip
        """From so many of them; `look` gives (L,) of a state (1, n_sites)."""
        seen, energies = [], []
        for _ in range(number):
            x = box.random_state(counts, rng=rng)
            seen.append(look(x))
            energies.append(above(x))
        error = float(np.std(energies, ddof=1) / np.sqrt(number))
        return cls(float(np.mean(energies)), error, np.mean(seen, axis=0), np.std(seen, axis=0, ddof=1))


def parameters(waves: SublatticeOrder | None, x: NDArray[np.int8]) -> Floats:
    """(n_stars,) order parameters of a state."""
    return np.empty(0) if waves is None else waves(x)[: len(waves.stars)]


class LongRange(NamedTuple):
    """The star of most long-range order at one temperature.

    Attributes:
        star: number of the star among those of `waves_of` the box; -1 if no order is above that of random alloys.
        order_parameter: mean of both chains.
        order_parameter_error: at least half of what they differ by.
        from_random: mean of the chain from the random start.
        from_ordered: of that from the ordered one.
    """

    star: int = -1
    order_parameter: float = np.nan
    order_parameter_error: float = np.nan
    from_random: float = np.nan
    from_ordered: float = np.nan

    @classmethod
    def of(cls, seen: Floats, random: Floats) -> LongRange:
        """From order parameters (2, n, n_stars) and their means in random alloys (n_stars,)."""
        if not len(random):
            return cls()  # no waves were looked at
        found = TwoStarts.of(seen)
        late = seen[:, seen.shape[1] // 2 :].mean(axis=1)
        excess = (late**2).max(axis=0) - ABOVE_NOISE * random**2
        s = int(np.argmax(excess))
        if excess[s] <= 0:
            return cls()
        return cls(s, float(found.mean[s]), float(found.error[s]), float(late[0, s]), float(late[1, s]))

    def text(self, waves: SublatticeOrder | None) -> str:
        """The order in words; empty without any."""
        if self.star < 0 or waves is None:
            return ""
        star, structures = waves.stars[self.star], waves.structures[self.star]
        name = f"{structures} (star {star})" if structures else f"star {star}"
        return (
            f"long-range order as of {name}: order parameter {self.from_random:.2f} from the random start, "
            f"{self.from_ordered:.2f} from the ordered one (1 is complete)"
        )


NO_ORDER = LongRange()
