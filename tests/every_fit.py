"""Every fit once, small: prints a checksum of the bytes of each result. `test_same_seed_same_result` runs it again and
again, `python tests/every_fit.py FOLDER WORKERS`.

Batches are large enough that torch and BLAS would share them among threads if they were let.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asemacro.barriers.data.ridge import Ridge
from asemacro.barriers.data.training import fit_gnn, train_barriers
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.pair import PairBarrier
from asemacro.cli import app as cli
from asemacro.closure import fit as closure_fit
from asemacro.closure.fit import ClosureOptions, fit_closure
from asemacro.data import Moments, Pairs
from asemacro.labels.moments import patch_moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.macro.density_fit import fit_reversible
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.moment_fit import MomentOptions, fit_moments, fit_noise
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.reversible import ReversibleDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.spde import BlockKernel, FieldFitOptions, binomial_field_data, fit_fields, simulate_fields
from asemacro.macro.stationary import relaxation_modes, stationary_law
from asemacro.macro.train import FitOptions, fit_ensemble
from asemacro.macro.trajectories import simulate
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.micro.spins.ising import Ising
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.statistics.discrepancy import compare_by_mmd, whiten
from asemacro.studies.alloy import prediction
from asemacro.studies.alloy.distil import distil
from asemacro.studies.alloy.extrapolation import quasi_chemical
from asemacro.studies.critical.criticality import power_law
from asemacro.studies.paper.autoencoder import fit_autoencoder

ROOT = Path(__file__).resolve().parent.parent
SPECIES = ("Nb", "Mo", "Ta")
N = 4096


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pairs() -> Pairs:
    z = rng(1).normal(size=(N, 3))
    noise = 0.1 * rng(2).normal(size=z.shape)
    return Pairs(z, z - 0.1 * (z + 0.2 * z**3) + noise, np.full(N, 0.1), np.full(N, 4.0), np.zeros(0))


def moments() -> Moments:
    z = rng(3).normal(size=(N, 3))
    sigma = 0.1 * np.eye(3) * (1 + 0.1 * z[:, :1, None] ** 2)
    return Moments(z, -z - 0.2 * np.tanh(3 * z) + 0.1 * rng(4).normal(size=z.shape), sigma, np.full(N, 1.0))


def weights(module: torch.nn.Module) -> list[np.ndarray]:
    return [value.numpy() for value in module.state_dict().values()]


def pair_fits() -> Any:
    sde = NeuralSDE(OnsagerNet(3, n_conditions=0), FullDiffusion(3, n_conditions=0))
    options = FitOptions(max_epochs=2, min_steps=8)
    fitted = fit_ensemble(sde, pairs(), 1, rng=rng(), options=options)
    models = [fitted.model, *fitted.members]
    _, path = simulate(models[0], np.ones(3), 1.0, n_trajectories=N, n_steps=4, rng=rng())
    return [weights(model) for model in models], path, sde.drift(path[:, -1]), sde.relaxation_rates(path[:500, -1])


def moment_fits() -> Any:
    sde = NeuralSDE(PolynomialDrift(3, degree=4, hidden=24), PolynomialDiffusion(3, degree=2))
    fit_moments(sde, moments(), options=MomentOptions(network_steps=8, diffusion_steps=8), rng=rng())
    first = [value.copy() for value in weights(sde)]
    fit_noise(sde, pairs(), options=MomentOptions(diffusion_steps=8), rng=rng())
    return first, weights(sde)


def density_fits() -> Any:
    found: list[Any] = []
    for method in ("maximum_entropy", "score_matching"):
        sde = NeuralSDE(ReversibleDrift(2, degree=4), PolynomialDiffusion(2, degree=2))
        of = moments()
        labels = Moments(of.z[:, :2], of.drift[:, :2], of.covariance[:, :2, :2], of.K)
        options = MomentOptions(diffusion_steps=5)
        fit_reversible(sde, labels.z, labels, method=method, options=options, rng=rng())
        found.append(weights(sde))
    return found, stationary_law(sde, nodes=60).probability, relaxation_modes(sde, degree=4, nodes=60).rates


def field_equations() -> Any:
    kernel = BlockKernel(np.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]))
    starts = rng(14).uniform(-0.8, 0.8, (40, 32, 32))
    data = binomial_field_data(kernel, starts, 16, 4, 1.2, duration=0.1, steps=2, rng=rng())
    fitted = fit_fields(data, options=FieldFitOptions(entropy_terms=1), rng=rng())
    ran = simulate_fields(fitted.model, starts[:4], 1.0, temperature=1.2, n_saves=1, rng=rng())
    return fitted.model.kernel.values, fitted.model.mobility.tensors(), fitted.report.lines(), ran.last


def closures() -> Any:
    lattice, phi = Lattice.square(1.0, "X", 16), Magnetization()
    x = np.concatenate([random_spins(lattice, m, 40, rng=rng(5)) for m in (-0.4, 0.0, 0.5)])
    x, _ = Ising(lattice, 2.5).evolve(x, 0.5, rng=rng(6))
    labels = patch_moments(Ising(lattice, 2.5), x, phi, 1.0, rng=rng(7))
    options = ClosureOptions(steps=6, restarts=1)
    both: list[Any] = []
    for objective in ("pseudo-likelihood", "one-step"):
        fitted = fit_closure(x, lattice, phi, 1, objective=objective, moments=labels, options=options, rng=rng())
        assert fitted is not None
        closure = fitted.model
        both += [closure.skip.numpy(), closure.mix.numpy(), closure(x, lattice)]
    chain = Lattice.chain(1.0, "X", 32)
    u = np.cumsum(rng(8).normal(size=(60, 32, 2)), axis=1)
    of_fields = fit_closure(u, chain, FieldMean(), 1, options=options, rng=rng())
    assert of_fields is not None
    field = of_fields.model
    both_given = Observables([phi, DomainWallDensity()])
    code, _ = fit_autoencoder(x, lattice, both_given, patch=4, epochs=2, rng=rng())
    return both, field.skip.numpy(), field(u, chain), code(x, lattice)


def barrier_data(folder: Path) -> Path:
    """Pair energies on a cell of 128 sites in the layout of barrier data."""
    from asemacro.barriers.kernels import barriers_at

    model = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05, "Mo-Ta": -0.1}])
    cell = Lattice.bcc(3.24, SPECIES, 4)
    compiled, shape, random = model.compile(cell), np.array(cell.shape), rng(9)
    numbers, rows = [], []
    for _ in range(5):
        x = cell.random_state(vacancies=0, rng=random)[0]
        empty = np.repeat(x[None], 128, axis=0)
        np.fill_diagonal(empty, 0)
        rows.append([barriers_at(compiled, shape, y, np.array([i]))[0] for i, y in enumerate(empty)])
        numbers.append(np.array([0, 41, 42, 73])[x])
    path = folder / "barriers.npz"
    np.savez(
        path,
        name=[f"cell{k}" for k in range(5)],
        numbers=numbers,
        scaled_positions=np.repeat(cell.positions()[None] / (4 * 3.24), 5, axis=0),
        neighbor=np.repeat(cell.neighbours(cell.shells(1)[0].offsets)[None], 5, axis=0),
        barrier=rows,
        cell_length=np.full(5, 12.96),
    )
    return path


def barrier_fits(folder: Path) -> Any:
    from asemacro.barriers.data.table import load_barrier_data

    path = barrier_data(folder)
    data = load_barrier_data(path)
    files = []
    for form in ("direct", "consistent"):
        trained = train_barriers(path, folder / f"{form}.safetensors", form=form, members=1, epochs=1, seed=1)
        files.append(trained.report.path)
    model = BarrierGNN(SPECIES, "direct", width=48, hidden=96)
    fit_gnn(model, data.env[:256], data.barrier[:256], epochs=1, batch=64)
    teacher = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.3, "Ta": 1.0}, [{"Nb-Mo": -0.05}])
    errors = distil(teacher, folder / "distilled.safetensors", epochs=(1,), scale=0.001, width=16, hidden=16)
    return [file.read_bytes() for file in files], model.predict(data.env), errors, Ridge.fit(data).weights


def alloys() -> Any:
    """Kernels of networks call BLAS; the model is one that is shipped."""
    from asemacro.barriers import load_barriers

    lattice, found = Lattice.bcc(3.24, SPECIES, 8), []
    x = lattice.random_state(vacancies=2, rng=rng(10))
    for name in ("nbmota", "refractory"):
        model = load_barriers(name)
        kmc = VacancyKMC(lattice, model, 1200.0)
        done = kmc.run(x[0], hops=300, rng=rng())
        found += [done.x, done.time_s, kmc.rates(x[0]), model.barriers(lattice, x[0], np.flatnonzero(x[0] == 0))]
    full = lattice.random_state(vacancies=0, rng=rng(11))
    swaps = SwapMC(lattice, model, 1200.0).run(full[0], sweeps=1, rng=rng())
    return found, swaps.x


def judgements() -> Any:
    """Fits of a few numbers, and distances of samples."""
    value, error = np.array([1.0, 0.7, 0.5, 0.3]), np.full(4, 0.01)
    kelvin = np.array([900.0, 1200.0, 1500.0, 2000.0])
    z = rng(12).normal(size=(80, 10, 3))
    law = power_law([8, 16, 32], [1.0, 0.8, 0.6], 0.7 + 0.1 * rng(13).random((50, 3)))
    return (
        quasi_chemical(kelvin, value[:, None], error[:, None], value > 0.4, np.full(1, 0.5), 8),
        compare_by_mmd(*whiten(z[:40], z[40:]), permutations=20, rng=rng()).__dict__,
        law.__dict__,
    )


def verbs(folder: Path, workers: str) -> Any:
    """The files that the verbs write; run.json and figures hold the time and the versions."""
    prediction.FIT = FitOptions(max_epochs=1, min_steps=30, max_steps=60)
    closure_fit.ClosureOptions = partial(ClosureOptions, steps=8, restarts=1)  # type: ignore[assignment, misc]
    small = ("--sites", "256", "--small", "128", "--hops", "1000", "--workers", workers)
    alloy, energies = str(ROOT / "structures" / "NiCoCr.cif"), str(ROOT / "structures" / "NiCoCr_pair.json")
    pair = ("--barriers", energies)
    run("learn", "ising", "--closure", "1", "--sites", "256", "--small", "64", "--starts", "25", "-o", folder / "ising")
    run("simulate", folder / "ising", "--start", "0.5,0.4", "--until", "2", "-o", folder / "path.csv")
    run("phase-diagram", alloy, "--temperatures", "1200,1500", *pair, *small, "-o", folder / "diagram")
    run("kmc", alloy, "-T", "1200", *pair, "--hops", "1000", "-o", folder / "kmc")
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".csv", ".safetensors", ".extxyz"))
    return [(path.name, path.read_bytes()) for path in files]


def run(*words: object) -> None:
    """A verb in this process, silent; a failure is one."""
    sys.argv = ["asemacro", *map(str, words)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            cli.main()
        except SystemExit as stopped:
            if not stopped.code:
                return
    raise RuntimeError(f"{' '.join(sys.argv)}: {said.getvalue()}")


def checksum(result: Any) -> str:
    """Of all bytes of nested results."""
    found = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, bytes):
            found.update(part)
        elif isinstance(part, np.ndarray) and part.dtype != object:
            found.update(str(part.dtype).encode() + np.ascontiguousarray(part).tobytes())
        elif isinstance(part, dict):
            add(list(part.items()))
        elif isinstance(part, Iterable) and not isinstance(part, str):
            for each in part:
                add(each)
        else:
            found.update(repr(part).encode())

    add(result)
    return found.hexdigest()


def main(folder: Path, workers: str) -> dict[str, str]:
    parts: dict[str, Callable[[], Any]] = {
        "pairs": pair_fits,
        "moments": moment_fits,
        "density": density_fits,
        "fields": field_equations,
        "closures": closures,
        "barriers": lambda: barrier_fits(folder),
        "alloys": alloys,
        "judgements": judgements,
        "verbs": lambda: verbs(folder / "verbs", workers),
    }
    before = torch.get_num_threads()
    found = {name: checksum(part()) for name, part in parts.items()}
    assert torch.get_num_threads() == before
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
