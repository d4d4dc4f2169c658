"""LennardJones: a fluid of particles that keeps its energy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import bound_of_memory, choice_of, generator_of, shown
from asemacro.arguments.door import above_zero, array, checked, flag, number, whole
from asemacro.force_data import Layout
from asemacro.micro.force_system import ForceSystem, finite_states, pauses_of, steps_of
from asemacro.micro.particles.lammps import lammps_states
from asemacro.micro.particles.lennard_jones_kernel import (
    forces_on,
    pairs_within,
    sorted_into_cells,
    velocity_verlet,
)
from asemacro.micro.particles.packing import relaxed
from asemacro.micro.particles.velocities import moving
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats

_ROUNDING = 1e-12
_ATOM_STEPS = 5 * 10**5  # in one call of the compiled loop: a fraction of a second


class LennardJones(ForceSystem):
    r"""N atoms of mass 1 in a periodic cube, in reduced units (epsilon = sigma = k_B = 1), isolated (NVE).

    A state x is (batch, 6 N): all positions, then all velocities; positions are not wrapped. dr/dt = v,
    dv/dt = sum over the atoms nearer than the cutoff of 24 (2 d^-12 - d^-6) d_vec / d^2. A carrier is an atom.

    f on m atoms costs a look at the atoms in the 27 cells around each, whatever N is; only sorting the atoms into
    cells, once a state, takes a time that grows with N. Of 51,200 atoms 50 take 0.25 ms after 0.4 ms for sorting, all
    take 200 ms.

    Args:
        n_atoms: N.
        density: atoms per volume.
        cutoff: range of the forces.
        shift: energies are shifted so that a pair has none at the cutoff, which the motion keeps much better; forces
            are the same.
        time_step: longest step of velocity Verlet.
        skin: of the lists of neighbours; a matter of speed.
        engine: "numba", or "lammps" for trajectories by LAMMPS, pip install "asemacro[lammps]".

    Attributes:
        box: edge of the cube.

    Raises:
        ValueError: numbers out of range, or a box narrower than twice the cutoff.
    """

    @checked(
        n_atoms=whole(2, 2**30), density=above_zero, cutoff=number(1e-3, 1e3), shift=flag, time_step=above_zero,
        skin=above_zero,
    )  # fmt: skip
    def __init__(
        self,
        n_atoms: int,
        density: float = 0.8,
        cutoff: float = 2.5,
        shift: bool = True,
        time_step: float = 0.001,
        skin: float = 0.3,
        engine: str = "numba",
    ) -> None:
        self.layout = Layout(n_atoms, blocks=2, width=3)
        self.density, self.cutoff, self.shift = density, cutoff, shift
        self.time_step, self.skin = time_step, skin
        self.engine = choice_of(engine, "engine", ("numba", "lammps"))
        self.box = float((n_atoms / density) ** (1 / 3))
        if self.box < 2 * cutoff * (1 - _ROUNDING):
            raise ValueError(
                f"a box of {n_atoms} atoms with the density {density:g} has the edge {self.box:.3g}, less than twice "
                f"the cutoff {cutoff:g}; take {int(np.ceil((2 * cutoff) ** 3 * density))} atoms or more"
            )

    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """dx/dt (batch, 6 N), or (batch, 6 m) of the atoms `active` (batch, m): velocity and acceleration of each.

        Raises:
            ValueError: atoms at one place, or so near that the force between them is no number.
        """
        x = self.checked_states(x)
        n = self.n_carriers
        chosen = None if active is None else self.checked_active(active, len(x))
        m = n if chosen is None else chosen.shape[1]
        out = np.empty((len(x), 2, m, 3))
        for k, (r, v) in enumerate(x.reshape(-1, 2, n, 3)):
            atoms = np.arange(n) if chosen is None else chosen[k]
            out[k, 0] = v[atoms]
            out[k, 1] = self._on(r, atoms)[0]
            if not np.isfinite(out[k, 1]).all():
                bad = atoms[np.argwhere(~np.isfinite(out[k, 1]))[0, 0]]
                raise ValueError(f"in state {k} atom {bad} is where another one is: the force on it is no number")
        return (out if chosen is None else out.swapaxes(1, 2)).reshape(len(x), -1)

    def energy(self, x: NDArray[Any]) -> Floats:
        """(batch,) kinetic and potential energy."""
        r, v = self.checked_states(x).reshape(-1, 2, self.n_carriers, 3).swapaxes(0, 1)
        return (v**2).sum(axis=(1, 2)) / 2 + np.array([self.potential(one)[0] for one in r])

    def potential(self, r: Floats) -> tuple[float, Floats]:
        """Potential energy of positions (N, 3) and the forces (N, 3)."""
        f, energy = self._on(r, np.arange(len(r)))
        return float(energy.sum()) / 2, f

    def _on(self, r: Floats, atoms: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Forces (m, 3) on atoms and sums (m,) of the energies of their pairs."""
        f, energy = np.empty((len(atoms), 3)), np.empty(len(atoms))
        zero = 4 * (self.cutoff**-12 - self.cutoff**-6) if self.shift else 0.0
        forces_on(r, atoms, self.box, self.cutoff, zero, sorted_into_cells(r, self.box, self.cutoff), f, energy)
        return f, energy

    def states_at(
        self, x: NDArray[Any], times: ArrayLike, *, rng: np.random.Generator | None = None
    ) -> Iterator[Floats]:
        """States (batch, 6 N) at times, by velocity Verlet; see `ForceSystem.states_at`."""
        now = self.checked_states(x).copy()
        if self.engine == "lammps":
            how = {"box": self.box, "cutoff": self.cutoff, "skin": self.skin, "time_step": self.time_step}
            yield from lammps_states(now, times, **how)
            return
        bodies = now.reshape(-1, 2, self.n_carriers, 3)
        f = [self.potential(r)[1] for r, _ in bodies]
        pairs = [(r.copy(), *pairs_within(r, self.box, self.cutoff + self.skin)) for r, _ in bodies]
        ranges = self.box, self.cutoff, self.skin
        most = max(1, _ATOM_STEPS // self.n_carriers)
        pauses = pauses_of(times)
        patience = Patience(f"the motion of {self.n_carriers} atoms until t = {pauses.sum():g}")
        for part, pause in enumerate(pauses):
            n_steps, step = steps_of(pause, self.time_step)
            for row, (r, v) in enumerate(bodies):
                for first in range(0, n_steps, most):
                    steps = min(most, n_steps - first)
                    pairs[row] = velocity_verlet(r, v, f[row], steps, step, *ranges, pairs[row])
                    finite_states(v, self.time_step)
                    share = (row + min(1.0, (first + steps) / n_steps)) / len(now)
                    patience.done((part + share) / len(pauses))
            yield now.copy()

    @checked(temperatures=array(), energy=number(), rng=generator_of)
    def initial(self, temperatures: ArrayLike, *, energy: float = -4.8, rng: np.random.Generator) -> Floats:
        """One random packing with one set of directions of velocities, at each of some temperatures: (batch, 6 N).

        Positions are uniform in the box, then relaxed, but not much: they are far from equilibrium, and the
        temperature falls and rises from the start. Velocities are Gaussian, without total momentum, scaled to exactly
        T = sum v^2 / (3 (N - 1)). Published: T ~ U(0.5, 1.5).

        Args:
            temperatures: (batch,) T of each state.
            energy: the packing is relaxed by conjugate gradients until its potential energy per atom is no more than
                this, or hardly falls. The published packing of 800 atoms has -3.9 with the shift; from -4.8 steps of
                0.001 keep the energy better, to 6e-5.
            rng: source of randomness; the same state of it gives the same packing.

        Raises:
            ValueError: a temperature that is not above 0.
        """
        temperatures = np.atleast_1d(temperatures)
        if temperatures.ndim != 1 or not (temperatures > 0).all():
            raise ValueError(f"temperatures must be numbers above 0, got {shown(temperatures)}")
        n = self.n_carriers
        bound_of_memory(96.0 * n * len(temperatures), f"{len(temperatures)} states of {n} atoms")
        r = rng.uniform(0.0, self.box, (n, 3))
        _, _, order, _ = sorted_into_cells(r, self.box, self.cutoff)
        r = relaxed(self.potential, r[order], energy * n)  # atoms next to each other in memory are so in space
        return moving(r, np.ones((n, 1)), temperatures, 1.0, rng=rng)
