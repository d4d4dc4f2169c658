"""Barriers of your own, from a Python function: kinetic Monte Carlo of an alloy whose unlike atoms attract each other.

The function is asked once for every new surrounding of the vacancy, and its answers are remembered.
"""

import numpy as np

import asemacro as am

LATTICE_CONSTANT = 3.2
FIRST_SHELL = np.sqrt(3) / 2 * LATTICE_CONSTANT
NEIGHBOURS = 8  # of a site of bcc; the first atoms that the function is given are these
SADDLE = {"Mo": 0.7, "Ta": 0.6}
UNLIKE = -0.05  # energy of a Mo-Ta bond in eV; all other bonds are 0


def barriers(symbols, offsets):
    """Barriers in eV of the jumps of the nearest atoms into the vacancy: saddle + half the change of energy."""
    found = []
    for jump in range(NEIGHBOURS):
        atom = symbols[jump]
        if atom == "X":  # another vacancy: what is said of it does not count
            found.append(0.0)
            continue
        gap = np.linalg.norm(offsets - offsets[jump], axis=1)
        old = symbols[np.abs(gap - FIRST_SHELL) < 0.1]  # neighbours of the atom where it is
        new = np.delete(symbols[:NEIGHBOURS], jump)  # and of the vacancy, where it will be
        unlike = [np.sum((near != atom) & (near != "X")) for near in (old, new)]
        found.append(SADDLE[atom] + UNLIKE * (unlike[1] - unlike[0]) / 2)
    return found


def main() -> None:
    rng = np.random.default_rng(0)
    lattice = am.Lattice.bcc(LATTICE_CONSTANT, ["Mo", "Ta"], 6)
    model = am.CallableBarriers(barriers, reach=2.01 * FIRST_SHELL)  # the neighbours of the neighbours
    kmc = am.VacancyKMC(lattice, model, temperature_K=800.0)
    phi = am.WarrenCowley(lattice.species)
    x = lattice.random_state(vacancies=1, rng=rng)
    run = kmc.run(x, hops=3000, rng=rng)
    before, after = phi(x, lattice)[0, 0], phi(run.x, lattice)[0, 0]
    print(f"{run.hops} hops in {run.time_s:.2e} s, {run.cache_hit_rate:.0%} of the surroundings known")
    print(f"delta of Mo-Ta: {before:+.2f} at random, {after:+.2f} after the run")


if __name__ == "__main__":
    main()
