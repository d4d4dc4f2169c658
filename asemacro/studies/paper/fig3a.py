"""Figure 3a: error of the learned Curie-Weiss transient and equilibrium over the size of the patches.

n = 64^2, T = 1.1, h = .1, mean over five starts, against the exact master equation. Four models for each n_s: exact
infinitesimal moments of patches, sampled pairs with Richardson's extrapolation, the published scheme (pairs one sweep
long with frozen surroundings, noise factor K), and the published baseline (the patch's own M, no K). The noise of
sampled pairs scatters their error by a decade from draw to draw: given is the mean over models of independent draws.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from asemacro.studies.paper.drawing import draw_errors
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.studies.paper.scheme import scheme_rows
from asemacro.studies.paper.spin_models import (
    PAIR_TIME,
    Effort,
    frozen_pairs,
    frozen_rates,
    law_of,
    law_of_sweeps,
    make_data,
    one_sweep,
)
from asemacro.studies.paper.spin_transients import (
    ERROR_COLUMNS,
    SIZES,
    Errors,
    Law,
    curie_weiss,
    error_lines,
    error_rows,
    errors_of,
    exact_law,
    mean_of,
)
from asemacro.typing import Report

PUBLISHED = {4096: 1.95e-3, 1024: 4.50e-4, 256: 7.98e-4, 64: 2.84e-2}  # over all times
PUBLISHED_BASELINE = {4096: 2.09e-3, 1024: 1.29e-3, 256: 3.20e-2, 64: 1.31e-1}
PUBLISHED_PARTS = {4096: (4.6e-5, 2.5e-5), 256: (1.7e-2, 5e-5)}  # of the stored predictions: sweeps 1-10, 11-500
EXACT_TARGETS = {64: (5e-4, 2e-4)}  # transient, equilibrium
OTHER_EXACT_TARGETS = (2e-4, 5e-5)
PAIR_TARGETS = (3e-3, 4e-4)
SD_TARGET = 0.05
MODELS = ("exact", "pairs", "published", "baseline")


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of the figure: effort for n_s < n, for n_s = n (all spins, no noise), SDE trajectories of each start, models
    from pairs drawn independently (n_s < n)."""

    effort: Effort
    whole: Effort
    trajectories: int
    other_trajectories: int
    pair_draws: int

    def of(self, n_s: int) -> Effort:
        """Effort for a size of the patches."""
        return self.whole if n_s == SIZES[0] else self.effort


FULL = Budget(Effort(100, 20, 10), Effort(100, 8, 5), trajectories=8000, other_trajectories=2000, pair_draws=8)
QUICK = Budget(Effort(60, 4, 8), Effort(60, 2, 1), trajectories=1000, other_trajectories=300, pair_draws=2)


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn all models and compare them with the master equation."""
    setting = curie_weiss()
    truth = exact_law(setting)
    rows: list[Row] = []
    lines: list[list[object]] = []
    found: dict[tuple[str, int], Errors] = {}
    for done, n_s in enumerate(SIZES):
        progress("figure", 0.25 * done, f"n_s = {n_s}")
        data = make_data(setting, n_s, budget.of(n_s), rng=rng)
        laws: Mapping[str, Law] = {
            "exact": law_of(data, frozen_rates(data), budget.trajectories),
            "published": law_of_sweeps(data, one_sweep(data, closed=False), budget.other_trajectories),
            "baseline": law_of_sweeps(data, one_sweep(data, closed=False, naive=True), budget.other_trajectories),
        }
        drawn = [
            errors_of(law_of(data, frozen_pairs(data, PAIR_TIME), budget.other_trajectories), truth)
            for _ in range(budget.pair_draws if n_s < SIZES[0] else 1)
        ]
        for k, errors in enumerate(drawn):
            lines += error_lines(f"n_s={n_s}/pairs/draw={k}", setting, errors)
        found["pairs", n_s] = mean_of(drawn)
        for name, law in laws.items():
            found[name, n_s] = errors_of(law, truth)
            lines += error_lines(f"n_s={n_s}/{name}", setting, found[name, n_s])
        rows += rows_of(setting.name, n_s, {name: found[name, n_s] for name in MODELS}, drawn)
        if n_s == 256:
            schemes, table = scheme_rows(data, truth, budget.other_trajectories, progress=progress)
    title = "Fig. 3a: Curie-Weiss, n = 4096, learned from patches of n_s spins, against the master equation"
    return Result(
        title, [*rows, *schemes], {"": Table(ERROR_COLUMNS, lines), "scheme": table}, lambda: draw(found), NOTES
    )


NOTES = (
    "transient: t <= 10, equilibrium: 10 < t <= 60; relative squared errors of the mean, means over five starts "
    "(worst: the largest of them). Pairs: mean over models of independent draws (largest: the worst draw).",
    "Published values are over 500 sweeps (about 1300 units of time); those of transient and equilibrium come from the "
    "stored predictions of the paper's code, sweeps 1-10 and 11-500.",
)


def rows_of(system: str, n_s: int, errors: Mapping[str, Errors], pairs: Sequence[Errors]) -> list[Row]:
    """Rows of one size; those of pairs with the standard error over draws, and the largest error of a draw."""
    prefix = f"{system}/n_s={n_s}"
    wanted = dict(zip(("transient", "equilibrium"), EXACT_TARGETS.get(n_s, OTHER_EXACT_TARGETS), strict=True))
    parts = dict(zip(("transient", "equilibrium"), PUBLISHED_PARTS.get(n_s, ()), strict=False))
    wanted_of_pairs = dict(zip(("transient", "equilibrium"), PAIR_TARGETS, strict=True))
    whole = {"total": PUBLISHED[n_s]}
    rows = error_rows(prefix, errors["exact"], targets=wanted, published=parts | whole)
    for name in ("transient", "equilibrium"):
        worst = float(errors["exact"].relative[name].max())
        rows.append(Row(f"{prefix}/worst/{name}", worst, target=(None, wanted[name])))
        sd = float(errors["exact"].sd[name].max())
        rows.append(Row(f"{prefix}/sd/{name}", sd, target=(None, SD_TARGET)))
    for row in error_rows(f"{prefix}/pairs", errors["pairs"], targets=wanted_of_pairs):
        each = [float(draw.relative[row.quantity.rsplit("/", 1)[1]].mean()) for draw in pairs]
        if len(each) > 1:
            row = dataclasses.replace(row, here_err=float(np.std(each, ddof=1) / np.sqrt(len(each))))
        rows += [row, Row(row.quantity.replace("/pairs/", "/pairs/largest/"), max(each))]
    rows += error_rows(f"{prefix}/published", errors["published"], published=parts | whole)
    rows += error_rows(f"{prefix}/baseline", errors["baseline"], published={"total": PUBLISHED_BASELINE[n_s]})
    return rows


def draw(found: Mapping[tuple[str, int], Errors]) -> Figure:
    """Errors over n_s, transient, equilibrium and all times."""
    names = {
        "exact": "exact moments",
        "pairs": "pairs, Richardson",
        "published": "published scheme, here",
        "baseline": "baseline, here",
    }
    lines = {
        label: {n_s: found[name, n_s].relative for n_s in SIZES if (name, n_s) in found}
        for name, label in names.items()
    }
    return draw_errors(lines, {"published, paper": PUBLISHED, "baseline, paper": PUBLISHED_BASELINE})
