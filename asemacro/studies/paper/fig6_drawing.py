"""Figure 6: what is shown, and its four panels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asemacro.plot import dynamics as plot_dynamics
from asemacro.plot import short_range_order as plot
from asemacro.studies.critical.criticality import BinderSlope, CriticalExponents, OrderParameter
from asemacro.studies.paper.critical import CRITICAL, Budget
from asemacro.studies.paper.critical_clock import Clock, Decay
from asemacro.studies.paper.critical_model import Study
from asemacro.typing import Floats


@dataclasses.dataclass(frozen=True)
class Found:
    """What the figure shows.

    Attributes:
        study: models and direct simulations.
        exponents: of the models, of the unconstrained SDE, of direct simulations at T_c; of models and direct
            simulations at 2.27.
        slopes: dU/dT at T_c of the models and of direct simulations, by L.
        free: L -> order parameter of the unconstrained SDE at T_c.
        clock: relaxation of M at T_c from 8^2 and 16^2.
        decays: L -> autocorrelation of M of the SDE with this clock, without it, and of direct simulations.
        factors: noise factor of M and rho_DW, and errors.
    """

    study: Study
    exponents: dict[str, CriticalExponents]
    slopes: dict[str, list[BinderSlope]]
    free: dict[int, OrderParameter]
    clock: Clock
    decays: dict[int, tuple[Decay, Decay, Decay]]
    factors: tuple[Floats, Floats]


def draw(found: Found, budget: Budget, exact: Mapping[str, float]) -> Figure:
    """|M| and chi over L with fits, Binder cumulants over T, decay of <M(0) M(t)>.

    Args:
        found: what to show.
        budget: sizes and temperatures.
        exact: exponents beta_nu and gamma_nu.
    """
    figure, axes = plot.new_figure(17.0, 4.4, columns=4, share=False)
    data = found.study
    ways = [
        ("", "reversible SDE", {side: data.models[side, CRITICAL].order for side in budget.sides}, plot.COLORS[0]),
        ("unconstrained", "free drift", found.free, plot.COLORS[1]),
    ]
    _power_laws(axes[0], found, budget, ways, "absolute", -exact["beta_nu"], r"$\langle |M| \rangle$")
    _power_laws(axes[1], found, budget, ways, "susceptibility", exact["gamma_nu"], r"$\chi$")
    curves = {}
    for side in budget.sides:
        some = [data.models[side, t].order for t in budget.temperatures]
        curves[float(side)] = budget.temperatures, [o.binder for o in some], [o.binder_error for o in some]
    plot_dynamics.binder_crossing(axes[2], curves)
    for index, side in enumerate(sorted(budget.sides)):
        u = [data.direct[side, t].binder for t in budget.temperatures]
        axes[2].plot(budget.temperatures, u, "x", color=plot.shade_of(index, len(budget.sides)), markersize=6)
    axes[2].plot([], [], "kx", label="direct")
    axes[2].axvline(CRITICAL, color="black", linestyle=":", linewidth=1)
    axes[2].legend(frameon=False)
    _decays(axes[3], found, {side: k for k, side in enumerate(sorted(budget.sides))})
    return figure


def _decays(ax: Axes, found: Found, place: Mapping[int, int]) -> None:
    """Decay of <M(0) M(t)> over scaled time: direct runs, SDE with and without the clock; sizes by their place."""
    for side, (timed, bare, truth) in found.decays.items():
        half = len(truth.times) // 2 + 1
        times, color = truth.times[:half] / side**2.17, plot.shade_of(place[side], len(place))
        ax.plot(times, truth.correlation[:half], "x", color=color, label=f"direct, L = {side}")
        ax.plot(times, timed.correlation[:half], "-", color=color, label=f"SDE, L = {side}")
        ax.plot(times, bare.correlation[:half], ":", color=color, label="  without clock")
    ax.set_yscale("log")
    ax.set_xlabel("time / $L^{2.17}$")
    ax.set_ylabel(r"$\langle M(0) M(t) \rangle\, /\, \langle M^2 \rangle$")
    ax.legend(frameon=False)


def _power_laws(
    ax: Axes,
    found: Found,
    budget: Budget,
    ways: list[tuple[str, str, dict[int, OrderParameter], str]],
    name: str,
    exact: float,
    label: str,
) -> None:
    """One quantity over L: each way with its fit, direct values, and the exact exponent through these."""
    for way, title, orders, color in ways:
        fits = found.exponents[way]
        plot_dynamics.power_law(
            ax,
            budget.sides,
            [getattr(orders[side], name) for side in budget.sides],
            [getattr(orders[side], f"{name}_error") for side in budget.sides],
            exponent=-fits.beta_nu if name == "absolute" else fits.gamma_nu,
            color=color,
            label=f"{title}:",
        )
    truth = [getattr(found.study.direct[side, CRITICAL], name) for side in budget.sides]
    ax.plot(budget.sides, truth, "kx", markersize=8, label="direct")
    sides = np.array(budget.sides, dtype=float)
    level = np.mean(np.log(truth) - exact * np.log(sides))
    ax.plot(sides, np.exp(level) * sides**exact, "k:", linewidth=1, label=f"exact $L^{{{exact:g}}}$")
    ax.set_xticks(sides, [f"{side:g}" for side in sides])
    ax.set_ylim(0.2 * min(truth), 2.5 * max(truth))  # the free drift strays beyond any scale
    ax.set_ylabel(label)
    ax.legend(frameon=False)
