"""The tables of a diffusion study."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import _e, kB

from asemacro.files.store import without_nan
from asemacro.studies.transport.arrhenius import Arrhenius, arrhenius_fit
from asemacro.studies.transport.coefficients import AtTemperature

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice
    from asemacro.studies.alloy.anneal import Anneal

COLUMNS = (
    *("temperature_K", "what", "species", "component", "value", "err", "unit"),
    *("per_vacancy", "per_vacancy_err", "thermal", "thermal_err", "lag_s", "linear"),
)
ONSAGER_COLUMNS = (
    *("temperature_K", "i", "j", "component", "kT_Omega_L_m2_s", "err"),
    *("L_per_J_m_s", "L_err", "thermal_kT_Omega_L_m2_s", "thermal_err", "reciprocity_z", "lag_s", "linear"),
)
ARRHENIUS_COLUMNS = (
    *("species", "component", "vacancies", "D0_m2_s", "D0_factor", "Q_eV", "Q_err_eV", "chi2_per_degree"),
)
VACANCY = "X"


@dataclasses.dataclass(frozen=True)
class Tables:
    """Diffusion coefficients over temperature.

    Attributes:
        box: lattice of the runs.
        at: what is known of each temperature, ascending.
        thermal: how coefficients are carried over to thermal vacancies.
        barriers: name of the model.
    """

    box: Lattice
    at: tuple[AtTemperature, ...]
    thermal: Anneal
    barriers: str

    @property
    def species(self) -> tuple[str, ...]:
        """Of the tables: X for the vacancy, then the elements."""
        return (VACANCY, *self.box.species)

    @property
    def scaled(self) -> bool:
        """Whether there are values for thermal vacancies."""
        return self.thermal.formation_energy_eV is not None

    def scale(self, at: AtTemperature, kind: int) -> float:
        """What a coefficient of the runs is multiplied with for thermal vacancies; those of the vacancy stay."""
        return 1.0 if kind == 0 else 1 / self.thermal.thermal(at.temperature_K)

    def rows(self) -> Iterator[list[Any]]:
        """Of diffusion.csv."""
        for at in self.at:
            tables = (("D", at.tracer, "m2/s"), ("f", at.factor, ""))
            for what, measured, unit in tables:
                for kind, name in enumerate(self.species):
                    for c, component in enumerate(at.components):
                        value, error = measured.value[kind, c], measured.error[kind, c]
                        beyond = self._beyond(at, kind, value, error) if unit else [None] * 4
                        lag = [at.lag_s[kind], at.linear[kind]]
                        yield [at.temperature_K, what, name, component, value, error, unit, *beyond, *lag]
            for kind, name in enumerate(self.species):
                value, error = at.jump_rate.value[kind], at.jump_rate.error[kind]
                beyond = self._beyond(at, kind, value, error)
                yield [at.temperature_K, "jump_rate", name, "", value, error, "Hz", *beyond, None, None]

    def _beyond(self, at: AtTemperature, kind: int, value: float, error: float) -> list[Any]:
        """Value and error over the vacancy concentration, and for thermal vacancies."""
        over = 1.0 if kind == 0 else at.concentration
        scale = self.scale(at, kind)
        return [value / over, error / over, *((value * scale, error * scale) if self.scaled else (None, None))]

    def onsager_rows(self) -> Iterator[list[Any]]:
        """Of onsager.csv: the upper triangle, as L_ij = L_ji for each component."""
        volume = abs(np.linalg.det(self.box.cell)) / self.box.n_basis * 1e-30
        for at in self.at:
            si = 1 / (volume * kB * _e * at.temperature_K)
            scale = self.scale(at, 1)
            for i, one in enumerate(self.species):
                for j, other in list(enumerate(self.species))[i:]:
                    for c, component in enumerate(at.components):
                        value, error = at.onsager.value[i, j, c], at.onsager.error[i, j, c]
                        thermal = [value * scale, error * scale] if self.scaled else [None, None]
                        yield [
                            *(at.temperature_K, one, other, component, value, error, value * si, error * si),
                            *(*thermal, at.asymmetry[i, j], at.lag_s[-1], at.linear[-1]),
                        ]

    def arrhenius(self, kind: int, component: int = 0, *, thermal: bool = False) -> Arrhenius | None:
        """Fit of D of a species (0 the vacancy), of the runs or for thermal vacancies; None of one temperature."""
        scale = np.array([self.scale(at, kind) if thermal else 1.0 for at in self.at])
        values = scale * [at.tracer.value[kind, component] for at in self.at]
        errors = scale * [at.tracer.error[kind, component] for at in self.at]
        return arrhenius_fit([at.temperature_K for at in self.at], values, errors)

    def arrhenius_rows(self) -> Iterator[list[Any]]:
        """Of arrhenius.csv."""
        for kind, name in enumerate(self.species):
            for c, component in enumerate(self.at[0].components):
                for thermal in (False, True) if self.scaled and kind else (False,):
                    fit = self.arrhenius(kind, c, thermal=thermal)
                    if fit is not None:
                        which = "thermal" if thermal else "KMC"
                        yield [name, component, which, *without_nan(dataclasses.asdict(fit)).values()]
