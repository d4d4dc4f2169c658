"""How many vacancies an alloy holds during a programme."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from ase.units import kB

from asemacro.studies.furnace.cells import Cells, log_mean
from asemacro.typing import Floats

EVERYWHERE, NOWHERE = 0.0, math.inf
LONGEST_M = 1e3  # between sinks
MOST_KB = 20.0  # of a formation entropy; those of metals are 0 to 5
DILUTE = 0.01  # above it vacancies meet each other, and the rates are no longer proportional to their number
SMALL = 1e-3


class Population(NamedTuple):
    """Vacancies per site in cells of time.

    Attributes:
        start: (..., n) at their beginnings.
        end: (..., n) at their ends.
        mean: (..., n) averages over their durations.
    """

    start: Floats
    end: Floats
    mean: Floats


@dataclasses.dataclass(frozen=True)
class Vacancies:
    r"""Vacancies that sinks supply and take up.

    At equilibrium c_eq(T) = exp(S/k - E_f / kT) per site. Sinks (grain boundaries, surfaces) a distance L apart let the
    mean concentration follow

        dc/dt = (c_eq(T) - c) pi^2 D_V(T) / L^2,

    the slowest mode of diffusion in a spherical grain of radius L whose boundary is always at equilibrium (J. Crank,
    The Mathematics of Diffusion, 2nd ed., 1975, section 6.3); of other sinks of strength k^2, such as dislocations,
    L = pi / k. L = 0 is equilibrium at every moment, L = inf a constant number. A programme begins with the equilibrium
    of its first temperature.

    Attributes:
        formation_energy_eV: E_f; None if it is not known: the concentration is that of the simulations, always.
        formation_entropy_kB: S / k.
        sinks_m: L in metres.
        simulated: concentration in the simulations, per site.

    Raises:
        ValueError: one line on a number that makes no sense.
    """

    formation_energy_eV: float | None
    formation_entropy_kB: float
    sinks_m: float
    simulated: float

    def __post_init__(self) -> None:
        energy, entropy, sinks = self.formation_energy_eV, self.formation_entropy_kB, self.sinks_m
        if energy is None:
            if entropy or sinks != EVERYWHERE:
                raise ValueError("a formation entropy or sinks need the formation energy of a vacancy; give it in eV")
            return
        if not (math.isfinite(energy) and energy > 0):
            raise ValueError(f"the vacancy formation energy must be positive and finite, got {energy:g} eV")
        if not (math.isfinite(entropy) and abs(entropy) <= MOST_KB):
            raise ValueError(f"the vacancy formation entropy must lie within +-{MOST_KB:g} k, got {entropy:g}")
        if not (sinks == NOWHERE or 0 <= sinks <= LONGEST_M):
            raise ValueError(
                f"the distance of sinks must lie from 0 to {LONGEST_M:g} m or be infinite, got {sinks:g} m"
            )

    def shifted(self, energy_eV: float) -> Vacancies:
        """The same with a formation energy that is larger by energy_eV, or as it is where it is not known."""
        if self.formation_energy_eV is None:
            return self
        return dataclasses.replace(self, formation_energy_eV=self.formation_energy_eV + energy_eV)

    def equilibrium(self, temperature_K: Floats | float) -> Floats:
        """Vacancies per site at equilibrium; those of the simulations if no energy is known."""
        kelvin = np.asarray(temperature_K, dtype=float)
        if self.formation_energy_eV is None:
            return np.full(kelvin.shape, self.simulated)
        return np.exp(self.formation_entropy_kB - self.formation_energy_eV / (kB * kelvin))

    def check(self, highest_K: float) -> None:
        """Refuse a temperature at which every site would be vacant.

        Raises:
            ValueError: one line.
        """
        most = float(self.equilibrium(highest_K))
        if self.formation_energy_eV is not None and most >= 1:
            raise ValueError(
                f"at {highest_K:g} K {most:.3g} vacancies a site: the formation energy is too small or the entropy too "
                "large"
            )

    def follow(self, cells: Cells, diffusion_m2_per_s: Callable[[Floats], Floats]) -> Population:
        r"""The concentration over a programme, from equilibrium at its first temperature.

        In a cell the rate k = pi^2 D / L^2 is constant and c_eq linear in time, which is solved exactly: with K = k h,
        c(h) = e1 - (e1 - e0) f1 + (c0 - e0) exp(-K), f1 = (1 - exp(-K)) / K. It is right for any K, so that stiff
        stretches (K from 1e-300 to 1e300) need no shorter cells; its error is of second order in the change of c_eq
        over a cell, at most 2 %.

        Args:
            cells: of the programme.
            diffusion_m2_per_s: D_V at temperatures.
        """
        first, last = self.equilibrium(cells.from_K), self.equilibrium(cells.to_K)
        shape = cells.length_s.shape
        if self.formation_energy_eV is None or self.sinks_m == EVERYWHERE:
            return Population(*(np.broadcast_to(c, shape) for c in (first, last, log_mean(first, last))))
        if self.sinks_m == NOWHERE:
            return Population(*(np.full(shape, first[0]),) * 3)
        diffusion = log_mean(diffusion_m2_per_s(cells.from_K), diffusion_m2_per_s(cells.to_K))
        passed = (math.pi / self.sinks_m) ** 2 * diffusion * cells.length_s
        one, two = _phi(passed)
        decay, change = np.exp(-passed), last - first
        start, end = np.empty(shape), np.empty(shape)
        now: Floats = np.broadcast_to(first[0], shape[:-1])
        for k in range(shape[-1]):
            start[..., k] = now
            now = last[k] - change[k] * one[..., k] + (now - first[k]) * decay[..., k]
            end[..., k] = now
        return Population(start, end, 0.5 * (first + last) + (start - first) * one - change * two)


def _phi(x: Floats) -> tuple[Floats, Floats]:
    """(1 - exp(-x)) / x and (1 - that) / x, for x >= 0."""
    safe = np.maximum(x, SMALL)
    one = np.where(x < SMALL, 1 - x / 2 + x**2 / 6, -np.expm1(-safe) / safe)
    two = np.where(x < SMALL, 0.5 - x / 6 + x**2 / 24, (1 + np.expm1(-safe) / safe) / safe)
    return one, two


def sinks_of(words: str) -> float:
    """A distance of sinks in metres from "10um", "0.5 mm", "everywhere" or "none".

    Raises:
        ValueError: one line.
    """
    if words.strip() in ("everywhere", "none"):
        return EVERYWHERE if words.strip() == "everywhere" else NOWHERE
    for unit, metres in (("nm", 1e-9), ("um", 1e-6), ("µm", 1e-6), ("mm", 1e-3), ("m", 1.0)):
        if words.strip().endswith(unit):
            try:
                value = float(words.strip().removesuffix(unit))
            except ValueError:
                break
            if math.isfinite(value) and 0 < value * metres <= LONGEST_M:
                return value * metres
            break
    raise ValueError(f"--sinks {words}: give a length as in 10um or 0.5mm (nm, um, mm, m), 'everywhere' or 'none'")
