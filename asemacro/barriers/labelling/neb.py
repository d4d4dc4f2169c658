"""The band of a jump by any calculator of ASE: relaxed (climbing-image nudged elastic band) or on the bare lattice.

Climbing image: Henkelman, Uberuaga, Jonsson, J. Chem. Phys. 113, 9901 (2000); tangents: Henkelman, Jonsson, J. Chem.
Phys. 113, 9978 (2000); first path: image dependent pair potential, Smidstrup et al., J. Chem. Phys. 140, 214106 (2014).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.mep import NEB
from ase.optimize import FIRE, LBFGS
from scipy.optimize import minimize_scalar

from asemacro.barriers.labelling.bands import Band, BandSettings, Jump, fault_of_energies
from asemacro.calculators.checked_calculator import CheckedCalculator
from asemacro.typing import Floats

OFF_SITE = 0.45
"""An atom that is farther from its site, in distances of neighbours, has left it."""
LONGEST_STEP = 0.1
"""Of an atom in a band, angstrom."""
LINE = 1e-4  # of the line, to which its highest point is found


class Failed(Exception):
    """A band that is kept with its reason, not an error."""


def compute_band(jump: Jump, calculator: Any, name: str, settings: BandSettings, about: dict[str, Any]) -> Band:
    """The barriers of a jump and of the jump back.

    Args:
        jump: which.
        calculator: of ASE.
        name: of the calculator, for messages.
        settings: how.
        about: what is written down of the settings, see `Band`.

    Returns:
        The band. It failed if an atom left its site, the vacancy was refilled, a relaxation did not end, the highest
        image is an end point, or a barrier is not above 0.05 eV.

    Raises:
        ValueError: one line; the calculator fails or gives numbers that are not finite.
    """
    started = time.perf_counter()
    checked = CheckedCalculator(calculator, name)
    energies, positions, reason = np.empty(0), np.empty((0, 0, 3)), ""
    try:
        path = _straight(jump, checked, settings) if settings.relax == "none" else _relaxed(jump, checked, settings)
        energies, positions = path
        reason = fault_of_energies(energies)
    except Failed as failure:
        reason = str(failure)
    return Band(jump, energies, positions, reason, about, time.perf_counter() - started)


def _straight(jump: Jump, calculator: CheckedCalculator, settings: BandSettings) -> tuple[Floats, Floats]:
    """Energies along the straight line, its highest point among them, and positions before, there and after."""
    before, after = jump.ends()
    moving = before.copy()
    moving.calc = calculator
    step = after.positions[jump.atom] - before.positions[jump.atom]

    def energy(share: float) -> float:
        moving.positions[jump.atom] = before.positions[jump.atom] + share * step
        return float(moving.get_potential_energy())

    shares = np.linspace(0.0, 1.0, settings.images + 2)
    energies = np.array([energy(share) for share in shares])
    top = int(energies.argmax())
    if 0 < top < len(shares) - 1:
        bounds = (shares[top - 1], shares[top + 1])
        best = minimize_scalar(lambda s: -energy(s), bounds=bounds, method="bounded", options={"xatol": LINE})
        if -best.fun > energies[top]:
            energies[top], shares[top] = -best.fun, best.x
    saddle = before.positions.copy()
    saddle[jump.atom] += shares[top] * step
    return energies, np.stack([before.positions, saddle, after.positions])


def _relaxed(jump: Jump, calculator: CheckedCalculator, settings: BandSettings) -> tuple[Floats, Floats]:
    """Energies of the images of a converged band, and positions before, at the saddle and after.

    Raises:
        Failed: one of the reasons of `compute_band`.
    """
    near = jump.lattice.shells(1)[0].distance
    ends = jump.ends()
    relaxed = []
    for sites, when in zip(ends, ("before", "after"), strict=True):
        atoms = sites.copy()
        atoms.calc = calculator
        if not LBFGS(atoms, logfile=None).run(fmax=settings.end_force, steps=settings.most_steps):
            raise Failed(f"the cell {when} the jump did not relax in {settings.most_steps} steps")
        _check_sites(atoms, sites, near, jump, ends[1 if when == "before" else 0], f"{when} the jump")
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        relaxed.append(atoms)
    images, energies = _climbed(relaxed[0], relaxed[1], calculator, settings)
    saddle = images[int(energies.argmax())]
    others = [k for k in range(len(saddle)) if k != jump.atom]
    _check_sites(saddle[others], ends[0][others], near, jump, None, "at the saddle")
    return energies, np.stack([relaxed[0].positions, saddle.positions, relaxed[1].positions])


def _climbed(
    before: Atoms, after: Atoms, calculator: CheckedCalculator, settings: BandSettings
) -> tuple[list[Atoms], Floats]:
    """The images of a converged band and their energies.

    LBFGS needs about half as many steps as FIRE, which is there for the bands on which it fails.

    Raises:
        Failed: neither converged.
    """
    for optimiser in (LBFGS, FIRE):
        images = [before, *(before.copy() for _ in range(settings.images)), after]
        band = NEB(images, climb=True, method="improvedtangent", allow_shared_calculator=True)
        band.interpolate(method="idpp", mic=True)
        for image in images[1:-1]:
            image.calc = calculator
        if optimiser(band, logfile=None, maxstep=LONGEST_STEP).run(fmax=settings.band_force, steps=settings.most_steps):
            return images, np.array(band.energies)
    raise Failed(f"the band did not converge in {settings.most_steps} steps")


def _check_sites(atoms: Atoms, sites: Atoms, near: float, jump: Jump, other: Atoms | None, when: str) -> None:
    """Atoms stand on their own sites.

    Args:
        atoms: as they are.
        sites: where they belong.
        near: distance of neighbours.
        jump: whose cell it is.
        other: the other end of the jump, whose jumping atom stands on the site that is vacant here.
        when: for the message.

    Raises:
        Failed: one has left its site, perhaps for the vacancy.
    """
    moved = atoms.positions - sites.positions
    moved -= moved.mean(axis=0)
    far = np.linalg.norm(moved, axis=1)
    if far.max() <= OFF_SITE * near:
        return
    k = int(far.argmax())
    if other is not None:
        vacant = other.positions[jump.atom] - sites.positions[k]
        vacant -= np.rint(vacant @ np.linalg.inv(sites.cell)) @ sites.cell.array
        if np.linalg.norm(moved[k] - vacant) <= OFF_SITE * near:
            raise Failed(f"the vacancy was refilled {when}")
    raise Failed(f"an atom left its site {when}")
