"""Ising, 64 x 64 spins from 16 x 16: magnetisation and domain walls from any start (a reduced budget, seconds)."""

import numpy as np

import asemacro as am

STARTS, AGES = 40, 12  # 120 and 16 give the numbers of docs/spins-and-fields.md


def main() -> None:
    rng = np.random.default_rng(0)
    small = am.Ising(am.Lattice.square(1.0, "X", 16), temperature=2.5, field=0.1)
    phi = am.Observables([am.Magnetization(), am.DomainWallDensity()])

    # small runs of many starts, tiled into 64 x 64 mosaics of one start and age
    starts = am.magnetised(rng.uniform(-1, 1, STARTS))
    made = am.snapshots(small, starts, am.log_ages(0.1, 40, AGES), copies=16, how=am.mosaic, rng=rng)

    # exact drift and noise of each snapshot from its flip rates; no large simulation
    learned = am.learn_from_rates(made.system, made.x, phi, group=made.start, rng=rng)
    print(f"{len(made)} snapshots, polynomials of degree {learned.report.degrees}")

    start = phi(am.random_spins(made.system.lattice, 0.4, rng=rng), made.system.lattice)[0]
    times, z = am.simulate(learned.sde, learned.start(start), times_s=[1, 5, 20, 40], n_trajectories=100, rng=rng)
    for t, mean, sd in zip(times, z.mean(axis=0), z.std(axis=0), strict=True):
        print(f"t = {t:4g}  M = {mean[0]:.3f} +- {sd[0]:.3f}  walls = {mean[1]:.3f} +- {sd[1]:.3f}")


if __name__ == "__main__":
    main()
