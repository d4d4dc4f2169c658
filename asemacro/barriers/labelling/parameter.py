"""The lattice parameter of an alloy by a calculator: the cell, of the shape of the ideal crystal, of least energy."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from ase import Atoms
from ase.optimize import LBFGS
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from asemacro.calculators.checked_calculator import CheckedCalculator
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.tasks.progress import silent
from asemacro.typing import Floats, Report

FARTHEST = 0.25  # the logarithm of the largest stretch that is looked at
STEP = 0.02  # first one of the search
PRECISION = 3e-4  # of the lattice parameter
FORCE = 0.05  # eV per angstrom, of atoms that are relaxed
ROUNDS = 3  # over lattice parameters that depend on each other
say = logging.getLogger("asemacro")


def ideal_cell(lattice: Lattice) -> Lattice:
    """The same crystal without strain, in a standard orientation if it has a name; of the same volume and shape.

    Raises:
        ValueError: the crystal is not periodic along all axes, is one sublattice, or has no element.
    """
    if not all(lattice.pbc):
        raise ValueError(
            f"barriers are labelled in crystals that are periodic along three axes, the {lattice.prototype} lattice "
            "of the structure is not"
        )
    if lattice.spectators is not None:
        raise ValueError(
            f"barriers of one sublattice, {', '.join(lattice.species)}, are not computed by this program; compute them "
            "elsewhere, and train a network on them (barriers train)"
        )
    if not lattice.species:
        raise ValueError("the structure names no element: there is no alloy to draw cells of")
    if lattice.prototype not in PROTOTYPES:
        return lattice
    unit = Lattice.from_prototype(lattice.prototype, 1.0, "X", 1)
    volume = abs(np.linalg.det(lattice.cell)) / lattice.n_basis
    a = float((volume * unit.n_basis / abs(np.linalg.det(unit.cell))) ** (1 / 3))
    named: dict[str, Any] = {"species": lattice.species, "composition": lattice.composition}
    if lattice.prototype == "hcp":
        lengths = np.linalg.norm(lattice.conventional, axis=1)
        ratio = lengths[2] / lengths[0]
        a *= float((np.sqrt(8 / 3) / ratio) ** (1 / 3))
        named["c"] = a * ratio
    return Lattice.from_prototype(lattice.prototype, a, shape=1, **named)


def stretched(lattice: Lattice, stretch: Floats) -> Lattice:
    """The lattice with its cell stretched along the Cartesian axes by three factors."""
    changed = {name: getattr(lattice, name) * stretch for name in ("cell", "conventional")}
    return dataclasses.replace(lattice, **changed, ideal=lattice.ideal * np.prod(stretch) ** (1 / 3), _memo={})


def relaxed_lattice(
    lattice: Lattice, x: NDArray[np.int8], calculator: Any, name: str, relax: str, progress: Report = silent
) -> Lattice:
    """The lattice at its least energy.

    One lattice parameter of cubic crystals, two of hcp; of crystals without a name in the program the volume alone, in
    the shape that they have.

    Args:
        lattice: a cell.
        x: (n_sites,) the atoms in it, without a vacancy.
        calculator: of ASE.
        name: of the calculator, for messages.
        relax: "atoms": they are relaxed in each cell; "none": they stay on the sites.
        progress: told after each energy.

    Raises:
        ValueError: one line; the calculator fails, or has no least energy within a quarter of the lattice parameter.
    """
    checked = CheckedCalculator(calculator, name)
    atoms = lattice.to_atoms(x)
    atoms.calc = checked
    modes = [np.array([1.0, 1, 0]), np.array([0.0, 0, 1])] if lattice.prototype == "hcp" else [np.ones(3)]
    if lattice.prototype not in PROTOTYPES:
        say.info("the %s crystal keeps its shape, its volume is that of least energy", lattice.prototype)
    log = np.zeros(3)
    for _ in range(ROUNDS if len(modes) > 1 else 1):
        before = log.copy()
        for mode in modes:
            energy = _energy(atoms, lattice, log, mode, relax, progress)
            log = log + mode * _least(energy, checked)
        if np.abs(log - before).max() < PRECISION:
            break
    return stretched(lattice, np.exp(log))


def _energy(
    atoms: Atoms, lattice: Lattice, log: Floats, mode: Floats, relax: str, progress: Report
) -> Callable[[float], float]:
    """The energy as a function of a further stretch; atoms keep their places in the cell from one to the next."""
    box = lattice.to_atoms(np.zeros(lattice.n_sites, np.int8)).cell.array

    def energy(further: float) -> float:
        stretch = np.exp(log + mode * further)
        atoms.set_cell(box * stretch, scale_atoms=True)
        if relax == "atoms":
            LBFGS(atoms, logfile=None).run(fmax=FORCE, steps=100)
        progress("lattice", 0.5, f"lattice parameter, stretch {np.cbrt(stretch.prod()):.4f}")
        return float(atoms.get_potential_energy())

    return energy


def _least(energy: Callable[[float], float], calculator: CheckedCalculator) -> float:
    """Where a function has its least value, from a bracket that grows from 0 on.

    Raises:
        ValueError: not within FARTHEST.
    """
    low, middle, high = -STEP, 0.0, STEP
    values = [energy(at) for at in (low, middle, high)]
    while not values[1] <= min(values[0], values[2]):
        if values[0] < values[2]:
            low, middle, high = 2 * low - middle, low, middle
            values = [energy(low), *values[:2]]
        else:
            low, middle, high = middle, high, 2 * high - middle
            values = [*values[1:], energy(high)]
        if max(-low, high) > FARTHEST:
            raise ValueError(
                f"the calculator {calculator.called} has no least energy of this crystal within {100 * FARTHEST:.0f} % "
                "of its lattice parameter; is it made for these elements on this lattice?"
            )
    found = minimize_scalar(energy, bounds=(low, high), method="bounded", options={"xatol": PRECISION})
    return float(found.x)
