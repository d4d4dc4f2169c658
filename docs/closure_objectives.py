"""What closure variables learn, by objective: makes docs/closure-objectives.csv, the table of docs/closure.md.

python docs/closure_objectives.py docs/closure-objectives.csv     (about 8 minutes on one core)

Ising 64 x 64, T = 2.5, h = 0.1; snapshots are mosaics of 16 x 16 systems of the same random start and age, as in figure
3b. Variables are judged on other snapshots, of direct runs; the SDE of each z, learned from exact rates of all spins,
against means over direct runs.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.block_system import Observable, observe
from asemacro.closure_fit import fit_closure
from asemacro.joined import Observables
from asemacro.micro.base import sample
from asemacro.moments import Moments
from asemacro.reproduce.autoencoder import fit_autoencoder
from asemacro.reproduce.spin_models import Data, Effort, all_rates, make_data
from asemacro.reproduce.spin_transients import Law, direct_law, errors_of, fit_labels, ising, predict
from asemacro.spin_observables import DomainWallDensity, Magnetization
from asemacro.spins import random_spins

SMALL, SEED = 256, 2
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
    part = Moments(moments.z[:, :d], moments.drift[:, :d], moments.covariance[:, :d, :d], 1.0, group=moments.group)
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


class First:
    """The first variables of an observable."""

    def __init__(self, phi: Observable, dim: int) -> None:
        self.phi, self.dim, self.labels = phi, dim, phi.labels[:dim]

    def __call__(self, x: np.ndarray, lattice: Any) -> np.ndarray:
        """(batch, dim)."""
        return self.phi(x, lattice)[:, : self.dim]


def main() -> None:
    """Write the table."""
    rng = np.random.default_rng(SEED)
    setting = ising()
    lattice = setting.system.lattice
    truth = direct_law(setting, DIRECT_RUNS, rng=rng, tell=lambda *_: None)
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
        for objective in ("pseudo-likelihood", "one-step", "autoencoder"):
            begin = time.process_time()
            rng = np.random.default_rng(SEED)
            most = 1 if objective == "autoencoder" else 2
            if objective == "autoencoder":
                closure, losses = fit_autoencoder(data.made.x, lattice, z_star, most, epochs=EPOCHS, rng=rng)
            else:
                closure = fit_closure(data.made.x, lattice, z_star, most, objective=objective, moments=moments, rng=rng)
            seconds = time.process_time() - begin
            values, whole = observe(closure, judged, lattice), Observables([z_star, closure])
            labels = all_rates(data, whole)
            for dims in range(1, most + 1):
                row = {"z_star": name, "objective": objective, "variables": dims, "fit_seconds": seconds}
                if objective == "autoencoder":
                    row |= {"loss_with": losses[0], "loss_without": losses[1]}
                else:
                    notes = closure.notes
                    gains = notes["one_step_gain"]
                    useful = [g["value"] > 2 * g["error"] for g in gains]
                    row |= {"loss_without": notes["loss"][dims - 1], "loss_with": notes["loss"][dims]}
                    row |= {"one_step_without": notes["one_step_loss"][dims - 1]}
                    row |= {"one_step_with": notes["one_step_loss"][dims], "gain": gains[dims - 1]["value"]}
                    row |= {"gain_error": gains[dims - 1]["error"], "auto": [*useful, False].index(False)}
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
