"""Figure 3b: error of the learned Ising transient and equilibrium over the size of the small systems.

64 x 64, T = 2.5, h = .1, mean over five starts, against direct runs. Learned from mosaics of systems of n_s spins with
exact infinitesimal moments of all spins: for (M, rho_DW) and with learned closure variables; beside it the published
scheme (pairs one sweep long of patches closed into boxes, noise factor K) and the published baseline.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from asemacro.closure.fit import ClosureOptions, fit_closure
from asemacro.data import Moments
from asemacro.observables.base import Observable
from asemacro.observables.joined import Observables
from asemacro.studies.paper.drawing import draw_errors
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.studies.paper.scheme import scheme_rows
from asemacro.studies.paper.spin_models import Data, Effort, all_rates, law_of_sweeps, make_data, one_sweep
from asemacro.studies.paper.spin_transients import (
    ERROR_COLUMNS,
    QUANTITIES,
    SIZES,
    Errors,
    Law,
    Setting,
    direct_law,
    error_lines,
    error_rows,
    errors_of,
    fit_labels,
    ising,
    predict,
    window_error,
)
from asemacro.typing import Report

PUBLISHED = {4096: 4.05e-4, 1024: 7.85e-4, 256: 1.06e-3, 64: 4.38e-3}  # over all times
PUBLISHED_BASELINE = {4096: 4.08e-4, 1024: 1.01e-3, 256: 2.53e-3, 64: 1.26e-2}
TARGETS = {4096: 4.05e-4, 1024: 7.85e-4, 256: 5.3e-4, 64: 2.2e-3}
MEAN_TARGET, SD_TARGET = 0.015, 0.10  # relative, in equilibrium
SETTLED = (3, 4)  # starts that are in equilibrium after the time
SETTLED_AFTER = 60.0
MAIN = "M,rho_DW,closure_1"  # the model of rows without another name; the paper's has two closure variables
PUBLISHED_WINDOW = 2500.0  # 500 sweeps, in units of time
SHOWN = 256  # the size for which all variables and all schemes are compared


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of the figure.

    Attributes:
        effort: of the models; `draws` counts the pairs of each snapshot in the published scheme.
        direct_runs: of the large system from each start.
        trajectories: of each SDE and start.
        other_trajectories: the same for the published scheme and the table of schemes.
        closure_snapshots: that the closure variables are learned from.
        closure_steps: of their fit.
    """

    effort: Effort
    direct_runs: int
    trajectories: int
    other_trajectories: int
    closure_snapshots: int
    closure_steps: int


FULL = Budget(Effort(80, 6, 3), 1500, 1500, 600, closure_snapshots=1500, closure_steps=100)
QUICK = Budget(Effort(24, 2, 2), 100, 100, 60, closure_snapshots=400, closure_steps=20)


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn all models and compare them with direct runs."""
    setting = ising()
    truth = direct_law(setting, budget.direct_runs, rng=rng, progress=progress)
    rows: list[Row] = []
    lines: list[list[object]] = []
    found: dict[tuple[str, int], Errors] = {}
    for done, n_s in enumerate(SIZES):
        progress("models", done / len(SIZES), f"n_s = {n_s}")
        draws = budget.effort.draws if n_s < SIZES[0] else 1
        data = make_data(setting, n_s, dataclasses.replace(budget.effort, draws=draws), rng=rng)
        whole, moments = closed_labels(data, budget, 2 if n_s == SHOWN else 1)
        laws = {
            ",".join(whole.labels[:d]): law_with(data, whole, moments, d, budget.trajectories)
            for d in ((1, 2, 3, 4) if n_s == SHOWN else (2, 3))
        }
        for name, naive in (("published", False), ("baseline", True)):
            laws[name] = law_of_sweeps(data, one_sweep(data, closed=True, naive=naive), budget.other_trajectories)
        for name, law in laws.items():
            found[name, n_s] = errors_of(law, truth)
            lines += error_lines(f"n_s={n_s}/{name}", setting, found[name, n_s])
        rows += rows_of(setting, n_s, laws, {name: found[name, n_s] for name in laws}, truth)
        if n_s == SHOWN:
            schemes, table = scheme_rows(data, truth, budget.other_trajectories, progress=progress)
    rows += [
        Row(f"{setting.name}/direct/noise/{name}", value)
        for name, value in zip(QUANTITIES, truth.noise()[:, 0], strict=False)
    ]
    title = "Fig. 3b: Ising 64 x 64, T = 2.5, h = 0.1, learned from systems of n_s spins, against direct runs"
    tables = {"": Table(ERROR_COLUMNS, lines), "scheme": table}
    return Result(title, [*rows, *schemes], tables, lambda: draw(found), NOTES)


NOTES = (
    "transient: t <= 10, equilibrium: 10 < t <= 100; relative squared errors of the mean of M (and of rho_DW where it "
    "says so), means over five starts. noise: what the finite number of direct runs adds.",
    "Published values are over 500 sweeps (about 2500 units of time), so that equilibrium weighs more in them; rows "
    "500-sweeps go as far, with the equilibrium means from t = 100 on.",
    "Rows of a size without another name: z = (M, rho_DW, one learned closure variable); the paper's model has two.",
)


def closed_labels(data: Data, budget: Budget, dims: int) -> tuple[Observables, Moments]:
    """(M, rho_DW) and learned closure variables, and their exact moments: of all spins, without noise of patches."""
    setting, rng = data.setting, data.rng
    some = rng.permutation(len(data.made))[: budget.closure_snapshots]
    fitted = fit_closure(
        data.made.x[some],
        setting.system.lattice,
        setting.phi,
        dims=dims,
        group=data.made.start[some],
        options=ClosureOptions(steps=budget.closure_steps, restarts=1),
        rng=rng,
    )
    assert fitted is not None  # only dims="auto" may find none
    whole = Observables([setting.phi, fitted.model])
    return whole, all_rates(data, whole)


def law_with(data: Data, whole: Observables, moments: Moments, d: int, trajectories: int) -> Law:
    """The law of the SDE of the first d variables."""
    part = dataclasses.replace(
        moments, z=moments.z[:, :d], drift=moments.drift[:, :d], covariance=moments.covariance[:, :d, :d]
    )
    sde = fit_labels(part, whole.labels[:d], data.setting.system.lattice.n_sites, data.weight, rng=data.rng)
    return predict(sde, data.setting, _First(whole, d), trajectories, rng=data.rng)


class _First(Observable):
    """The first d variables of an observable."""

    def __init__(self, phi: Observables, d: int) -> None:
        self.phi, self.labels = phi, phi.labels[:d]

    def __call__(self, x: NDArray[Any], lattice: Any) -> NDArray[np.float64]:
        return self.phi(x, lattice)[:, : self.dim]


def rows_of(setting: Setting, n_s: int, laws: Mapping[str, Law], errors: Mapping[str, Errors], truth: Law) -> list[Row]:
    """Rows of one size."""
    prefix = f"{setting.name}/n_s={n_s}"
    main = MAIN
    wanted = dict.fromkeys(QUANTITIES, TARGETS[n_s])
    paper = {"total": PUBLISHED[n_s]}
    rows = error_rows(prefix, errors[main], targets=wanted, published=paper)
    same = window_error(laws[main], truth, PUBLISHED_WINDOW, SETTLED, SETTLED_AFTER)
    rows.append(Row(f"{prefix}/500-sweeps", same, published=PUBLISHED[n_s], target=(None, TARGETS[n_s])))
    rows += error_rows(f"{prefix}/rho_DW", errors[main], 1, targets=wanted)
    for name in laws:
        if name not in (main, "published", "baseline"):
            rows += error_rows(f"{prefix}/z={name}", errors[name])
    rows += error_rows(f"{prefix}/published", errors["published"], published=paper)
    rows += error_rows(f"{prefix}/baseline", errors["baseline"], published={"total": PUBLISHED_BASELINE[n_s]})
    for k, m0 in enumerate(setting.starts):
        rows += [
            Row(f"{prefix}/m0={m0:g}/rms_{label}/{q}", float(errors[main].rms[q][k, v]))
            for v, label in enumerate(setting.phi.labels)
            for q in QUANTITIES[:2]
        ]
    return rows + equilibrium_rows(prefix, laws[main], truth)


def equilibrium_rows(prefix: str, law: Law, truth: Law) -> list[Row]:
    """Mean and spread in equilibrium against direct runs."""
    rows = []
    (mean, sd), (true_mean, true_sd) = (part.late(SETTLED, SETTLED_AFTER) for part in (law, truth))
    for v, label in enumerate(("M", "rho_DW")):
        allowed = (true_mean[v] * (1 - MEAN_TARGET), true_mean[v] * (1 + MEAN_TARGET))
        target = allowed if label == "M" else None
        rows.append(Row(f"{prefix}/equilibrium_mean/{label}", mean[v], None, None, true_mean[v], "direct", target))
        band = (true_sd[v] * (1 - SD_TARGET), true_sd[v] * (1 + SD_TARGET))
        rows.append(Row(f"{prefix}/equilibrium_sd/{label}", sd[v], None, None, true_sd[v], "direct", band))
    return rows


def draw(found: Mapping[tuple[str, int], Errors]) -> Figure:
    """Errors of M over n_s, transient, equilibrium and all times."""
    names = {
        "M,rho_DW": r"(M, $\rho_{DW}$)",
        "M,rho_DW,closure_1": r"(M, $\rho_{DW}$, closure)",
        "published": "published scheme, here",
        "baseline": "baseline, here",
    }
    lines = {
        label: {n_s: found[name, n_s].relative for n_s in SIZES if (name, n_s) in found}
        for name, label in names.items()
    }
    return draw_errors(lines, {"published, paper": PUBLISHED, "baseline, paper": PUBLISHED_BASELINE})
