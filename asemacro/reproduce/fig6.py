"""Figure 6: critical exponents of the 2D Ising model from squares of 8^2 and 16^2 (see `critical`).

|M| and chi over L are those of the stationary law of the reversible SDE of each size, integrated, not sampled. That law
is the one of the snapshots, so the exponents are the upsampling's; the SDE adds the time scale. An SDE of M whose drift
is fitted freely to the same snapshots stands beside it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from asemacro import plot, plot_dynamics
from asemacro.criticality import (
    BinderSlope,
    CriticalExponents,
    OrderParameter,
    binder_slope,
    correlation_length_exponent,
    critical_exponents,
)
from asemacro.reproduce.critical import CRITICAL, FULL, QUICK, REPORTED, SMALL, Budget
from asemacro.reproduce.critical_model import (
    Decay,
    Study,
    direct_decay,
    model_decay,
    noise_factors,
    study,
    unconstrained,
)
from asemacro.reproduce.report import Result, Row, Table
from asemacro.reproduce.runner import Progress

Floats = NDArray[np.float64]
PUBLISHED = {"beta_nu": 0.120, "gamma_nu": 1.792, "nu": 0.95}
SLOPES = {16: -0.631, 32: -1.282, 64: -2.844}  # published dU/dT
EXACT = {"beta_nu": 0.125, "gamma_nu": 1.75, "nu": 1.0}
TARGETS = {"beta_nu": (0.120, 0.130), "gamma_nu": (1.69, 1.81), "nu": (0.9, 1.1)}
CURVED = 1.0  # |T - T_c| L beyond which U(T) is not straight
FACTOR_SIDE = 32
_THREE = ("|M|", "chi", "U")
COLUMNS = [
    "L",
    "temperature",
    *(name + part for name in _THREE for part in ("", "_err")),
    *(f"snapshots_{name}" for name in _THREE),
    *(f"direct_{name}{part}" for name in _THREE for part in ("", "_err")),
]


@dataclasses.dataclass(frozen=True)
class Found:
    """What the figure shows.

    Attributes:
        study: models and direct simulations.
        exponents: of the models, of the unconstrained SDE, of direct simulations.
        slopes: dU/dT at T_c of the models and of direct simulations, by L.
        free: L -> order parameter of the unconstrained SDE.
        decays: L -> autocorrelation of M of the model and of direct simulations.
        factors: noise factor of M and rho_DW, and errors.
    """

    study: Study
    exponents: dict[str, CriticalExponents]
    slopes: dict[str, list[BinderSlope]]
    free: dict[int, OrderParameter]
    decays: dict[int, tuple[Decay, Decay]]
    factors: tuple[Floats, Floats]


def run(*, quick: bool, rng: np.random.Generator, progress: Progress) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Progress) -> Result:
    """Learn at all sizes, measure exponents, slopes and rates, compare with direct simulations."""
    first, *streams = rng.spawn(2 + len(budget.sides) + len(budget.rate_runs))
    data = study(budget, share=0.65, rng=first, progress=progress)
    progress("figure", 0.65, "unconstrained drift")
    free = {side: unconstrained(data.reported[side], budget.refits, rng=streams.pop()) for side in budget.sides}
    decays = {}
    for side, (runs, length) in budget.rate_runs.items():
        progress("figure", 0.75, f"direct dynamics, L = {side}")
        truth = direct_decay(side, REPORTED, runs, length, rng=streams.pop())
        decays[side] = model_decay(data.models[side, REPORTED], truth.times), truth
    progress("figure", 0.95, "noise factor")
    factors = noise_factors(FACTOR_SIDE, REPORTED, budget.pairs, rng=streams.pop())
    ways = {
        "": [data.models[side, REPORTED].order for side in budget.sides],
        "unconstrained": [free[side] for side in budget.sides],
        "direct": [data.direct[side, REPORTED] for side in budget.sides],
    }
    exponents = {name: critical_exponents(orders) for name, orders in ways.items()}
    slopes = {
        "": [slope_of(budget, {k: m.order for k, m in data.models.items()}, side) for side in budget.sides],
        "direct": [slope_of(budget, data.direct, side) for side in budget.sides],
    }
    found = Found(data, exponents, slopes, free, decays, factors)
    title = "Fig. 6: critical exponents of the 2D Ising model at T = 2.27, learned from squares of 8^2 and 16^2"
    return Result(title, rows_of(found, budget), tables_of(found), lambda: draw(found, budget), notes_of(found))


def slope_of(budget: Budget, orders: dict[tuple[int, float], OrderParameter], side: int) -> BinderSlope:
    """dU/dT at T_c: of a straight line where |T - T_c| L is small, else of a cubic."""
    temperatures = budget.temperatures
    wide = side * max(abs(t - CRITICAL) for t in temperatures) > CURVED
    degree = min(3 if wide else 1, len(temperatures) - 1)
    return binder_slope(temperatures, [orders[side, t] for t in temperatures], CRITICAL, degree=degree)


def rows_of(found: Found, budget: Budget) -> list[Row]:
    """The numbers of the figure."""
    data = found.study
    own, free, direct = (found.exponents[name] for name in ("", "unconstrained", "direct"))
    nu, nu_error, _ = correlation_length_exponent(found.slopes[""])
    true_nu, true_error, _ = correlation_length_exponent(found.slopes["direct"])
    # an error of the calibration acts on every doubling alike
    beta_error = float(np.hypot(own.beta_nu_error, data.doubling.order_error / np.log(2)))
    values = {
        "beta_nu": (own.beta_nu, beta_error),
        "gamma_nu": (own.gamma_nu, own.gamma_nu_error),
        "nu": (nu, nu_error),
    }
    rows = [
        Row(name, value, error, PUBLISHED[name], EXACT[name], "exact", TARGETS[name])
        for name, (value, error) in values.items()
    ]
    rows += [
        Row("direct/beta_nu", direct.beta_nu, direct.beta_nu_error, None, EXACT["beta_nu"], "exact"),
        Row("direct/gamma_nu", direct.gamma_nu, direct.gamma_nu_error, None, EXACT["gamma_nu"], "exact"),
        Row("direct/nu", true_nu, true_error, None, EXACT["nu"], "exact"),
    ]
    for slope, true_slope in zip(found.slopes[""], found.slopes["direct"], strict=True):
        name = f"binder_slope/L={slope.size:g}"
        rows.append(Row(name, slope.slope, slope.error, SLOPES.get(int(slope.size)), true_slope.slope, "direct"))
    for side in budget.sides:
        order, truth = data.models[side, REPORTED].order, data.direct[side, REPORTED]
        for name, here, error, true, part in (
            ("|M|", order.absolute, order.absolute_error, truth.absolute, 0.015),
            ("chi", order.susceptibility, order.susceptibility_error, truth.susceptibility, 0.1),
        ):
            target = ((1 - part) * true, (1 + part) * true)
            rows.append(Row(f"{name}/L={side}", here, error, None, true, "direct", target))
    for side, (model, seen) in found.decays.items():
        near = (0.85 * seen.rate, 1.15 * seen.rate) if side == 32 else None
        rows.append(Row(f"rate/L={side}", model.rate, None, None, seen.rate, "direct", near))
        rows.append(Row(f"direct/rate/L={side}", seen.rate, seen.error))
    factor, factor_error = found.factors
    k = float(FACTOR_SIDE / SMALL) ** 2
    for j, label in enumerate(("M", "rho_DW")):
        rows.append(Row(f"noise_factor/{label}/L={FACTOR_SIDE}", factor[j], factor_error[j], None, k, "exact"))
    rows += [
        Row("unconstrained/beta_nu", free.beta_nu, free.beta_nu_error, None, EXACT["beta_nu"], "exact"),
        Row("unconstrained/gamma_nu", free.gamma_nu, free.gamma_nu_error, None, EXACT["gamma_nu"], "exact"),
    ]
    for side in budget.sides:
        order, truth = found.free[side], data.direct[side, REPORTED]
        name = f"unconstrained/{{}}/L={side}"
        rows.append(Row(name.format("|M|"), order.absolute, order.absolute_error, None, truth.absolute, "direct"))
        chi, chi_error = order.susceptibility, order.susceptibility_error
        rows.append(Row(name.format("chi"), chi, chi_error, None, truth.susceptibility, "direct"))
    return rows


def tables_of(found: Found) -> dict[str, Table]:
    """All sizes and temperatures; and the autocorrelations."""
    return {"": order_table(found.study), "decay": decay_table(found)}


def order_table(data: Study) -> Table:
    """Order parameters of models, their snapshots, and direct simulations at all points."""
    lines = []
    for (side, temperature), model in sorted(data.models.items()):
        order, seen, truth = model.order, model.snapshots, data.direct[side, temperature]
        three = [seen.absolute, seen.susceptibility, seen.binder]
        cells = [*_six(order), *three, *_six(truth)]
        lines.append([side, temperature, *(f"{v:.6g}" for v in cells)])
    return Table(COLUMNS, lines)


def _six(o: OrderParameter) -> list[float]:
    return [o.absolute, o.absolute_error, o.susceptibility, o.susceptibility_error, o.binder, o.binder_error]


def decay_table(found: Found) -> Table:
    """<M(0) M(t)> / <M^2> of SDE and direct simulation."""
    lines = [
        [side, f"{t:g}", f"{a:.5g}", f"{b:.5g}"]
        for side, (model, truth) in found.decays.items()
        for t, a, b in zip(truth.times, model.correlation, truth.correlation, strict=True)
    ]
    return Table(["L", "time", "sde", "direct"], lines)


def notes_of(found: Found) -> list[str]:
    """What the numbers rest on."""
    d = found.study.doubling
    return [
        f"Temperatures of coarse states: T_c + {d.scale:.3f}({1000 * d.scale_error:.0f}) (T - T_c), T_c exact; flips "
        f"with p = {d.line[0]:.4f}({1e4 * d.line_error:.0f}) + {d.line[1]:.3f} (T - 2.27), from 8^2 and 16^2.",
        "|M|, chi and U are integrals over the stationary law of each reversible SDE, rates those of its slowest "
        "modes. The law is that of the snapshots: exponents come from the upsampling, the time scale from the SDE.",
        "unconstrained: a drift of M fitted freely to the moments of the same snapshots.",
        "binder_slope is dU/dT at the exact T_c with U = 1 - <M^4> / (3 <M^2>^2).",
    ]


def draw(found: Found, budget: Budget) -> Figure:
    """|M| and chi over L with fits, Binder cumulants over T, decay of <M(0) M(t)>."""
    figure, axes = plot.new_figure(17.0, 4.4, columns=4, share=False)
    data = found.study
    ways = [
        ("", "reversible SDE", {side: data.models[side, REPORTED].order for side in budget.sides}, plot.COLORS[0]),
        ("unconstrained", "free drift", found.free, plot.COLORS[1]),
    ]
    _power_laws(axes[0], found, budget, ways, "absolute", -EXACT["beta_nu"], r"$\langle |M| \rangle$")
    _power_laws(axes[1], found, budget, ways, "susceptibility", EXACT["gamma_nu"], r"$\chi$")
    curves = {}
    for side in budget.sides:
        some = [data.models[side, t].order for t in budget.temperatures]
        curves[float(side)] = budget.temperatures, [o.binder for o in some], [o.binder_error for o in some]
    plot_dynamics.binder_crossing(axes[2], curves)
    for index, side in enumerate(sorted(budget.sides)):
        u = [data.direct[side, t].binder for t in budget.temperatures]
        axes[2].plot(budget.temperatures, u, "x", color=plot.color_of(index), markersize=6)
    axes[2].plot([], [], "kx", label="direct")
    axes[2].axvline(CRITICAL, color="black", linestyle=":", linewidth=1)
    axes[2].legend(frameon=False)
    for index, (side, (model, truth)) in enumerate(found.decays.items()):
        color, scale = plot.color_of(index), side**2.17
        half = len(truth.times) // 2 + 1
        axes[3].plot(
            truth.times[:half] / scale, truth.correlation[:half], "x", color=color, label=f"direct, L = {side}"
        )
        axes[3].plot(model.times[:half] / scale, model.correlation[:half], "-", color=color, label=f"SDE, L = {side}")
    axes[3].set_yscale("log")
    axes[3].set_xlabel("time / $L^{2.17}$")
    axes[3].set_ylabel(r"$\langle M(0) M(t) \rangle\, /\, \langle M^2 \rangle$")
    axes[3].legend(frameon=False)
    return figure


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
    truth = [getattr(found.study.direct[side, REPORTED], name) for side in budget.sides]
    ax.plot(budget.sides, truth, "kx", markersize=8, label="direct")
    sides = np.array(budget.sides, dtype=float)
    level = np.mean(np.log(truth) - exact * np.log(sides))
    ax.plot(sides, np.exp(level) * sides**exact, "k:", linewidth=1, label=f"exact $L^{{{exact:g}}}$")
    ax.set_xticks(sides, [f"{side:g}" for side in sides])
    ax.set_ylabel(label)
    ax.legend(frameon=False)
