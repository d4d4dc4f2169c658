"""Block magnetisations of spins with many neighbours: an equation learned from small lattices, run on a large grid.

The spins of a block of 4 x 4 sites are replaced by their mean m. What m does in a short time, from starts far from
equilibrium, gives the coupling between blocks and the mobility; the equation then runs on any grid.
"""

import numpy as np

import asemacro as am
from asemacro.macro.spde.block_kernel import relative_error

T, BLOCK = 1.25, 4


def main() -> None:
    rng = np.random.default_rng(0)
    system = am.KacIsing(am.Lattice.square(1.0, "X", 64), am.top_hat(8), T)
    data = am.make_field_data(system, 100, block=BLOCK, duration=0.1, steps=4, rng=rng)
    print(f"{len(data)} rows of {data.grid} blocks, {data.flips.sum()} flips counted")

    learned = am.learn_from_fields(data, rng=rng)
    for line in learned.report.lines():
        print(line)
    true = am.box_averaged(system.kernel, BLOCK)
    print(f"kernel between blocks: {100 * relative_error(learned.spde.kernel, true):.1f} % from the exact one")

    m = np.array([0.0, 0.4, 0.8])
    exact = 1 - m * np.tanh(m / T)
    found = learned.spde.homogeneous_mobility(m, T)
    for one in zip(m, found, exact, 1 - m**2, strict=True):
        print("m = {:.1f}: mobility {:.3f}, exact {:.3f}, 1 - m^2 = {:.3f}".format(*one))

    # 256 x 256 blocks stand for a million spins, 256 times the lattice that it was learned on
    start = 2 * rng.binomial(data.sites, 0.5, (256, 256)) / data.sites - 1
    run = am.simulate_fields(learned.spde, start, 20.0, temperature=T, n_saves=4, rng=rng)
    s = am.structure_factor(run.fields[-1], data.sites)
    for k, value in zip(s.k[8:24:4], s.value[8:24:4], strict=True):
        ring = round(k * 256 / (2 * np.pi))
        theory = 1 / (1 - true.spectrum((256, 256))[ring, 0] / T)
        print(f"S(k = {k:.2f} a block) = {value:.2f}, theory of small waves {theory:.2f}")
    print(f"part of the changes that left [-1, 1]: {run.reflected:.1e}")


if __name__ == "__main__":
    main()
