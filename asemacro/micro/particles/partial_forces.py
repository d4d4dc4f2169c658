"""PartialForces: any atoms with any calculator of ASE, forces of a few atoms at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from ase import Atoms, units
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.answers import real_numbers
from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import ATOMS, above_zero, array, checked, function, members_of, number, offers
from asemacro.files.reading import plain
from asemacro.force_data import Layout
from asemacro.micro.force_system import ForceSystem, finite_states, pauses_of, steps_of
from asemacro.micro.particles.cut_out import cut_out, holds_all, reach_of
from asemacro.micro.particles.movable import check_movable
from asemacro.micro.particles.velocities import moving
from asemacro.tasks.parts import Unfinished, part
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats

_OUTSIDE = 1e-9  # of a box length, that rounding may put an atom beyond it
_Motion = tuple[Floats, Floats, Floats]  # positions, velocities, forces
_calculator = offers("a calculator of ASE", "get_property")
say = logging.getLogger("asemacro")


class PartialForces(ForceSystem):
    r"""Atoms that move by Newton's equations, dr/dt = v, dv/dt = F(r) / m, with F from a calculator of ASE.

    A state x is (batch, 6 N): all positions in angstrom, then all velocities, in ASE's units (eV, angstrom, amu): a
    time of 1 is angstrom sqrt(amu / eV), 10.18 fs, so that t = 100 fs is 100 * `ase.units.fs`. Positions are not
    wrapped. A carrier is an atom.

    Forces on a few atoms come from the first of these that there is:

    - `subset(atoms, numbers)`, where a calculator can compute forces on some atoms;
    - a cut-out: the atoms within the halo of an active one are given to the calculator as a structure of their own. The
      forces on the active atoms are exact if the potential is local and the halo holds all that it looks at: the
      cutoff of a pair potential, twice the cutoff of EMT or EAM, as many times that of a message-passing network as it
      has layers, and one more where densities are passed on. Several active atoms are cut out together. Finding the
      cut-out costs time with N, but no forces;
    - all forces, of which some are kept. The log says so, once.

    Args:
        atoms: structure, box and species; not edited. Their velocities are not used.
        calculator: of ASE; it must give forces.
        halo: radius of a cut-out in angstrom; default known for EMT, EAM, LennardJones and Morse of ASE.
        subset: called with Atoms and (m,) numbers of atoms, gives their forces (m, 3) in eV per angstrom.
        time_step_fs: longest step of `states_at`.
        bath_K: temperature of a heat bath in kelvin, for runs that visit more states (Langevin); f is still that of
            the isolated atoms. Default: none, the energy is conserved.
        friction_per_fs: of the bath.

    Attributes:
        halo: radius of cut-outs; None if all forces are computed.

    Raises:
        ValueError: no forces, atoms that cannot be moved (`check_movable`), or that are outside a box that is not
            periodic.
    """

    @checked(atoms=ATOMS, calculator=_calculator, halo=above_zero, subset=function, time_step_fs=above_zero,
             bath_K=number(0), friction_per_fs=above_zero)  # fmt: skip
    def __init__(
        self,
        atoms: Atoms,
        calculator: Any,
        *,
        halo: float | None = None,
        subset: Callable[[Atoms, NDArray[np.int64]], Any] | None = None,
        time_step_fs: float = 1.0,
        bath_K: float | None = None,
        friction_per_fs: float = 0.01,
    ) -> None:
        check_movable(atoms)
        self._name = type(calculator).__name__
        if "forces" not in members_of(calculator, "implemented_properties").get("implemented_properties", ["forces"]):
            raise ValueError(f"the calculator {self._name} gives no forces; take another one")
        self.layout = Layout(len(atoms), blocks=2, width=3)
        self.time_step = time_step_fs * units.fs
        self._atoms, self._calculator, self._subset = atoms.copy(), calculator, subset
        self._masses = atoms.get_masses()[:, None]
        self._bath, self._friction = bath_K, friction_per_fs / units.fs
        self._at(self._atoms.positions)
        try:
            self.halo = reach_of(calculator, self._atoms.copy()) if halo is None else halo
        except (Exception, SystemExit) as error:  # whatever a foreign calculator does
            raise self._not_these("forces", error) from None
        if self.halo is None and subset is None:
            say.warning(
                "%s does not say how far its forces reach: all forces are computed for every state, also where some "
                "are asked for; if its potential is local, give PartialForces(..., halo=) in Python",
                self._name,
            )

    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """dx/dt (batch, 6 N), or (batch, 6 m) of the atoms `active` (batch, m): velocity and acceleration of each.

        Raises:
            ValueError: an atom has left a box that is not periodic, or forces that are not finite or not computed.
        """
        x = self.checked_states(x)
        states = x.reshape(len(x), 2, self.n_carriers, 3)
        if active is None:
            whole = [np.stack([v, self._all(r) / self._masses]) for r, v in states]
            return np.stack(whole).reshape(len(x), -1)
        chosen = self.checked_active(active, len(x))
        part = [
            np.stack([v[a], self._some(r, a) / self._masses[a]], axis=1)
            for (r, v), a in zip(states, chosen, strict=True)
        ]
        return np.stack(part).reshape(len(x), -1)

    def energy(self, x: NDArray[Any]) -> Floats:
        """(batch,) kinetic and potential energy in eV."""
        states = self.checked_states(x).reshape(-1, 2, self.n_carriers, 3)
        potential = [float(self._asked(self._at(r), "energy")) for r, _ in states]
        return np.array(potential) + (self._masses * states[:, 1] ** 2).sum(axis=(1, 2)) / 2

    def states_at(
        self, x: NDArray[Any], times: ArrayLike, *, rng: np.random.Generator | None = None
    ) -> Iterator[Floats]:
        """States (batch, 6 N) at times in ASE's unit, by velocity Verlet; see `ForceSystem.states_at`.

        In a heat bath each step is followed by friction and noise on the velocities, exact for a step (the total
        momentum stays zero).

        Raises:
            ValueError: as for `forces`, or a heat bath without rng.
        """
        now = self.checked_states(x).copy()
        if self._bath is not None:
            generator_of(rng)
        states = now.reshape(len(now), 2, self.n_carriers, 3)
        f = [self._all(r) for r, _ in states]
        pauses = pauses_of(times)
        patience = Patience(f"the motion of {self.n_carriers} atoms until t = {pauses.sum() / units.fs:g} fs")
        for count, pause in enumerate(pauses):
            n_steps, step = steps_of(pause, self.time_step)
            for row in range(len(states)):

                def moved(row: int = row, n_steps: int = n_steps, step: float = step, count: int = count) -> _Motion:
                    (r, v), force = states[row].copy(), f[row]
                    for k in range(n_steps):
                        v += 0.5 * step * force / self._masses
                        r += step * v
                        force = self._all(finite_states(r, self.time_step))
                        v += 0.5 * step * force / self._masses
                        if rng is not None and self._bath is not None:
                            self._shake(v, step, rng)
                        patience.done((count + (row + (k + 1) / n_steps) / len(now)) / len(pauses))
                    return r, v, force

                states[row, 0], states[row, 1], f[row] = part("motion", moved, rng=rng)
            yield now.copy()

    def _shake(self, v: Floats, step: float, rng: np.random.Generator) -> None:
        """Friction and noise of the heat bath during a step, on velocities (N, 3), which are edited."""
        kept = np.exp(-self._friction * step)
        v *= kept
        v += np.sqrt((1 - kept**2) * units.kB * float(self._bath or 0.0) / self._masses) * rng.standard_normal(v.shape)
        v -= (self._masses * v).sum(axis=0) / self._masses.sum()

    @checked(temperatures_K=array(), rng=generator_of)
    def initial(self, temperatures_K: ArrayLike, *, rng: np.random.Generator) -> Floats:
        """The structure with one set of random velocities, at each of some temperatures: (batch, 6 N).

        Velocities are Maxwell's, without total momentum, scaled to exactly T = sum m v^2 / (3 (N - 1) k_B).

        Args:
            temperatures_K: (batch,) T of each state.
            rng: source of randomness.

        Raises:
            ValueError: a temperature that is not above 0.
        """
        temperatures = np.atleast_1d(temperatures_K)
        if temperatures.ndim != 1 or not (temperatures > 0).all():
            raise ValueError(f"temperatures must be numbers of kelvin above 0, got {shown(temperatures_K)}")
        n = self.n_carriers
        bound_of_memory(96.0 * n * len(temperatures), f"{len(temperatures)} states of {n} atoms")
        return moving(self._atoms.positions, self._masses, temperatures, units.kB, rng=rng)

    @checked(x=array())
    def atoms_of(self, x: Floats) -> Atoms:
        """One state (6 N,) as Atoms with velocities."""
        r, v = self.checked_states(np.atleast_2d(x))[0].reshape(2, self.n_carriers, 3)
        atoms = self._at(r)
        atoms.set_velocities(v)
        return atoms

    def _at(self, r: Floats) -> Atoms:
        """The atoms at other positions (N, 3), none of them outside a box that is not periodic."""
        atoms = self._atoms.copy()
        atoms.positions[:] = r
        for axis in np.flatnonzero(~atoms.pbc & atoms.cell.any(axis=1)):
            along = np.linalg.solve(atoms.cell.complete().T, r.T)[axis]
            outside = np.flatnonzero((along < -_OUTSIDE) | (along > 1 + _OUTSIDE))
            if len(outside):
                raise ValueError(
                    f"atom {outside[0]} is outside the box along axis {axis + 1}, which is not periodic; give more "
                    "vacuum, or set atoms.pbc"
                )
        return atoms

    def _all(self, r: Floats) -> Floats:
        """All forces (N, 3)."""
        return self._finite(self._asked(self._at(r), "forces"), np.arange(self.n_carriers))

    def _some(self, r: Floats, active: NDArray[np.int64]) -> Floats:
        """Forces (m, 3) on some atoms."""
        atoms = self._at(r)
        if self._subset is not None:
            try:
                found = self._subset(atoms, active)
            except (Exception, SystemExit) as error:
                raise Unfinished(f"the function subset of {self._name} fails: {plain(error)}") from None
            return self._finite(self._of_atoms(found, len(active), "function subset of"), active)
        if self.halo is not None and len(active) and not holds_all(atoms, self.halo):
            part, places = cut_out(atoms, active, self.halo)
            if len(part) < len(atoms):
                return self._finite(self._asked(part, "forces")[places], active)
        return self._finite(self._asked(atoms, "forces")[active], active)

    def _asked(self, atoms: Atoms, what: str) -> Floats:
        """Energy () or forces (n, 3) of n atoms by the calculator."""
        try:
            with np.errstate(all="ignore"):  # what comes of it is said in one line
                value = self._calculator.get_property(what, atoms)
        except (Exception, SystemExit) as error:
            raise self._not_these(what, error) from None
        return self._of_atoms(value, len(atoms)) if what == "forces" else real_numbers(value, self._name).reshape(())

    def _not_these(self, what: str, error: BaseException) -> ValueError:
        """What is said where a calculator gives up; one that fails now and then may be asked again."""
        if isinstance(error, NotImplementedError):
            return ValueError(f"the calculator {self._name} gives no {what} of these atoms: {plain(error)}")
        return Unfinished(f"the calculator {self._name} fails: {plain(error)}")

    def _of_atoms(self, found: Any, n: int, who: str = "calculator") -> Floats:
        """Forces (n, 3), if they are real numbers in this shape."""
        f = real_numbers(found, f"the {who} {self._name}")
        if f.shape != (n, 3):
            raise ValueError(f"the {who} {self._name} gives forces of the shape {f.shape}, there must be {n} x 3")
        return f.copy()  # calculators may hand out what they go on with

    def _finite(self, f: Floats, numbers: NDArray[np.int64]) -> Floats:
        """Forces (m, 3) on atoms of these numbers, if they are finite."""
        bad = numbers[~np.isfinite(f).all(axis=1)]
        if len(bad):
            raise ValueError(
                f"the calculator {self._name} gives forces that are not finite on {len(bad)} of {len(f)} atoms, first "
                f"on atom {bad[0]} (counted from 0): is it too near to another one, or too far from all?"
            )
        return f
