"""What closure variables learn, by objective: makes docs/closure-objectives.csv, the table of docs/notes/closure.md.

python docs/closure_objectives.py docs/closure-objectives.csv     (about 4 minutes on one core)

Ising 64 x 64, T = 2.5, h = 0.1; snapshots are mosaics of 16 x 16 systems of the same random start and age, as in figure
3b. Variables are judged on other snapshots, of direct runs; the SDE of each z, learned from exact rates of all spins,
against means over direct runs.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from asemacro.closure.fit import fit_closure
from asemacro.data import Moments
from asemacro.lattice.spins import random_spins
from asemacro.micro.blocks import observe
from asemacro.micro.sampling import sample
from asemacro.observables.base import Observable
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.paper.autoencoder import fit_autoencoder
from asemacro.studies.paper.spin_models import Data, Effort, all_rates, make_data
from asemacro.studies.paper.spin_transients import Law, direct_law, errors_of, fit_labels, ising, predict
from asemacro.tasks.progress import silent

SMALL, SEED = 256, 2
Objective = Literal["pseudo-likelihood", "one-step", "autoencoder"]
EFFORT = Effort(n_starts=32, per_age=2, draws=1)
DIRECT_RUNS, TRAJECTORIES, EPOCHS = 300, 500, 20
TIMES = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0, 40.0, 80.0)
WALLS = DomainWallDensity()
COLUMNS = (
    *("z_star", "objective", "variables", "auto", "fit_seconds"),
    *("walls_explained", "walls_linear", "walls2_explained"),
    *("loss_without", "loss_with", "one_step_without", "one_step_with", "gain", "gain_error"),
    *("transient_M", "transient_rho", "equilibrium_M", "late_M", "late_sd_M"),
)


def residual(values: np.ndarray, given: np.ndarray, degree: int = 5) -> np.ndarray:
    """What a polynomial of the given variables (N, k) leaves of the values (N,)."""
    middle = (given.max(axis=0) + given.min(axis=0)) / 2
    scaled = (given - middle) / np.ptp(given, axis=0) * 2
    powers = np.array([p for p in np.ndindex(*(degree + 1,) * given.shape[1]) if sum(p) <= degree])
    basis = np.prod(scaled[:, None] ** powers, axis=2)
    return values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]


def explained(target: np.ndarray, z: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Share of the variance of the target at given z that the values explain, and by a linear relation alone."""
    rest = residual(target, z)
    whole = 1 - residual(target, np.column_stack([z, values])).var() / rest.var()
    each = np.column_stack([residual(v, z) for v in values.T])
    linear = np.linalg.lstsq(each, rest, rcond=None)[0]
    return whole, 1 - (rest - each @ linear).var() / rest.var()


def learned(data: Data, moments: Moments, labels: tuple[str, ...], phi: Observable, truth: Law) -> dict[str, object]:
    """Errors of the SDE of the first variables of phi, M and rho_DW compared if they are among them."""
    rng, d = np.random.default_rng(SEED), len(labels)
    part = Moments(
        moments.z[:, :d], moments.drift[:, :d], moments.covariance[:, :d, :d], moments.K, group=moments.group
    )
    sde = fit_labels(part, labels, data.setting.system.lattice.n_sites, rng=rng)
    law = predict(sde, data.setting, First(phi, d), TRAJECTORIES, rng=rng)
    shared = 2 if WALLS.labels[0] in labels else 1
    law = Law(law.times, law.mean[..., :shared], law.sd[..., :shared], law.runs)
    found = errors_of(law, Law(truth.times, truth.mean[..., :shared], truth.sd[..., :shared], truth.runs))
    mean, sd = law.late([3, 4], 60.0)
    transient = found.relative["transient"].mean(axis=0)
    return {
        "transient_M": transient[0],
        "transient_rho": transient[1] if shared > 1 else "",
        "equilibrium_M": found.relative["equilibrium"][:, 0].mean(),
        "late_M": mean[0],
        "late_sd_M": sd[0],
    }


class First(Observable):
    """The first variables of an observable."""

    def __init__(self, phi: Observable, dim: int) -> None:
        self.phi, self.labels = phi, phi.labels[:dim]

    def __call__(self, x: np.ndarray, lattice: Any) -> np.ndarray:
        """(batch, dim)."""
        return self.phi(x, lattice)[:, : self.dim]


def fitted(
    data: Data, z_star: Observable, objective: Objective, moments: Moments
) -> tuple[Observable, list[dict[str, object]]]:
    """Closure variables by an objective, and for each of them losses without and with it."""
    x, lattice, rng = data.made.x, data.setting.system.lattice, np.random.default_rng(SEED)
    if objective == "autoencoder":
        encoder, (with_it, without) = fit_autoencoder(x, lattice, z_star, 1, epochs=EPOCHS, rng=rng)
        return encoder, [{"loss_with": with_it, "loss_without": without}]
    result = fit_closure(x, lattice, z_star, 2, objective=objective, moments=moments, rng=rng)
    assert result is not None  # only dims="auto" may find none
    closure = result.model
    loss, step, gains = (closure.notes[key] for key in ("loss", "one_step_loss", "one_step_gain"))
    useful = [*(g["value"] > 2 * g["error"] for g in gains), False].index(False)
    return closure, [
        {"loss_without": loss[k], "loss_with": loss[k + 1], "one_step_without": step[k], "one_step_with": step[k + 1]}
        | {"gain": gains[k]["value"], "gain_error": gains[k]["error"], "auto": useful}
        for k in range(len(gains))
    ]


def main() -> None:
    """Write the table."""
    rng = np.random.default_rng(SEED)
    setting = ising()
    lattice = setting.system.lattice
    truth = direct_law(setting, DIRECT_RUNS, rng=rng, progress=silent)
    data = make_data(setting, SMALL, EFFORT, rng=rng)
    start = random_spins(lattice, rng.uniform(-1, 1, 60), rng=rng)
    judged = sample(setting.system, start, TIMES, rng=rng).x.reshape(-1, lattice.n_sites)
    walls, second = (observe(DomainWallDensity(shell), judged, lattice)[:, 0] for shell in (1, 2))
    mean, sd = truth.late([3, 4], 60.0)
    noise = truth.noise()
    rows: list[dict[str, object]] = [
        {"objective": "direct", "transient_M": noise[0, 0], "transient_rho": noise[0, 1], "late_M": mean[0]}
        | {"equilibrium_M": noise[1, 0], "late_sd_M": sd[0]}
    ]
    for z_star in (Magnetization(), Observables([Magnetization(), WALLS])):
        name, z = ",".join(z_star.labels), observe(z_star, judged, lattice)
        moments = all_rates(data, z_star)
        rows.append({"z_star": name, "objective": "none", "variables": 0})
        rows[-1] |= learned(data, moments, z_star.labels, z_star, truth)
        print(rows[-1], flush=True)
        for objective in get_args(Objective):
            begin = time.process_time()
            closure, notes = fitted(data, z_star, objective, moments)
            seconds = time.process_time() - begin
            values, whole = observe(closure, judged, lattice), Observables([z_star, closure])
            labels = all_rates(data, whole)
            for dims in range(1, len(notes) + 1):
                row: dict[str, object] = {"z_star": name, "objective": objective, "variables": dims}
                row |= {"fit_seconds": seconds} | notes[dims - 1]
                if len(z_star.labels) == 1:
                    row["walls_explained"], row["walls_linear"] = explained(walls, z, values[:, :dims])
                row["walls2_explained"] = explained(second, z, values[:, :dims])[0]
                row |= learned(data, labels, whole.labels[: z.shape[1] + dims], whole, truth)
                rows.append(row)
                print(row, flush=True)
    with Path(sys.argv[1]).open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="raise")
        table.writeheader()
        table.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


if __name__ == "__main__":
    main()
