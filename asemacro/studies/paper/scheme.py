"""The table of schemes: frozen surroundings against closed patches, exact moments against short and one-sweep pairs.

All models are learned from the same snapshots with the same fit; only the labels differ.
"""

from __future__ import annotations

from collections.abc import Iterator

from asemacro.studies.paper.report import Row, Table
from asemacro.studies.paper.spin_models import (
    Data,
    closed_rates,
    closed_richardson,
    frozen_pairs,
    frozen_rates,
    law_of,
    law_of_sweeps,
    one_sweep,
)
from asemacro.studies.paper.spin_transients import QUANTITIES, Law, error_rows, errors_of
from asemacro.typing import Report

DURATIONS = (0.05, 0.2)


def scheme_rows(data: Data, truth: Law, trajectories: int, *, progress: Report) -> tuple[list[Row], Table]:
    """Errors of all schemes for one size of patches.

    Args:
        data: snapshots and patches.
        truth: to compare with.
        trajectories: of each start.
        progress: told how far it is.

    Returns:
        Rows "NAME/n_s=256/scheme/frozen/exact/transient" ... of M, and a table with one line a scheme and the errors
        of all variables.
    """
    setting = data.setting
    rows: list[Row] = []
    lines = []
    for done, (surroundings, labels, law) in enumerate(_laws(data, trajectories)):
        errors = errors_of(law, truth)
        rows += error_rows(f"{setting.name}/n_s={data.n_s}/scheme/{surroundings}/{labels}", errors)
        means = [errors.relative[q][:, v].mean() for v in range(setting.phi.dim) for q in QUANTITIES]
        sds = [errors.sd[q][:, v].max() for v in range(setting.phi.dim) for q in QUANTITIES[:2]]
        lines.append([surroundings, labels, *means, *sds])
        progress("schemes", (done + 1) / 8, f"scheme {surroundings}, {labels}")
    names = setting.phi.labels
    columns = [
        "surroundings",
        "labels",
        *(f"{v}_{q}" for v in names for q in QUANTITIES),
        *(f"{v}_sd_{q}" for v in names for q in QUANTITIES[:2]),
    ]
    return rows, Table(columns, lines)


def _laws(data: Data, trajectories: int) -> Iterator[tuple[str, str, Law]]:
    yield "frozen", "exact", law_of(data, frozen_rates(data), trajectories)
    for dt in DURATIONS:
        yield "frozen", f"dt={dt:g}", law_of(data, frozen_pairs(data, dt), trajectories)
    yield "frozen", "one-sweep", law_of_sweeps(data, one_sweep(data, closed=False), trajectories)
    yield "closed", "exact", law_of(data, closed_rates(data), trajectories)
    for dt in DURATIONS:
        yield "closed", f"dt={dt:g}", law_of(data, closed_richardson(data, dt), trajectories)
    yield "closed", "one-sweep", law_of_sweeps(data, one_sweep(data, closed=True), trajectories)
