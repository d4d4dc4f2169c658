"""Does the bar by the members of a barrier model hold further members as often as it should?

    PYTHONPATH=tests python docs/members_coverage.py docs/members-coverage.csv

300 unrelaxed labels of Cu3Au by effective-medium theory, thirteen small networks of the consistent form from other
random starts. Ten tests: one network stands in for the truth, three others, drawn anew each time, are the model. The
order of 108 sites at equilibrium with the model (swap Monte Carlo), its `delta_err_barrier`, and that with the truth,
at two temperatures. A row a test and temperature. The bar should hold 68 %; 60 to 80 % are asked for.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.barriers.data.barrier_file import read_barriers
from asemacro.barriers.data.training import fit_barriers
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.labelling.bands import BandSettings
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.observables.alloy import WarrenCowley
from asemacro.statistics.averages import autocorrelation_time
from asemacro.statistics.members import error_of_members
from asemacro.studies.labelling import Cells, label_barriers

NETWORKS, TESTS, MODEL = 13, 10, 3
WIDTHS: dict[str, Any] = {"width": 12, "hidden": 24, "energy_width": 12}
TEMPERATURES_K = (1500.0, 600.0)
CU3AU = {"Cu": 0.75, "Au": 0.25}


def mean_of(networks: list[BarrierGNN]) -> BarrierGNN:
    """The model whose members they are."""
    one = networks[0]
    model = BarrierGNN(one.species, one.form, members=len(networks), name="model", jumps=one.jumps, **WIDTHS)
    for net, network in zip(model.nets, networks, strict=True):
        net.load_state_dict(network.nets[0].state_dict())
    return model.eval()


def order(model: BarrierGNN, a: float, temperature_K: float, seed: int) -> tuple[float, float]:
    """delta of Cu-Au at equilibrium, and its standard error."""
    lattice, rng = Lattice.fcc(a, ["Cu", "Au"], 3), np.random.default_rng(seed)
    phi = WarrenCowley(["Cu", "Au"])
    x = lattice.random_state(composition=CU3AU, vacancies=0, rng=rng)[0]
    run = SwapMC(lattice, model, temperature_K).run(
        x, record_sweeps=np.arange(200, 2200, 4), observe=lambda state: phi(state, lattice)[0, 0], rng=rng
    )
    values = np.asarray(run.record, dtype=float).ravel()
    return float(values.mean()), float(values.std() * np.sqrt(2 * autocorrelation_time(values[None]) / len(values)))


def main() -> None:
    """Write the table and print the share of tests in which the bar held the truth."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.db"
        found = label_barriers(
            Lattice.fcc(3.75, ["Cu", "Au"], 1, composition=CU3AU),
            "compiled_emt:calculator",
            path,
            cells=Cells(cells=50, jumps=300),
            settings=BandSettings(relax="none"),
            workers=1,
            rng=np.random.default_rng(0),
        )
        fitted = fit_barriers(
            read_barriers(path),
            "Cu3Au",
            form="consistent",
            members=NETWORKS,
            seed=0,
            name="all",
            progress=True,
            **WIDTHS,
        )
    a, networks = float(found.lattice.conventional[0, 0]), list(fitted.model.members())
    each = {
        kelvin: np.array([order(one, a, kelvin, seed) for seed, one in enumerate(networks)])
        for kelvin in TEMPERATURES_K
    }
    rng, rows = np.random.default_rng(1), []
    for truth in range(TESTS):
        others = [k for k in range(NETWORKS) if k != truth]
        chosen = sorted(rng.choice(others, MODEL, replace=False).tolist())
        for kelvin in TEMPERATURES_K:
            delta, delta_err = order(mean_of([networks[k] for k in chosen]), a, kelvin, 100 + truth)
            bar = float(error_of_members(each[kelvin][chosen, 0], each[kelvin][chosen, 1]))
            wanted, noise = each[kelvin][truth]
            off = abs(delta - wanted)
            held = off <= np.hypot(bar, np.hypot(delta_err, noise))
            rows.append([truth, " ".join(map(str, chosen)), kelvin, delta, delta_err, bar, wanted, noise, int(held)])
    with Path(sys.argv[1]).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["truth", "model", "temperature_K", "delta", "delta_err", "delta_err_barrier", "true", "true_err", "held"]
        )
        writer.writerows([[f"{v:.5g}" if isinstance(v, float) else v for v in row] for row in rows])
    for kelvin in TEMPERATURES_K:
        held = [row[-1] for row in rows if row[2] == kelvin]
        print(f"{kelvin:g} K: the bar held the truth in {sum(held)} of {len(held)} tests")


if __name__ == "__main__":
    main()
