"""The SDEs that figures 6 and 7 learn from upsampled critical snapshots, and what is compared with direct runs."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
from scipy import integrate

from asemacro.data import Moments
from asemacro.labels.transitions import partial_evolution
from asemacro.macro.density_fit import fit_reversible
from asemacro.macro.moment_fit import fit_moments
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.stationary import stationary_law
from asemacro.studies.critical.criticality import OrderParameter
from asemacro.studies.paper.critical import (
    CRITICAL,
    PHI,
    SMALL,
    Budget,
    Doubling,
    Snapshots,
    calibrate,
    direct_order,
    drawn,
    each_point,
    snapshots,
    system_of,
)
from asemacro.tasks.parts import part
from asemacro.typing import Floats, Report
from asemacro.upsampling.replication import FlipCalibration

ODD = (0,)  # M changes sign, rho_DW does not
PAIR_TIME = 20.0  # for the noise factor, which is K at any duration
PAIRS_A_STATE = 12


@dataclasses.dataclass(frozen=True)
class Model:
    """A reversible SDE of one size at one temperature.

    Attributes:
        side: L.
        temperature: T.
        sde: of (M, rho_DW).
        order: order parameter of its stationary law; errors are those of the snapshots that its density was fitted to.
        snapshots: order parameter of these snapshots.
        degree: of ln P that was kept.
    """

    side: int
    temperature: float
    sde: NeuralSDE
    order: OrderParameter
    snapshots: OrderParameter
    degree: int


@dataclasses.dataclass(frozen=True)
class Study:
    """What the two figures share.

    Attributes:
        doubling: what 8^2 and 16^2 say.
        models: (L, T) -> reversible SDE.
        direct: (L, T) -> order parameter of direct simulations.
        critical: L -> snapshots at T_c.
    """

    doubling: Doubling
    models: dict[tuple[int, float], Model]
    direct: dict[tuple[int, float], OrderParameter]
    critical: dict[int, Snapshots]


_done: dict[str, Study] = {}  # the last study of this process: figure 7 follows figure 6 at no cost


def study(budget: Budget, *, share: float = 1.0, rng: np.random.Generator, progress: Report) -> Study:
    """Calibrate, grow snapshots, learn and simulate directly, at all sizes and temperatures.

    The streams are spawned from `rng`, so the same seed gives the same study; the last one of a process is kept.

    Args:
        budget: what it may cost.
        share: part of the progress bar that this fills.
        rng: source of randomness.
        progress: told how far it is.
    """
    points = each_point(budget)
    first, *streams = rng.spawn(1 + 2 * len(points))
    key = f"{budget} {first.bit_generator.state}"
    if key not in _done:
        _done.clear()
        _done[key] = _study(budget, points, first, streams, share, progress)
    return _done[key]


def _study(
    budget: Budget,
    points: list[tuple[int, float]],
    first: np.random.Generator,
    streams: list[np.random.Generator],
    share: float,
    progress: Report,
) -> Study:
    cost = np.array([side**2 * budget.count(budget.states, side, t) for side, t in points], dtype=float)
    done = 0.1 + 0.9 * np.concatenate([[0.0], cost.cumsum()]) / cost.sum()
    progress("figure", 0.0, "8^2 and 16^2")
    doubling = part("calibrate", partial(calibrate, budget, rng=first), rng=first, kinds=(Doubling, FlipCalibration))
    found, kinds = Study(doubling, {}, {}, {}), (Snapshots, Moments, OrderParameter)
    for k, (side, temperature) in enumerate(points):
        progress("figure", share * float(done[k]), f"L = {side}, T = {temperature:g}")
        own, truth = streams[2 * k : 2 * k + 2]
        make = partial(snapshots, budget, found.doubling, side, temperature, rng=own)
        seen = part("snapshots", make, rng=own, kinds=kinds)
        found.models[side, temperature] = learn(seen, budget.degree, rng=own)
        if temperature == CRITICAL:
            found.critical[side] = seen
        count = budget.count(budget.direct, side, temperature)
        drawn_directly = partial(direct_order, side, temperature, count, rng=truth)
        found.direct[side, temperature] = part("direct", drawn_directly, rng=truth, kinds=kinds)
    return found


def learn(found: Snapshots, degree: int, *, rng: np.random.Generator) -> Model:
    """The reversible SDE: ln P from the snapshots, Sigma from the exact moments of their patches."""
    drift = ReversibleDrift(PHI.dim, degree=degree, odd=ODD)
    sde = NeuralSDE(drift, PolynomialDiffusion(PHI.dim, odd=ODD), labels=PHI.labels, sites=found.side**2)
    fitted = fit_reversible(sde, found.moments.z, found.moments, rng=rng)
    law = stationary_law(sde)
    m = np.abs(law.z[:, 0])
    first, second, fourth = (float(law.mean(m**k)) for k in (1, 2, 4))
    n, seen = found.side**2, found.order
    values = np.array([first, n * (second - first**2), 1 - fourth / (3 * second**2)])
    ratio = values / np.array([seen.absolute, seen.susceptibility, seen.binder])
    errors = np.array([seen.absolute_error, seen.susceptibility_error, seen.binder_error]) * np.abs(ratio)
    order = dataclasses.replace(
        seen,
        absolute=values[0],
        absolute_error=errors[0],
        susceptibility=values[1],
        susceptibility_error=errors[1],
        binder=values[2],
        binder_error=errors[2],
        replicas=seen.replicas * ratio,
    )
    return Model(found.side, found.temperature, sde, order, seen, fitted.report.degree)


def unconstrained(found: Snapshots, refits: int, *, rng: np.random.Generator) -> OrderParameter:
    r"""Order parameter of an SDE of M alone whose drift b is fitted freely to the moments of the snapshots.

    Its law is p(M) ~ exp(int 2 b / Sigma dM) / Sigma on the range of the snapshots: no trajectories are needed. Without
    noise in b it would be that of equilibrium snapshots whatever the other variables do. Errors: refits to resampled
    snapshots.

    Args:
        found: snapshots with their moments.
        refits: number of resamplings.
        rng: source of randomness.
    """
    all_moments, n = found.moments, found.side**2
    m = Moments(all_moments.z[:, :1], all_moments.drift[:, :1], all_moments.covariance[:, :1, :1], all_moments.K)
    edge = float(np.abs(m.z).max())
    values = np.array([_free_law(m, edge, n, rng)])
    replicas = np.array([_free_law(m.take(rng.integers(len(m), size=len(m))), edge, n, rng) for _ in range(refits)])
    errors = replicas.std(axis=0, ddof=1)
    (first, chi, binder), (first_error, chi_error, binder_error) = values[0], errors
    return OrderParameter(n, found.side, first, first_error, chi, chi_error, binder, binder_error, replicas)


def _free_law(moments: Moments, edge: float, sites: int, rng: np.random.Generator) -> Floats:
    """<|M|>, chi and U of a free drift of M fitted to moments, in the range up to `edge`."""
    sde = NeuralSDE(PolynomialDrift(1, degree=9, hidden=0, odd=ODD), PolynomialDiffusion(1, odd=ODD))
    fit_moments(sde, moments, rng=rng)
    m = np.linspace(0.0, edge, 4001)
    drift, sigma = sde.drift(m[:, None])[:, 0], sde.diffusion(m[:, None])[:, 0, 0]
    log_p = integrate.cumulative_trapezoid(2 * drift / sigma, m, initial=0.0) - np.log(sigma)
    p = np.exp(log_p - log_p.max())
    p[[0, -1]] *= 0.5
    first, second, fourth = ((p * m**k).sum() / p.sum() for k in (1, 2, 4))
    return np.array([first, sites * (second - first**2), 1 - fourth / (3 * second**2)])


def noise_factors(side: int, temperature: float, pairs: int, *, rng: np.random.Generator) -> tuple[Floats, Floats]:
    r"""The factor that the noise of pairs by partial evolution needs, measured, for M and rho_DW, and its error.

    A patch whose surroundings are frozen moves reversibly with respect to the law of the whole system, so
    E[dphi^2] = -2 E[dphi phi] for equilibrium states at any duration, and E[dz^2] / (-2 E[dz z]) = K with dz = K dphi.
    Directly simulated states of the size are needed, so no model uses the result.

    Args:
        side: L.
        temperature: T.
        pairs: number of pairs, of duration 20.
        rng: source of randomness.
    """
    system = system_of(side, temperature)
    x = drawn(side, temperature, max(50, pairs // PAIRS_A_STATE), rng=rng)
    z = PHI(x, system.lattice)
    z = z - [0.0, z[:, 1].mean()]
    rows = []
    for _ in range(PAIRS_A_STATE):
        moves = partial_evolution(system, x, [PAIR_TIME], (SMALL / side) ** 2, rng=rng)
        dz = moves.K * moves.change(PHI)
        rows.append(np.stack([dz**2, -2 * dz * z], axis=1))
    sums = np.mean(rows, axis=0)
    parts = np.array([part.mean(axis=0) for part in np.array_split(sums, 50)])
    square, cross = sums.mean(axis=0)
    factor = square / cross
    residual = (parts[:, 0] - factor * parts[:, 1]) / cross
    return factor, residual.std(axis=0, ddof=1) / np.sqrt(len(parts))
