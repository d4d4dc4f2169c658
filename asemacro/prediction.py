"""From records of small runs to the order of the large system: fit, mean paths, equilibrium, error bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asemacro.campaign import Record
from asemacro.diffusion import FullDiffusion
from asemacro.drift import OnsagerNet
from asemacro.patches import Pairs
from asemacro.sde import NeuralSDE
from asemacro.simulate import simulate
from asemacro.train import fit_ensemble

Floats = NDArray[np.float64]
MEMBERS = 4  # bootstrap members behind the error bars
TRAJECTORIES = 48
SAVED_TIMES = 48  # on a logarithmic axis
SETTLED = 25.0  # relaxation times after which a path is taken to be in equilibrium


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Mean order of the large system at one temperature, unlike pairs only.

    Attributes:
        start: (d,) mean order of the random alloy.
        times_s: (n,) logarithmic, from the first recorded step to the anneal time or until settled.
        path: (n, d) mean order from random.
        path_error: (n, d) one standard error, from the ensemble.
        annealed: (d,) order after the anneal.
        annealed_error: (d,).
        equilibrium: (d,) stationary mean.
        equilibrium_error: (d,).
        anneal_s: anneal time.
        settled: the path ends in equilibrium, before the anneal does.
        relaxation_time_s: slowest one, linearised at the late order of the data.
    """

    start: Floats
    times_s: Floats
    path: Floats
    path_error: Floats
    annealed: Floats
    annealed_error: Floats
    equilibrium: Floats
    equilibrium_error: Floats
    anneal_s: float
    settled: bool
    relaxation_time_s: float


def learn(
    records: Sequence[Record],
    columns: NDArray[np.intp],
    labels: Sequence[str],
    sites: int,
    *,
    rng: np.random.Generator,
    progress: bool = False,
) -> list[NeuralSDE]:
    """One SDE for all temperatures, and bootstrap members of it.

    Args:
        records: one for each temperature.
        columns: of the records' order that make z (the independent, unlike pairs).
        labels: names of these columns.
        sites: size of the large system.
        rng: source of randomness.
        progress: show a bar.

    Returns:
        The model, then the members whose spread is its error.
    """
    pairs = Pairs.concat([record.pairs(columns) for record in records])
    many = len({record.temperature_K for record in records}) > 1
    conditions = 1 if many else 0
    if not many:
        pairs = dataclasses.replace(pairs, condition=np.empty(0))
    dim = len(columns)
    sde = NeuralSDE(
        OnsagerNet(dim, n_conditions=conditions),
        FullDiffusion(dim, n_conditions=conditions),
        labels=tuple(labels),
        sites=sites,
    )
    return fit_ensemble(sde, pairs, MEMBERS, rng=rng, progress=progress)


def predict(
    ensemble: Sequence[NeuralSDE],
    record: Record,
    start: Floats,
    anneal_s: float,
    columns: NDArray[np.intp],
    *,
    rng: np.random.Generator,
) -> Prediction:
    """Order from random after an anneal, and at equilibrium, at the temperature of a record.

    The mean path is that of simulated trajectories of the SDE; its error is the spread of the noise-free paths
    of the bootstrap members, and of their stationary points.

    Args:
        ensemble: from `learn`.
        record: gives the temperature and the first time.
        start: (d,) mean order of a random alloy.
        anneal_s: anneal time.
        columns: of the record's order.
        rng: source of randomness.
    """
    sde = ensemble[0]
    condition = record.temperature_K if sde.n_conditions else None
    first = float(record.times_s[1])
    late = record.order[:, len(record.times_s) // 2 :][:, :, columns].mean(axis=(0, 1))
    slowest = 1 / max(float(sde.relaxation_rates(late, condition)[0, 0]), 1e-300)
    settled = SETTLED * max(slowest, record.relaxation_time_s if np.isfinite(record.relaxation_time_s) else 0)
    end = max(min(anneal_s, settled), first * 2)
    times = np.geomspace(first, end, SAVED_TIMES)
    n = TRAJECTORIES
    _, z = simulate(sde, start, condition=condition, n_trajectories=n, times_s=times, rng=rng)
    path = z.mean(axis=0)
    spread = [mean_path(member, start, times, condition) for member in ensemble[1:]]
    path_error = np.hypot(np.std(spread, axis=0, ddof=1), z.std(axis=0) / np.sqrt(n))

    # equilibrium: go on from the end of the path, and average what comes after it has settled
    more = np.linspace(0, 2 * settled, 81)
    _, tail = simulate(sde, z[:, -1], condition=condition, n_trajectories=n, times_s=more, rng=rng)
    equilibrium = tail[:, 41:].mean(axis=(0, 1))
    fixed = np.array([mean_path(m, equilibrium, np.array([settled]), condition)[-1] for m in ensemble[1:]])
    sampling = tail[:, 41:].mean(axis=1).std(axis=0) / np.sqrt(n)
    equilibrium_error = np.hypot(fixed.std(axis=0, ddof=1), sampling)

    reached = anneal_s <= end
    return Prediction(
        start=start,
        times_s=times,
        path=path,
        path_error=path_error,
        annealed=path[-1] if reached else equilibrium,
        annealed_error=path_error[-1] if reached else equilibrium_error,
        equilibrium=equilibrium,
        equilibrium_error=equilibrium_error,
        anneal_s=anneal_s,
        settled=not reached,
        relaxation_time_s=slowest,
    )


def mean_path(
    sde: NeuralSDE, start: Floats, times_s: Floats, condition: float | None, max_rate_step: float = 0.2
) -> Floats:
    """Noise-free path dz/dt = mu(z) at ascending times, (n, d): classical Runge-Kutta, step bound by stiffness.

    Args:
        sde: the model.
        start: (d,) at time 0.
        times_s: (n,) times to return.
        condition: temperature in K, None if the model has none.
        max_rate_step: largest relaxation rate times step.
    """
    z, now, out = np.array(start, dtype=float), 0.0, []

    def mu(value: Floats) -> Floats:
        return sde.drift(value, condition)[0]

    for time in times_s:
        while now < time:
            fastest = float(np.linalg.norm(sde.jacobian(z, condition)[0], ord=2))
            steps = max(1, int(np.ceil((time - now) * fastest / max_rate_step)))
            step = (time - now) / steps
            for _ in range(min(steps, 8)):  # then look at the stiffness again
                k1 = mu(z)
                k2 = mu(z + 0.5 * step * k1)
                k3 = mu(z + 0.5 * step * k2)
                k4 = mu(z + step * k3)
                z = z + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            now = time if steps <= 8 else now + 8 * step
        out.append(z)
    return np.array(out)
