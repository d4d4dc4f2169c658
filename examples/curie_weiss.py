"""Curie-Weiss, 4096 spins from 256: the learned law against the exact one (a reduced budget, seconds)."""

import numpy as np

import asemacro as am
from asemacro.micro.spins.birth_death import magnetisation_moments


def main() -> None:
    rng = np.random.default_rng(0)
    small = am.CurieWeiss(256, temperature=1.1, field=0.1)
    starts = am.magnetised(rng.uniform(-1, 1, 40))
    made = am.snapshots(small, starts, am.log_ages(0.1, 20, 8), copies=16, how=am.mosaic, rng=rng)
    learned = am.learn_from_rates(made.system, made.x, am.Magnetization(), group=made.start, rng=rng)

    times = np.array([1.0, 2.0, 5.0, 10.0, 20.0])
    exact, exact_sd = magnetisation_moments(made.system, [-0.5], times)
    _, z = am.simulate(learned.sde, learned.start([-0.5]), times_s=times, n_trajectories=1000, rng=rng)
    for k, t in enumerate(times):
        m, sd = z[:, k, 0].mean(), z[:, k, 0].std()
        print(f"t = {t:4g}  M = {m:+.4f} (exact {exact[0, k]:+.4f})  sd = {sd:.4f} (exact {exact_sd[0, k]:.4f})")


if __name__ == "__main__":
    main()
