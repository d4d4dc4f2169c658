"""Figure 6: critical exponents of the 2D Ising model from squares of 8^2 and 16^2 (see `critical`).

|M| and chi over L are those of the stationary law of the reversible SDE of each size, integrated, not sampled. That law
is the one of the snapshots, so the exponents are the upsampling's; the SDE adds trajectories, in units of time that
Glauber runs of 8^2 and 16^2 set. An SDE of M whose drift is fitted freely to the same snapshots stands beside it.

Exponents are defined at T_c, and are read off there. The paper's temperature, 2.27, is .0008 above it, which alone
takes 1 % from |M| at L = 128 and adds .004 to beta/nu of direct runs: they are given there as well.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from asemacro.studies.critical.criticality import (
    BinderSlope,
    OrderParameter,
    binder_slope,
    correlation_length_exponent,
    critical_exponents,
)
from asemacro.studies.paper.critical import CENTRAL, CRITICAL, FULL, QUICK, REPORTED, SMALL, SMALLER, Budget
from asemacro.studies.paper.critical_clock import Clock, Decay, clock, direct_decay, model_decay
from asemacro.studies.paper.critical_model import Study, noise_factors, study, unconstrained
from asemacro.studies.paper.fig6_drawing import Found, draw
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.tasks.parts import part
from asemacro.typing import Report

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


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn at all sizes, measure exponents, slopes and rates, compare with direct simulations."""
    first, *streams = rng.spawn(3 + len(budget.sides) + len(budget.rate_runs))
    data = study(budget, share=0.65, rng=first, progress=progress)
    progress("figure", 0.65, "unconstrained drift")
    kinds = (OrderParameter, Decay)
    free = {
        side: part(
            "unconstrained",
            partial(unconstrained, data.critical[side], budget.refits, rng=streams.pop()),
            kinds=kinds,
        )
        for side in budget.sides
    }
    progress("figure", 0.7, "clock from 8^2 and 16^2")
    ticks, decays = part("clock", partial(clock, budget, rng=streams.pop()), kinds=(Clock, *kinds)), {}
    for side, (runs, length) in budget.rate_runs.items():
        progress("figure", 0.75, f"direct dynamics, L = {side}")
        make = partial(direct_decay, side, CRITICAL, runs, length, rng=streams.pop())
        truth = part("decay", make, kinds=kinds)
        sde = data.models[side, CRITICAL].sde
        decays[side] = (
            model_decay(ticks.applied(sde, side, truth.times), truth.times),
            model_decay(sde, truth.times),
            truth,
        )
    progress("figure", 0.95, "noise factor")
    make_factors = partial(noise_factors, FACTOR_SIDE, CRITICAL, budget.pairs, rng=streams.pop())
    factors = part("noise factors", make_factors)
    ways = {
        "": [data.models[side, CRITICAL].order for side in budget.sides],
        "unconstrained": [free[side] for side in budget.sides],
        "direct": [data.direct[side, CRITICAL] for side in budget.sides],
        "at_2.27": [data.models[side, REPORTED].order for side in budget.sides],
        "direct_at_2.27": [data.direct[side, REPORTED] for side in budget.sides],
    }
    exponents = {name: critical_exponents(orders) for name, orders in ways.items()}
    slopes = {
        "": [slope_of(budget, {k: m.order for k, m in data.models.items()}, side) for side in budget.sides],
        "direct": [slope_of(budget, data.direct, side) for side in budget.sides],
    }
    found = Found(data, exponents, slopes, free, ticks, decays, factors)
    title = "Fig. 6: critical exponents of the 2D Ising model at T_c, learned from squares of 8^2 and 16^2"
    return Result(title, rows_of(found, budget), tables_of(found), lambda: draw(found, budget, EXACT), notes_of(found))


def slope_of(budget: Budget, orders: dict[tuple[int, float], OrderParameter], side: int) -> BinderSlope:
    """dU/dT at T_c: of a straight line where |T - T_c| L is small, else of a cubic."""
    temperatures = budget.temperatures
    wide = side * max(abs(t - CRITICAL) for t in temperatures) > CURVED
    degree = min(3 if wide else 1, len(temperatures) - 1)
    return binder_slope(temperatures, [orders[side, t] for t in temperatures], CRITICAL, degree=degree)


def rows_of(found: Found, budget: Budget) -> list[Row]:
    """The numbers of the figure."""
    return [
        *_exponent_rows(found),
        *(row for temperature in CENTRAL for row in _order_rows(found, budget, temperature)),
        *_rate_rows(found),
        *_free_rows(found, budget),
    ]


def _exponent_rows(found: Found) -> list[Row]:
    """Exponents at T_c, then at 2.27, and the slopes of the Binder cumulant."""
    own, direct = (found.exponents[name] for name in ("", "direct"))
    nu, nu_error, _ = correlation_length_exponent(found.slopes[""])
    true_nu, true_error, _ = correlation_length_exponent(found.slopes["direct"])
    # an error of the calibration acts on every doubling alike
    inherited = found.study.doubling.order_error / np.log(2)
    values = {
        "beta_nu": (own.beta_nu, float(np.hypot(own.beta_nu_error, inherited))),
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
    at, truth = found.exponents["at_2.27"], found.exponents["direct_at_2.27"]
    beta_error = float(np.hypot(at.beta_nu_error, inherited))
    rows += [
        Row("beta_nu/T=2.27", at.beta_nu, beta_error, PUBLISHED["beta_nu"], truth.beta_nu, "direct"),
        Row("gamma_nu/T=2.27", at.gamma_nu, at.gamma_nu_error, PUBLISHED["gamma_nu"], truth.gamma_nu, "direct"),
    ]
    for slope, true_slope in zip(found.slopes[""], found.slopes["direct"], strict=True):
        name = f"binder_slope/L={slope.size:g}"
        rows.append(Row(name, slope.slope, slope.error, SLOPES.get(int(slope.size)), true_slope.slope, "direct"))
    return rows


def _order_rows(found: Found, budget: Budget, temperature: float) -> list[Row]:
    """|M| and chi at T_c or 2.27, against direct simulations."""
    rows, data = [], found.study
    at = "" if temperature == CRITICAL else f"/T={temperature:g}"
    for side in budget.sides:
        order, truth = data.models[side, temperature].order, data.direct[side, temperature]
        for name, here, error, true, within in (
            ("|M|", order.absolute, order.absolute_error, truth.absolute, 0.015),
            ("chi", order.susceptibility, order.susceptibility_error, truth.susceptibility, 0.1),
        ):
            target = ((1 - within) * true, (1 + within) * true)
            rows.append(Row(f"{name}/L={side}{at}", here, error, None, true, "direct", target))
    return rows


def _rate_rows(found: Found) -> list[Row]:
    """Relaxation rates of M, the exponent of the clock, and the factor of the noise."""
    z, z_error = found.clock.exponent
    rows = [Row("z", z, z_error)]
    for side, (timed, bare, seen) in found.decays.items():
        near = (0.85 * seen.rate, 1.15 * seen.rate) if side == 32 else None
        rows.append(Row(f"rate/L={side}", timed.rate, found.clock.rate(side)[1], None, seen.rate, "direct", near))
        rows.append(Row(f"projected/rate/L={side}", bare.rate, None, None, seen.rate, "direct"))
        rows.append(Row(f"direct/rate/L={side}", seen.rate, seen.error))
    factor, factor_error = found.factors
    k = float(FACTOR_SIDE / SMALL) ** 2
    for j, label in enumerate(("M", "rho_DW")):
        rows.append(Row(f"noise_factor/{label}/L={FACTOR_SIDE}", factor[j], factor_error[j], None, k, "exact"))
    return rows


def _free_rows(found: Found, budget: Budget) -> list[Row]:
    """The unconstrained drift at T_c."""
    free = found.exponents["unconstrained"]
    rows = [
        Row("unconstrained/beta_nu", free.beta_nu, free.beta_nu_error, None, EXACT["beta_nu"], "exact"),
        Row("unconstrained/gamma_nu", free.gamma_nu, free.gamma_nu_error, None, EXACT["gamma_nu"], "exact"),
    ]
    for side in budget.sides:
        order, truth = found.free[side], found.study.direct[side, CRITICAL]
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
    """<M(0) M(t)> / <M^2> of the SDE with and without the clock, and of direct simulations."""
    lines = [
        [side, f"{t:g}", *(f"{v:.5g}" for v in values)]
        for side, three in found.decays.items()
        for t, *values in zip(three[-1].times, *(decay.correlation for decay in three), strict=True)
    ]
    small = [
        [side, f"{t:g}", "", "", f"{v:.5g}"]
        for side, decay in ((SMALLER, found.clock.small), (SMALL, found.clock.large))
        for t, v in zip(decay.times, decay.correlation, strict=True)
    ]
    return Table(["L", "time", "sde", "projected", "direct"], small + lines)


def notes_of(found: Found) -> list[str]:
    """What the numbers rest on."""
    d = found.study.doubling
    return [
        f"Temperatures of coarse states: T_c + {d.scale:.3f}({1000 * d.scale_error:.0f}) (T - T_c), T_c exact; flips "
        f"with p = {d.line[0]:.4f}({1e4 * d.line_error:.0f}) + {d.line[1]:.3f} (T - T_c), from 8^2 and 16^2.",
        "|M|, chi and U are integrals over the stationary law of each reversible SDE, which is that of the snapshots: "
        "exponents come from the upsampling. Rates are those of its slowest modes.",
        "rate: with the clock of Glauber runs of 8^2 and 16^2, continued as L^-z. projected: with the exact "
        "infinitesimal moments alone, too fast for want of memory.",
        "unconstrained: a drift of M fitted freely to the moments of the same snapshots.",
        "binder_slope is dU/dT at the exact T_c with U = 1 - <M^4> / (3 <M^2>^2).",
    ]
