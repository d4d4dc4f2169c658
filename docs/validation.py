"""Learned SDE against direct KMC: NbMoTa, published barrier network, from 1,024-site runs to 8,192 sites.

    python docs/validation.py WEIGHTS.npz DIR
    python docs/validation.py WEIGHTS.npz DIR --each
    python docs/validation.py WEIGHTS.npz DIR --closure --temperatures 1000

write validation.csv (one SDE for all temperatures), validation-each.csv (one for each) and closure.csv beside this
file. The runs are kept in DIR (about an hour and a half on one core; a second call takes them from there).
WEIGHTS.npz: plain arrays of the published network.
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import typer

import asemacro as am
from asemacro.barriers.published import PublishedNetwork
from asemacro.data import Pairs
from asemacro.labels.transitions import pairs_from_runs
from asemacro.macro.sde import NeuralSDE
from asemacro.studies.alloy.approach import RELAXED, relaxation
from asemacro.studies.alloy.prediction import learn
from asemacro.studies.alloy.record import Record
from asemacro.typing import Floats

COPIES = 8  # 1,024-site cells in the large system
MEMBERS = 4  # bootstrap members behind the error bars
UNLIKE, SECOND_SHELL = [1, 2, 4], [7, 8, 10]  # Nb-Mo, Nb-Ta, Mo-Ta among the pairs of one shell, and of the second
PAIRS = ("Nb-Mo", "Nb-Ta", "Mo-Ta")
# figure 8b of arXiv 2511.12842: order after about 6e5 hops a vacancy from random
PUBLISHED = {2000: (0.17, -0.13, 0.46), 1000: (0.39, -0.31, 1.12)}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Runs from random at one temperature: times in units of `hop_s`, about the mean time of a hop."""

    temperature_K: int
    edge: int  # conventional cells along an edge: 8 for 1,024 sites and 1 vacancy, 16 for 8,192 and 8
    runs: int
    until: float
    shortest: float
    longest: float
    seed: int
    hop_s: float

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{'small' if self.edge == 8 else 'large'}_{self.temperature_K}_{self.seed}"


TRAINING = [
    Plan(2000, 8, 256, 60_000, 60, 250, 1, 1.63e-10),
    Plan(2000, 8, 512, 60_000, 60, 250, 5, 1.63e-10),
    # at a given order, cells on their way relax more slowly than cells that fluctuate: long runs count the latter more
    Plan(2000, 8, 96, 320_000, 60, 250, 6, 1.63e-10),
    Plan(1400, 8, 120, 80_000, 25, 1000, 1, 8e-9),
    Plan(1400, 8, 16, 1_000_000, 25, 1000, 3, 8e-9),
    Plan(1400, 8, 32, 1_000_000, 25, 1000, 5, 8e-9),
    Plan(1000, 8, 40, 300_000, 25, 2000, 1, 2.4e-6),
    Plan(1000, 8, 16, 20_000_000, 25, 2000, 3, 2.4e-6),
    Plan(800, 8, 16, 20_000_000, 50, 50_000, 1, 9e-5),
    Plan(600, 8, 16, 20_000_000, 50, 50_000, 1, 1e-2),
]
DIRECT = [
    Plan(2000, 16, 80, 60_000, 60, 1000, 2, 1.63e-10),
    Plan(1400, 16, 8, 80_000, 25, 2000, 2, 8e-9),
    Plan(1000, 16, 6, 200_000, 25, 2000, 2, 2.4e-6),
    # below 1000 K the mean path is compared with other 1,024-site runs of the whole anneal
    Plan(800, 8, 8, 20_000_000, 50, 50_000, 2, 9e-5),
    Plan(600, 8, 8, 20_000_000, 50, 50_000, 2, 1e-2),
]
STATIONARY = [
    Plan(1400, 16, 8, 600_000, 25, 2000, 4, 8e-9),
    Plan(1000, 8, 4, 40_000_000, 25, 10_000, 4, 2.4e-6),
]
PAIR_STEP = {2000: 500.0, 1400: 500.0, 1000: 1000.0, 800: 50_000.0, 600: 50_000.0}  # hop times, by the dt rule


def record_of(plan: Plan, times_s: Floats, order: Floats) -> Record:
    """Runs with the order (runs, n, 12) of all pairs in two shells, as the diagram has them."""
    length, slowest = relaxation(times_s, order[:, :, UNLIKE])
    hops = np.broadcast_to(times_s / plan.hop_s, order.shape[:2])
    return Record(
        plan.temperature_K,
        COPIES,
        times_s,
        order,
        hops,
        length >= RELAXED,
        slowest,
        0.0,
        0.0,
        0.0,
        np.empty((len(order), 0)),
        np.nan,
    )


def simulate_runs(plan: Plan, model: PublishedNetwork, cache: Path) -> Record:
    """The runs of a plan, from the cache if they are there."""
    path = cache / f"{plan.name}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return record_of(plan, stored["t"], stored["Z"])
    lattice = am.Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], plan.edge)
    kmc = am.VacancyKMC(lattice, model, plan.temperature_K)
    phi = am.WarrenCowley(lattice.species, shells=2, pairs="all")
    cells = lattice.n_sites // 1024
    counts = {"Nb": 341 * cells, "Mo": 341 * cells, "Ta": 341 * cells, "X": cells}
    times = [0.0]
    while times[-1] < plan.until:
        times.append(times[-1] + float(np.clip(0.03 * times[-1], plan.shortest, plan.longest)))
    times_s = np.array(times) * plan.hop_s
    rng = np.random.default_rng(plan.seed)
    order = []
    for _ in range(plan.runs):
        x = lattice.random_state(counts, rng=rng)
        run = kmc.run(x, record_times_s=times_s, observe=lambda s: phi(np.atleast_2d(s), lattice)[0], rng=rng)
        order.append(run.record)
        print(f"{plan.name}: run {len(order)} of {plan.runs}, {run.hops_per_second:.0f} hops/s", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(path, t=times_s, Z=np.array(order), h=plan.hop_s)
    return record_of(plan, times_s, np.array(order))


def models_of(
    plans: list[Plan], data: dict[str, Record], columns: list[int], rng: np.random.Generator
) -> list[NeuralSDE]:
    """One SDE for the temperatures of the plans, with its bootstrap ensemble, fitted as that of a diagram."""
    pairs = []
    for plan in plans:
        runs, step_s = data[plan.name], PAIR_STEP[plan.temperature_K] * plan.hop_s
        values = runs.order[:, :, columns]
        pairs.append(
            pairs_from_runs(
                values, runs.times_s, runs.copies, plan.temperature_K, step_s=step_s, combinations=2, rng=rng
            )
        )
    labels = [f"z{k}" for k in columns]
    return learn(Pairs.concat(pairs), labels, 1024 * COPIES, members=MEMBERS, rng=rng)


def mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Mean over the first axis and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def paths(
    models: list[NeuralSDE], start: Floats, times_s: Floats, kelvin: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Mean path (n, d) of the SDE, its error from the ensemble, and the end states."""
    _, z = am.simulate(models[0], start, times_s=times_s, condition=kelvin, n_trajectories=64, rng=rng)
    members = [am.simulate(m, start, times_s=times_s, condition=kelvin, noise=False, rng=rng)[1][0] for m in models[1:]]
    error = np.hypot(np.std(members, axis=0, ddof=1), z.std(axis=0) / 8)
    return z.mean(axis=0), error, z[:, -1]


def stationary(
    models: list[NeuralSDE], ends: Floats, kelvin: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Stationary mean, its error from the ensemble, sd, and relaxation rates (ascending, 1/s)."""
    slowest = 1 / max(models[0].relaxation_rates(ends[:1], kelvin)[0, 0], 1e-300)
    times = np.linspace(0, 16 * slowest, 161)
    _, z = am.simulate(models[0], ends, times_s=times, condition=kelvin, n_trajectories=len(ends), rng=rng)
    average = am.stationary_average(z, discard=0.4)
    fixed = [
        am.simulate(m, average.mean, times_s=[10 * slowest], condition=kelvin, noise=False, rng=rng)[1][0, 0]
        for m in models[1:]
    ]
    error = np.hypot(np.std(fixed, axis=0, ddof=1), average.error)
    return average.mean, error, average.sd, models[0].relaxation_rates(average.mean[None], kelvin)[0]


def compare(
    models: list[NeuralSDE],
    plan: Plan,
    data: dict[str, Record],
    columns: list[int],
    closure: str,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Rows of the table at one temperature."""
    direct = data[plan.name]
    starts = np.concatenate([data[p.name].order[:, 0] for p in TRAINING if p.temperature_K == plan.temperature_K])
    n = len(direct.times_s)
    last = n - 1 if plan.temperature_K < 2000 else int(np.searchsorted(direct.times_s, 20_000 * plan.hop_s))
    chosen = np.unique(np.linspace(1, last, 60).astype(int))
    times = direct.times_s[chosen]
    mean, error, ends = paths(models, starts[:, columns].mean(0), times, plan.temperature_K, rng)
    truth, truth_error = mean_and_error(direct.order[:, chosen][:, :, UNLIKE])
    deviation = mean[:, :3] - truth
    pull = deviation / np.hypot(error[:, :3], truth_error)
    level, level_error, sd, rates = stationary(models, ends, plan.temperature_K, rng)
    reference = next((p for p in STATIONARY if p.temperature_K == plan.temperature_K), None)
    settled, cells = None, COPIES
    if plan.temperature_K >= 2000 or reference is not None:
        late = data[(reference or plan).name]
        settled = late.order[:, late.times_s > 0.4 * late.times_s[-1]][:, :, UNLIKE]
        cells = ((reference or plan).edge // 8) ** 3
    longest = max((p for p in TRAINING if p.temperature_K == plan.temperature_K), key=lambda p: p.until)
    runs = data[longest.name]
    behind, reached = runs.lag[UNLIKE], runs.relaxed
    rows: list[dict[str, object]] = []
    for k, pair in enumerate(PAIRS):
        row: dict[str, object] = {
            "temperature_K": plan.temperature_K,
            "closure": closure,
            "pair": pair,
            "transient_rms_error": np.sqrt((deviation[:, k] ** 2).mean()),
            "direct_noise_rms": np.sqrt((truth_error[:, k] ** 2).mean()),
            "transient_end_sde": mean[-1, k],
            "transient_end_error": error[-1, k],
            "transient_end_direct": truth[-1, k],
            "transient_end_direct_error": truth_error[-1, k],
            "end_s": times[-1],
            "pull_rms": np.sqrt((pull[:, k] ** 2).mean()),
            "stationary_sde": level[k],
            "stationary_error": np.hypot(level_error[k], behind[k]),
            "equilibrium_reached": reached,
            "sd_sde": sd[k],
            "published": PUBLISHED.get(plan.temperature_K, (np.nan,) * 3)[k],
            "slowest_relaxation_s": 1 / rates[0],
            "fastest_relaxation_s": 1 / rates[-1],
        }
        if settled is not None:
            row["stationary_direct"] = settled[:, :, k].mean()
            row["stationary_direct_error"] = settled[:, :, k].mean(axis=1).std(ddof=1) / np.sqrt(len(settled))
            row["sd_direct"] = settled[:, :, k].std() * np.sqrt(cells / COPIES)
        rows.append(row)
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else str(v) for k, v in row.items()), flush=True)
    return rows


def main(
    weights: Path,
    cache: Path,
    temperatures: str = "2000,1400,1000,800,600",
    closure: bool = False,
    each: bool = False,
    seed: int = 0,
    output: Path = Path(__file__).parent,
) -> None:
    """Simulate, learn, compare, write.

    WEIGHTS is the published network, the runs are kept in the folder CACHE. --closure fits with and without the
    second-shell order, --each fits one equation for each temperature.
    """
    model = PublishedNetwork.from_npz(weights)
    wanted = [int(kelvin) for kelvin in temperatures.split(",")]
    plans = [p for p in (*TRAINING, *DIRECT, *STATIONARY) if p.temperature_K in wanted]
    data = {p.name: simulate_runs(p, model, cache) for p in plans}
    rng = np.random.default_rng(seed)
    training = [p for p in TRAINING if p.temperature_K in wanted]
    rows: list[dict[str, object]] = []
    if closure:
        for columns, variables in ((UNLIKE, "none"), (UNLIKE + SECOND_SHELL, "second shell")):
            models = models_of(training, data, columns, rng)
            for plan in (p for p in DIRECT if p.temperature_K in wanted):
                rows += compare(models, plan, data, columns, variables, rng)
    else:
        for group in [[kelvin] for kelvin in wanted] if each else [wanted]:
            models = models_of([p for p in training if p.temperature_K in group], data, UNLIKE, rng)
            for plan in (p for p in DIRECT if p.temperature_K in group):
                rows += compare(models, plan, data, UNLIKE, "none", rng)
    columns_out = max((list(row) for row in rows), key=len)
    name = "closure.csv" if closure else "validation-each.csv" if each else "validation.csv"
    with (output / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns_out, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})


if __name__ == "__main__":
    typer.run(main)
