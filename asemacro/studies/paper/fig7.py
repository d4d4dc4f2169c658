"""Figure 7: data collapse of |M| and chi of the 2D Ising model, learned from squares of 8^2 and 16^2 (see `critical`).

With the exact T_c and exponents, or those of figure 6, |M| L^(beta/nu) and chi L^(-gamma/nu) of all sizes are functions
of (T - T_c) L^(1/nu) alone; how well is measured by the mean squared distance over the errors (`collapse_residual`).
Direct simulations of the same sizes have a residual too: scaling itself is asymptotic, and lines join the points.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asemacro.plot import short_range_order as plot
from asemacro.studies.critical.collapse import Collapse, Curve, collapse_residual, optimise_collapse
from asemacro.studies.critical.criticality import OrderParameter, correlation_length_exponent, critical_exponents
from asemacro.studies.critical.figures import data_collapse
from asemacro.studies.paper.critical import CRITICAL, FULL, QUICK, Budget
from asemacro.studies.paper.critical_model import study
from asemacro.studies.paper.fig6 import order_table, slope_of
from asemacro.studies.paper.report import Result, Row
from asemacro.typing import Report

QUANTITIES = {"magnetisation": ("absolute", 1.0), "susceptibility": ("susceptibility", -1.0)}  # sign of the exponent
EXACT = {"magnetisation": 0.125, "susceptibility": -1.75}
LABELS = {"magnetisation": r"$\langle |M| \rangle$", "susceptibility": r"$\chi$"}
LEAST = 0.01
"""Smallest relative error of a point: below it the lines that join points, not their noise, make the residual."""


@dataclasses.dataclass(frozen=True)
class Scaling:
    """One quantity.

    Attributes:
        curves: of the models, by size.
        direct: of direct simulations.
        found: (nu, exponent) of figure 6.
        best: the exponents of the best collapse of the models, T_c given.
        residuals: name -> residual.
    """

    curves: list[Curve]
    direct: list[Curve]
    found: tuple[float, float]
    best: Collapse
    residuals: dict[str, float]


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn at all sizes and temperatures, scale, measure."""
    # the same first stream as in figure 6, so that both show one study
    first, second = rng.spawn(2)
    data = study(budget, share=0.95, rng=first, progress=progress)
    progress("figure", 0.95, "collapse")
    orders = {point: model.order for point, model in data.models.items()}
    exponents = critical_exponents([orders[side, CRITICAL] for side in budget.sides])
    nu, *_ = correlation_length_exponent([slope_of(budget, orders, side) for side in budget.sides])
    found = {"magnetisation": exponents.beta_nu, "susceptibility": -exponents.gamma_nu}
    scalings, rows = {}, []
    for name, exponent in found.items():
        curves, direct = (curves_of(budget, name, some) for some in (orders, data.direct))
        exact = {"critical_temperature": CRITICAL, "nu": 1.0, "exponent": EXACT[name]}
        best = optimise_collapse(curves, exact, ("nu", "exponent"), n_bootstrap=budget.redrawn, rng=second)
        residuals = {
            "exact": collapse_residual(curves, **exact),
            "found": collapse_residual(curves, CRITICAL, nu, exponent),
            "direct": collapse_residual(direct, **exact),
        }
        scalings[name] = Scaling(curves, direct, (nu, exponent), best, residuals)
        rows += rows_of(name, scalings[name])
    title = "Fig. 7: data collapse of the 2D Ising model around T_c, learned from squares of 8^2 and 16^2"
    notes = [
        "Residual: mean squared distance from the curves of the other sizes over squared errors, of which each is at "
        f"least {100 * LEAST:g} %; 1 is a collapse within them.",
        "The reference is the residual of direct simulations of the same sizes with exact exponents.",
    ]
    return Result(title, rows, {"": order_table(data)}, lambda: draw(scalings), notes)


def curves_of(budget: Budget, name: str, orders: dict[tuple[int, float], OrderParameter]) -> list[Curve]:
    """A quantity over temperature, one curve a size."""
    attribute, _ = QUANTITIES[name]
    curves = []
    for side in budget.sides:
        some = [orders[side, t] for t in budget.temperatures]
        values = np.array([getattr(o, attribute) for o in some])
        errors = np.array([getattr(o, f"{attribute}_error") for o in some])
        curves.append(Curve(side, np.array(budget.temperatures), values, np.hypot(errors, LEAST * values)))
    return curves


def rows_of(name: str, scaling: Scaling) -> list[Row]:
    """Residuals with exact and found exponents, and the exponents of the best collapse."""
    sign = QUANTITIES[name][1]
    label = {"magnetisation": "beta_nu", "susceptibility": "gamma_nu"}[name]
    best, truth = scaling.best, scaling.residuals["direct"]
    # infinite where the exponents found let the curves of different sizes hardly overlap
    found = [scaling.residuals["found"]] if np.isfinite(scaling.residuals["found"]) else []
    return [
        Row(f"collapse/{name}", scaling.residuals["exact"], None, None, truth, "direct"),
        *(Row(f"collapse/{name}/found_exponents", r, None, None, truth, "direct") for r in found),
        Row(f"collapse/{name}/best", best.residual, None, None, truth, "direct"),
        Row(f"collapse/{name}/best/nu", best.nu, best.errors["nu"], None, 1.0, "exact"),
        Row(
            f"collapse/{name}/best/{label}",
            sign * best.exponent,
            best.errors["exponent"],
            None,
            sign * EXACT[name],
            "exact",
        ),
    ]


def draw(scalings: dict[str, Scaling]) -> Figure:
    """Each quantity over temperature, and scaled with the exact exponents; direct simulations as crosses."""
    figure, axes = plot.new_figure(17.0, 4.4, columns=4, share=False)
    for k, (name, scaling) in enumerate(scalings.items()):
        _before(axes[2 * k], scaling, LABELS[name])
        ax = axes[2 * k + 1]
        data_collapse(ax, scaling.curves, CRITICAL, 1.0, EXACT[name])
        for index, curve in enumerate(scaling.direct):
            factor = curve.size ** EXACT[name]
            x = (curve.temperatures - CRITICAL) * curve.size
            ax.plot(x, curve.values * factor, "x", color=plot.shade_of(index, len(scaling.direct)), markersize=7)
        ax.set_xlabel(r"$(T - T_c)\, L$")
        ax.set_ylabel(rf"{LABELS[name]} $L^{{{EXACT[name]:g}}}$")
        exact, direct = (scaling.residuals[which] for which in ("exact", "direct"))
        ax.set_title(f"residual {exact:.2g} (direct {direct:.2g})", fontsize=10)
    return figure


def _before(ax: Axes, scaling: Scaling, label: str) -> None:
    for index, (curve, truth) in enumerate(zip(scaling.curves, scaling.direct, strict=True)):
        color = plot.shade_of(index, len(scaling.curves))
        ax.errorbar(
            curve.temperatures,
            curve.values,
            curve.errors,
            fmt="o-",
            color=color,
            markersize=4,
            capsize=2,
            linewidth=1,
            label=f"L = {curve.size:g}",
        )
        ax.plot(truth.temperatures, truth.values, "x", color=color, markersize=7)
    ax.plot([], [], "kx", label="direct")
    ax.axvline(CRITICAL, color="black", linestyle=":", linewidth=1)
    ax.set_xlabel("temperature")
    ax.set_ylabel(label)
    ax.legend(frameon=False)
