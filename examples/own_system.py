"""A system of your own: Langmuir adsorption on a square lattice, three methods, checked and learned from.

Each empty site adsorbs at the rate 2, each full one desorbs at the rate 1, so the coverage of n sites is known:
mean 2/3 (1 - exp(-3 t)) from empty, in equilibrium variance 2/9 / n.
"""

import numpy as np

import asemacro as am
from asemacro.studies.learn.learned import learn_from_pairs
from asemacro.testing import check_microsystem

ADSORB, DESORB = 2.0, 1.0


class Langmuir:
    immobile = True  # the carriers are the sites themselves

    def __init__(self, lattice):
        self.lattice = lattice

    def carriers(self, x):
        return np.broadcast_to(np.arange(self.lattice.n_sites), np.shape(x))

    def evolve(self, x, duration, active=None, *, rng):
        sites = self.carriers(x) if active is None else np.asarray(active)
        decay = np.exp(-(ADSORB + DESORB) * np.broadcast_to(duration, len(x)))[:, None]
        full, here = ADSORB / (ADSORB + DESORB), np.take_along_axis(x, sites, axis=1)
        there = (rng.random(sites.shape) < full + (here - full) * decay).astype(x.dtype)
        new = x.copy()
        np.put_along_axis(new, sites, there, axis=1)
        return new, sites


class Coverage:
    labels, dim = ("coverage",), 1

    def __call__(self, x, lattice):
        return x.mean(axis=1, keepdims=True)


def main() -> None:
    rng = np.random.default_rng(0)
    small = Langmuir(am.Lattice.square(1.0, "X", 16))
    empty = np.zeros((512, 256), dtype=np.int8)
    check_microsystem(small, (rng.random((1, 256)) < 0.3).astype(np.int8), (0.05, 0.5), observable=Coverage())

    runs = am.sample(small, empty, np.geomspace(0.01, 5, 20), rng=rng)
    large, x = am.upsample(small, runs, copies=16, how=am.blocks, rng=rng)
    learned = learn_from_pairs(large, x, Coverage(), 1 / 16, 0.05, rng=rng)
    times, z = am.simulate(learned.sde, [0.0], until_s=3.0, n_trajectories=500, rng=rng)
    worst = np.abs(z.mean(0)[:, 0] - 2 / 3 * (1 - np.exp(-3 * times))).max()
    print(f"coverage of {large.lattice.n_sites} sites: largest error of the mean {worst:.4f}")
    print(f"equilibrium sd {z[:, -1].std():.5f}, exact {np.sqrt(2 / 9 / large.lattice.n_sites):.5f}")


if __name__ == "__main__":
    main()
