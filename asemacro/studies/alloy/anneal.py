"""The anneal that a diagram shows, and the clock that it is told in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ase.units import kB

from asemacro.plot.written_numbers import written
from asemacro.studies.alloy.record import Record

HOPS = 2e7
LARGEST_EXPONENT = 500.0  # of a thermal vacancy concentration; times beyond exp(500) s are of no use, and overflow


@dataclasses.dataclass(frozen=True)
class Anneal:
    """An anneal from random, of a number of hops per vacancy or of a time.

    Attributes:
        hops: per vacancy; None for HOPS. They become a time by the mean time that the runs from random took.
        time_s: its duration instead, in the clock of thermal vacancies.
        formation_energy_eV: E_f of a vacancy: times are those of thermal vacancies; None for those of the runs.
        concentration: of vacancies in the runs, per site.

    Raises:
        ValueError: both a number of hops and a time, or numbers that make no sense.
    """

    hops: float | None
    time_s: float | None
    formation_energy_eV: float | None
    concentration: float

    def __post_init__(self) -> None:
        if self.hops is not None and self.time_s is not None:
            raise ValueError("give the anneal in hops or in seconds, not both")
        for name, value in (("anneal", self.hops), ("anneal time", self.time_s)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"the {name} must be positive and finite, got {value:g}")
        energy = self.formation_energy_eV
        if energy is not None and not (math.isfinite(energy) and energy > 0):
            raise ValueError(f"the vacancy formation energy must be positive and finite, got {energy:g} eV")

    def check(self, temperatures_K: Sequence[float]) -> None:
        """Refuse temperatures at which no sample has a thermal vacancy.

        Raises:
            ValueError: one line with the lowest temperature that is not refused.
        """
        energy = self.formation_energy_eV
        for kelvin in temperatures_K:
            if energy is not None and energy / (kB * kelvin) > LARGEST_EXPONENT:
                raise ValueError(
                    f"a vacancy formation energy of {energy:g} eV at {kelvin:g} K: exp(-{energy / (kB * kelvin):.0f}), "
                    f"no sample has a thermal vacancy; give temperatures of at least "
                    f"{math.ceil(energy / (kB * LARGEST_EXPONENT))} K, or leave the energy out"
                )

    def thermal(self, temperature_K: float) -> float:
        """Thermal time over KMC time: the vacancy concentration of the runs over exp(-E_f / kT)."""
        if self.formation_energy_eV is None:
            return 1.0
        return self.concentration * math.exp(self.formation_energy_eV / (kB * temperature_K))

    def duration_s(self, runs: Record) -> float:
        """Of the anneal in the clock of runs."""
        if self.time_s is not None:
            return self.time_s / self.thermal(runs.temperature_K)
        return runs.time_of_hops(self.hops or HOPS)

    @property
    def text(self) -> str:
        """For captions."""
        return f"{written(self.hops or HOPS)} hops per vacancy" if self.time_s is None else f"{written(self.time_s)} s"
