"""Figure 8b: order of NbMoTa over temperature after the published anneal, and at equilibrium.

The paper's curve is the order reached from random after about 6e5 hops a vacancy (its SDE was followed for 2.5 times
the mean duration of 2e6 hops of 8 vacancies): its peak is kinetic. Both curves are made here, with direct runs of the
same size beside them.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asemacro.lattice.lattice import Lattice
from asemacro.plot import short_range_order as plot
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.diagram import phase_diagram
from asemacro.studies.paper.alloy import COPIES, SMALL, SPECIES
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.tasks.progress import part_of
from asemacro.typing import Report

ANNEAL_HOPS = 6e5
STRONG = ("Mo-Mo", "Mo-Ta", "Ta-Ta")  # the pairs whose order peaks in the paper's panel
PEAK_K = (700.0, 1000.0)
PUBLISHED = {
    600: {"Mo-Ta": 0.61},
    800: {"Mo-Ta": 1.12},
    1000: {"Mo-Mo": -1.54, "Mo-Ta": 1.12, "Ta-Ta": -0.84, "Nb-Mo": 0.39, "Nb-Ta": -0.31, "Nb-Nb": -0.14},
    2000: {"Mo-Mo": -0.64, "Mo-Ta": 0.46, "Ta-Ta": -0.34, "Nb-Mo": 0.17, "Nb-Ta": -0.13, "Nb-Nb": -0.05},
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of the figure: temperatures, hops of each run and vacancy (None: the quick budget of `phase_diagram`)."""

    temperatures_K: tuple[int, ...] = (500, 600, 700, 800, 900, 1000, 1200, 1600, 2000, 3000)
    hops: float | None = 7e5
    anneal_hops: float = ANNEAL_HOPS


FULL = Budget()
QUICK = Budget(temperatures_K=(1000, 2000, 3000), hops=None)


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Make the diagram with direct runs beside it, and set the published points against it."""
    diagram = phase_diagram(
        Lattice.bcc(3.24, SPECIES, 8),
        "nbmota",
        temperatures_K=budget.temperatures_K,
        sites=COPIES * SMALL,
        small=SMALL,
        anneal_hops=budget.anneal_hops,
        hops=budget.hops,
        direct=True,
        progress=part_of(progress, "figure", 0.0, 1.0, 2 * len(budget.temperatures_K) + 3),
        rng=rng,
    )
    fields = (
        "temperature_K",
        "pair",
        "state",
        "source",
        "delta",
        "delta_err",
        "equilibrium_reached",
        "extrapolated",
        "anneal_time_s",
    )
    lines = [[getattr(point, field) for field in fields] for point in diagram.points]
    title = f"Fig. 8b: NbMoTa, {COPIES * SMALL:,} sites, {budget.anneal_hops:g} hops a vacancy from random (nbmota)"
    notes = [
        "delta/PAIR/T: after the anneal, as published; equilibrium/delta/PAIR/T: where the runs reached it.",
        "Reference: direct KMC of the same size and barriers. Published: with nbmota's teacher.",
    ]
    return Result(title, rows_of(diagram), {"": Table(fields, lines)}, lambda: draw(diagram), notes)


def rows_of(diagram: PhaseDiagram) -> list[Row]:
    """Annealed order of all pairs, equilibrium where it was reached, and where the strong pairs peak."""
    rows = []
    for state, prefix in (("annealed", ""), ("equilibrium", "equilibrium/")):
        for pair in diagram.pairs:
            direct = {p.temperature_K: p for p in diagram.curve(pair, state, "kmc") if not p.extrapolated}
            for point in diagram.curve(pair, state, "sde"):
                if state == "equilibrium" and not point.trusted:
                    continue
                kelvin = point.temperature_K
                beside = direct.get(kelvin)
                rows.append(
                    Row(
                        f"{prefix}delta/{pair}/T={kelvin:g}",
                        point.delta,
                        point.delta_err,
                        published=PUBLISHED.get(int(kelvin), {}).get(pair) if state == "annealed" else None,
                        reference=None if beside is None else beside.delta,
                        reference_kind=None if beside is None else "direct",
                    )
                )
    for pair in STRONG:
        curve = diagram.curve(pair, "annealed", "sde")
        peak = max(curve, key=lambda point: abs(point.delta))
        rows.append(Row(f"peak_temperature_K/{pair}", peak.temperature_K, target=PEAK_K))
    return rows


def draw(diagram: PhaseDiagram) -> Figure:
    """The anneal with the published points on the left, equilibrium on the right; direct runs as crosses."""
    figure: Figure = diagram.plot().figure
    annealed = figure.axes[1]
    low, high = annealed.get_ylim()
    stars = [value for values in PUBLISHED.values() for value in values.values()]
    annealed.set_ylim(min(low, 1.05 * min(stars)), max(high, 1.05 * max(stars)))
    for pair, (color, _) in plot.pair_styles(diagram.pairs).items():
        found = sorted((kelvin, values[pair]) for kelvin, values in PUBLISHED.items() if pair in values)
        annealed.plot(*zip(*found, strict=True), "*", color=color, markersize=11, markeredgecolor="white")
    shown = [handle for handle in figure.legends[0].legend_handles if handle is not None]
    shown.append(Line2D([], [], color="0.4", marker="*", ls="", markersize=11, label="published"))
    figure.legends[0].remove()
    figure.legend(handles=shown, loc="outside right center", frameon=False)
    return figure
