"""A reversible SDE of an alloy: its law from swap Monte Carlo, its clock from vacancies that hop one at a time.

Barriers that come from an energy obey detailed balance, so drift = 1/2 Sigma grad ln P + 1/2 div Sigma. ln P needs
equilibrium snapshots, which swaps reach where kinetics cannot; Sigma needs short partial evolutions. No long KMC run.
"""

from pathlib import Path

import ase.io
import numpy as np

import asemacro as am

structures = Path(__file__).resolve().parent.parent / "structures"
TEMPERATURE, HOPS, RUNS = 1200.0, 100, 48


def main() -> None:
    rng = np.random.default_rng(0)
    lattice = am.Lattice.from_atoms(ase.io.read(structures / "NiCoCr.cif")).at_least(864)
    barriers = am.load_barriers(structures / "NiCoCr_pair.json")
    sro = am.WarrenCowley(lattice.species)
    kmc = am.VacancyKMC(lattice, barriers, temperature_K=TEMPERATURE)

    chain = am.SwapMC(lattice, barriers, TEMPERATURE)
    sweeps = 20 + 4 * np.arange(600)
    x = chain.run(lattice.random_state(vacancies=8, rng=rng), record_sweeps=sweeps, rng=rng).record
    hop_s = 8 * kmc.run(x[0], hops=1000, rng=rng).time_s / 1000  # of one vacancy
    moves = am.partial_evolution(kmc, x, times=[HOPS * hop_s], fraction=1 / 8, rng=rng)

    sde = am.NeuralSDE(
        am.ReversibleDrift(sro.dim, degree=4),
        am.PolynomialDiffusion(sro.dim, degree=0),
        labels=sro.labels,
        sites=lattice.n_sites,
    )
    z = sro(x, lattice)
    am.fit_reversible(sde, z, am.moments_from_pairs(moves.pairs(sro)), rng=rng)
    law = am.stationary_law(sde)
    mean, times = law.mean(law.z), hop_s * np.array([300.0, 1000.0])
    decay = am.relaxation_modes(sde, degree=5).autocorrelation(times)

    # direct KMC from equilibrium, to compare with
    runs = am.sample(kmc, x[rng.choice(len(x), RUNS, replace=False)], [1e-3 * hop_s, *times], rng=rng)
    seen = np.stack([sro(state, lattice) for state in np.moveaxis(runs.x, 1, 0)]) - z.mean(axis=0)
    direct = [(seen[0] * later).mean(axis=0) / (seen[0] ** 2).mean(axis=0) for later in seen[1:]]
    for k, label in enumerate(sro.labels):
        print(f"{label}: {mean[k]:+.4f}, sd {np.sqrt(law.mean((law.z[:, k] - mean[k]) ** 2)):.4f} ", end="")
        print(f"(swaps {z[:, k].mean():+.4f}, sd {z[:, k].std():.4f}); kept of a fluctuation ", end="")
        print("; ".join(f"{a[k]:.2f} (KMC {b[k]:.2f})" for a, b in zip(decay, direct, strict=True)))


if __name__ == "__main__":
    main()
