"""Predator and prey on 200 grid points from 100: means of the two fields over time (a reduced budget, seconds)."""

import numpy as np

import asemacro as am
from asemacro.micro.fields.predator_prey import PredatorPrey, cosine_fields, random_cosines
from asemacro.observables.field_mean import FieldMean
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.upsampling.interpolation import interpolate


def main() -> None:
    rng = np.random.default_rng(0)
    small = PredatorPrey(am.Lattice.chain(1.0, (), 100).opened(0))
    phi = FieldMean(("u", "v"))
    made = am.snapshots(
        small, [random_cosines] * 40, np.linspace(0, 30, 41), copies=2, how=interpolate, trajectories=1, rng=rng
    )
    # the paths are a narrow bundle in the plane of (u, v): polynomials of low degree
    sde = polynomial_sde(phi.labels, made.system.lattice.n_sites, degrees=(3, 2))
    learned = am.learn_from_rates(made.system, made.x, phi, group=made.start, sde=sde, rng=rng)

    x0 = cosine_fields(made.system.lattice, np.full(20, 0.1), 0.5)
    times = np.array([1.0, 3.0, 6.0, 10.0, 20.0])
    direct = am.sample(made.system, x0, times, rng=rng)
    z0 = phi(x0[:1], made.system.lattice)[0]
    _, z = am.simulate(learned.sde, learned.start(z0), times_s=times, n_trajectories=200, rng=rng)
    for k, t in enumerate(times):
        truth, mean = phi(direct.x[:, k], made.system.lattice).mean(axis=0), z[:, k].mean(axis=0)
        print(f"t = {t:4g}  u = {mean[0]:.4f} (direct {truth[0]:.4f})  v = {mean[1]:.4f} (direct {truth[1]:.4f})")


if __name__ == "__main__":
    main()
