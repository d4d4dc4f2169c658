"""What a furnace programme gives: order over furnace time, clocks, and what each stage amounts to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.furnace.cooling import Cooling
from asemacro.studies.furnace.schedule import Schedule
from asemacro.studies.furnace.vacancies import Vacancies
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class StageSummary:
    """What one stage of a programme amounts to.

    Attributes:
        stage: the stage, in words.
        furnace_s: its duration.
        kmc_s: the time in the simulations in which the order goes as far.
        hops_per_vacancy: that each vacancy of the simulations makes in that time.
        furnace_s_per_kmc_s: ratio of the two durations.
        vacancies: per site at its end.
    """

    stage: str
    furnace_s: float
    kmc_s: float
    hops_per_vacancy: float
    furnace_s_per_kmc_s: float
    vacancies: float


@dataclasses.dataclass(frozen=True)
class AnnealRow:
    """One row of anneal.csv; the fields are its columns.

    Attributes:
        time_s: furnace time since the beginning.
        temperature_K: temperature.
        stage: number of the stage that ends there or goes on, from 1.
        vacancies_per_site: concentration.
        kmc_time_s: time in the simulations that the programme amounts to so far.
        hops_per_vacancy: of each vacancy of the simulations in that time.
        pair: like "Mo-Ta", the lower atomic number first; delta refers to the first.
        shell: 1 for nearest neighbours.
        delta: p_ij - Z c_j, mean over specimens.
        delta_err: one standard error of it, of sampling, fit and extrapolation.
        delta_sd: standard deviation between specimens of the predicted size.
        alpha: Warren-Cowley parameter 1 - p_ij / (Z c_j).
        alpha_err: its standard error.
        extrapolated: whether what was not simulated has moved the order.
        outside_learned_range: whether the temperature lies outside of the simulated ones.
    """

    time_s: float
    temperature_K: float
    stage: int
    vacancies_per_site: float
    kmc_time_s: float
    hops_per_vacancy: float
    pair: str
    shell: int
    delta: float
    delta_err: float
    delta_sd: float
    alpha: float
    alpha_err: float
    extrapolated: bool
    outside_learned_range: bool


@dataclasses.dataclass(frozen=True)
class AnnealedOrder:
    """Short-range order over a furnace programme, from the random alloy.

    Attributes:
        schedule: the programme.
        vacancies: how many there are.
        labels: (n_pairs,) names of all pairs.
        random: (n_pairs,) Z c_j.
        times_s: (n,) furnace time, from 0.
        temperatures_K: (n,) after a quench that after it.
        stage: (n,) numbers of the stages, from 0.
        vacancies_per_site: (n,).
        kmc_time_s: (n,) time in the simulations so far.
        hops_per_vacancy: (n,) of the vacancies of the simulations, so far.
        delta: (n, n_pairs) mean order.
        delta_err: (n, n_pairs) one standard error.
        delta_sd: (n, n_pairs) standard deviation between specimens of the predicted size.
        extrapolated: (n,) whether what was not simulated has moved the order.
        outside: (n,) whether the temperature lies outside of the simulated ones.
        stages: what each stage amounts to.
        by_energy: delta at the end, (n_pairs,), by the change of the formation energy in eV; empty without one.
        cooling: how slowly the alloy must cool to stay at equilibrium; None for a programme that never cools.
        about: what was learned and how, for captions and run.json.
    """

    schedule: Schedule
    vacancies: Vacancies
    labels: tuple[str, ...]
    random: Floats
    times_s: Floats
    temperatures_K: Floats
    stage: NDArray[np.intp]
    vacancies_per_site: Floats
    kmc_time_s: Floats
    hops_per_vacancy: Floats
    delta: Floats
    delta_err: Floats
    delta_sd: Floats
    extrapolated: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    stages: list[StageSummary]
    by_energy: dict[float, Floats]
    cooling: Cooling | None
    about: dict[str, Any]

    @property
    def alpha(self) -> Floats:
        """(n, n_pairs) Warren-Cowley parameters."""
        return -self.delta / self.random

    @property
    def alpha_err(self) -> Floats:
        """(n, n_pairs) their standard errors."""
        return self.delta_err / self.random

    def rows(self) -> Iterator[AnnealRow]:
        """Rows of anneal.csv: all pairs at each time."""
        alpha, alpha_err = self.alpha, self.alpha_err
        for k, time in enumerate(self.times_s):
            for j, pair in enumerate(self.labels):
                yield AnnealRow(
                    float(time), float(self.temperatures_K[k]), int(self.stage[k]) + 1,
                    float(self.vacancies_per_site[k]), float(self.kmc_time_s[k]), float(self.hops_per_vacancy[k]),
                    pair, 1, float(self.delta[k, j]), float(self.delta_err[k, j]), float(self.delta_sd[k, j]),
                    float(alpha[k, j]), float(alpha_err[k, j]), bool(self.extrapolated[k]), bool(self.outside[k]),
                )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """For run.json."""
        cooling = self.cooling
        return {
            **self.about,
            "stages": [dataclasses.asdict(stage) for stage in self.stages],
            "delta": dict(zip(self.labels, self.delta[-1].tolist(), strict=True)),
            "delta_err": dict(zip(self.labels, self.delta_err[-1].tolist(), strict=True)),
            "delta_sd": dict(zip(self.labels, self.delta_sd[-1].tolist(), strict=True)),
            "extrapolated": bool(self.extrapolated[-1]),
            "delta_by_formation_energy_eV": {
                f"{shift:+g}": dict(zip(self.labels, delta.tolist(), strict=True))
                for shift, delta in self.by_energy.items()
            },
            "cooling_from_K": None if cooling is None else cooling.from_K,
        }
