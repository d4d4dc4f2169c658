"""Rows and tables of the figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from asemacro.studies.fields.figures import (
    Lines,
    kernel_lines,
    magnetisation_lines,
    mobility_lines,
    rate_lines,
    structure_factor_lines,
)
from asemacro.studies.paper.onsagerflow.found import Found
from asemacro.studies.paper.onsagerflow.kinetics import Growth
from asemacro.studies.paper.onsagerflow.learning import Learned, Lesson
from asemacro.studies.paper.report import Interval, Row, Table

NOTES = (
    "mobility: largest relative error of T K for |m| < 0.9, homogeneous fields; kernel: relative L2 error, lags other "
    "than 0; both of changes of spins, against what is exact.",
    "not-textbook: standard errors between the counted mobility and the nearer of 1 and 1 - m^2.",
    "structure-factor: largest relative error of a band of waves; growth: of the mean rate; each against fresh spins. "
    "Blocks of half the range miss the correlations within blocks near the critical temperature.",
    "coarsening: L = A (t + t0)^n between three ranges and a quarter of the system, from where domains have formed.",
)


def rows_of(found: Found) -> list[Row]:
    """All rows: what is learned, then the learned equation against spins, then large fields."""
    rows = [row for lesson, one in found.learned.items() for row in _lesson_rows(lesson, one)]
    for lesson, one in found.long.items():
        rows += _kernel_rows(lesson, one, f"block={lesson.block}")
    for lesson, scatter in found.scatter.items():
        rows.append(Row(f"structure-factor/{lesson.where}", scatter.error, target=(None, 0.03)))
    for lesson, growth in found.growth.items():
        rows.append(Row(f"growth/{lesson.where}", growth.error, target=(None, 0.05)))
    for (t, law), wells in zip(found.laws.items(), ("single", "double"), strict=True):
        rows.append(Row(f"magnetisation/{wells}-well/T={t:g}/KS-p", law.p, target=(0.01, None)))
        rows.append(Row(f"magnetisation/{wells}-well/T={t:g}/width-ratio", law.width, target=(0.97, 1.03)))
    return [*rows, *_flip_rows(found), *_large_rows(found)]


def _lesson_rows(lesson: Lesson, one: Learned) -> list[Row]:
    """Mobility and kernel of a coupling at a temperature."""
    name = f"T={lesson.temperature:g}/{lesson.coupling}"
    return [
        Row(f"mobility/{name}", one.mobility_error(lesson), target=(None, 0.03)),
        Row(f"mobility/{name}/not-textbook", one.sigmas(), target=(5.0, None)),
        *_kernel_rows(lesson, one, name, (None, 0.05)),
    ]


def _kernel_rows(lesson: Lesson, one: Learned, name: str, target: Interval | None = None) -> list[Row]:
    total = one.spde.kernel.total
    exact = {"reference": 1.0, "reference_kind": "exact"}
    return [
        Row(f"kernel/{name}", one.kernel_error(lesson), target=target),
        Row(f"J0/{name}", total, one.total_error, **exact, target=(0.99, 1.01)),  # type: ignore[arg-type]
    ]


def _flip_rows(found: Found) -> list[Row]:
    """The learned rate over that of spins, and what the equations without noise show."""
    rates = found.flips.rates()
    spins, learned = rates["spins"], rates["learned equation"]
    least = float(min(spins.count, learned.count))
    return [
        Row("flip-rate/learned-over-spins", *found.flips.ratio, target=(0.85, 1.15)),
        Row("flip-rate/fewer-flips-of-the-two", least, target=(200.0, None)),
        Row("flip-rate/Allen-Cahn/flips", float(rates["Allen-Cahn"].count), target=(None, 0.0)),
        Row("flip-rate/hydrodynamic-limit/flips", float(rates["hydrodynamic limit"].count), target=(None, 0.0)),
    ]


def _large_rows(found: Found) -> list[Row]:
    """A quench beside spins, coarsening, and how much faster the equation is."""
    quench, edges = found.quench, found.edges
    n, plain = found.coarsening.exponent
    at = int(np.argmin(np.abs(found.field.times - quench.times[-1])))
    field = np.array([found.field.mean_square[at], found.field.length[at]])
    rows = []
    for edge, values in ((edges.quench, quench.model[-1]), (edges.field, field)):
        name = f"quench/{edge}x{edge}-over-{edges.quench}x{edges.quench}-spins"
        mean_square, length = values / quench.spins[-1]
        rows.append(Row(f"{name}/mean-square", mean_square, target=(0.95, 1.05)))
        rows.append(Row(f"{name}/domain-length", length, target=(0.95, 1.05)))
    name = f"coarsening/{edges.coarsening}x{edges.coarsening}"
    return [
        *rows,
        Row(f"{name}/exponent", n, target=(0.45, 0.55)),
        Row(f"{name}/exponent-if-t0=0", plain),
        *(
            Row(f"speed-up/{edges.speed}x{edges.speed}/block={block}", one.spins / one.model, target=(1.0, None))
            for block, one in found.speeds.items()
        ),
    ]


def tables_of(found: Found) -> dict[str, Table]:
    """NAME.csv: the lessons; beside it a table of each panel."""
    return {
        "": _lesson_table({**found.learned, **found.long}),
        "kernel": _joined(found, lambda lesson, one: kernel_lines(one.spde.kernel, lesson.true)),
        "mobility": _joined(found, lambda lesson, one: mobility_lines(one.table)),
        "structure-factor": _stacked(
            {lesson.where: structure_factor_lines(one.curves()) for lesson, one in found.scatter.items()}
        ),
        "magnetisation": _stacked({
            f"T={t:g}": magnetisation_lines({"spins": law.spins, "equation": law.model})
            for t, law in found.laws.items()
        }),
        "flips": Table(*rate_lines(found.flips.rates())),
        "growth": _stacked({lesson.where: _growth_lines(one) for lesson, one in found.growth.items()}),
        "quench": Table(
            ("time", "m2_spins", "length_spins", "m2_equation", "length_equation"),
            np.column_stack([found.quench.times, found.quench.spins, found.quench.model]).tolist(),
        ),
        "coarsening": Table(
            ("time", "length", "m2", "counts"),
            np.column_stack([
                found.coarsening.times, found.coarsening.length, found.coarsening.mean_square, found.coarsening.inside
            ]).tolist(),
        ),
        "field": Table(
            ("time", "length", "m2"),
            np.column_stack([found.field.times, found.field.length, found.field.mean_square]).tolist(),
        ),
        "speed": Table(
            ("block", "spins_s", "equation_s", "speed_up"),
            [[block, one.spins, one.model, one.spins / one.model] for block, one in found.speeds.items()],
        ),
    }  # fmt: skip


def _lesson_table(learned: dict[Lesson, Learned]) -> Table:
    columns = (
        "coupling", "range", "block", "temperature", "blocks_seen", "kernel_error", "J0", "J0_error", "mobility_error",
        "sigmas_from_textbook",
    )  # fmt: skip
    return Table(columns, [
        [lesson.coupling, lesson.range, lesson.block, lesson.temperature, one.blocks, one.kernel_error(lesson),
         one.spde.kernel.total, one.total_error, one.mobility_error(lesson), one.sigmas()]
        for lesson, one in learned.items()
    ])  # fmt: skip


def _joined(found: Found, lines: Any) -> Table:
    """Tables of all lessons that are judged, one below the other."""
    rows: list[list[Any]] = []
    columns: tuple[str, ...] = ()
    for lesson, one in found.learned.items():
        own: Lines = lines(lesson, one)
        columns = ("coupling", "T", *own.columns)
        rows += [[lesson.coupling, lesson.temperature, *row] for row in own.rows]
    return Table(columns, rows)


def _growth_lines(growth: Growth) -> Lines:
    """A row for each ring of waves."""
    values = (growth.k, growth.waves, growth.spins, growth.model, growth.theory)
    return Lines(("k", "waves", "rate_spins", "rate_equation", "J(k)/T-1"), np.column_stack(values).tolist())


def _stacked(tables: dict[str, Lines]) -> Table:
    """Tables with equal columns, one below the other."""
    first = next(iter(tables.values()))
    return Table(("where", *first.columns), [[name, *row] for name, own in tables.items() for row in own.rows])
