"""Every step of the data flow in the open: small runs, large snapshots, partial evolution, SDE, prediction."""

from pathlib import Path

import numpy as np

import asemacro as am

structures = Path(__file__).resolve().parent.parent / "structures"


def main() -> None:
    rng = np.random.default_rng(0)
    atoms = am.read_structure(structures / "NiCoCr.cif")
    lattice = am.Lattice.from_atoms(atoms).at_least(108)
    barriers = am.load_barriers(structures / "NiCoCr_pair.json")
    sro = am.WarrenCowley(lattice.species)  # the independent, unlike pairs

    parts = []
    for temperature in (900, 1200, 1600):
        kmc = am.VacancyKMC(lattice, barriers, temperature_K=temperature)
        hop_s = kmc.run(lattice.random_state(rng=rng), hops=1000, rng=rng).time_s / 1000
        ages = hop_s * np.geomspace(20, 3000, 12)  # from random towards equilibrium, at fixed times
        small = am.sample(kmc, lattice.random_state(batch=16, rng=rng), ages, rng=rng)
        large, x = am.upsample(kmc, small, copies=8, how=am.blocks, rng=rng)
        moves = am.partial_evolution(large, x, times=[30 * hop_s, 60 * hop_s], fraction=1 / 8, rng=rng)
        parts.append(moves.pairs(sro, condition=temperature))

    pairs = am.Pairs.concat(parts)
    sde = am.NeuralSDE(
        am.OnsagerNet(sro.dim), am.FullDiffusion(sro.dim), labels=sro.labels, sites=large.lattice.n_sites
    )
    fitted = am.fit(sde, pairs, rng=rng)
    print(f"{len(pairs)} pairs, best epoch {fitted.history.best_epoch}")

    start = sro.random_mean(lattice, lattice.counts())
    times, z = am.simulate(sde, start, until_s=3000 * hop_s, condition=1600, n_trajectories=32, rng=rng)
    average = am.stationary_average(z)
    for label, mean, error, sd in zip(sro.labels, average.mean, average.error, average.sd, strict=True):
        print(f"1600 K after {times[-1]:.1e} s: {label} {mean:+.3f} +- {error:.3f}, sd of the large system {sd:.3f}")


if __name__ == "__main__":
    main()
