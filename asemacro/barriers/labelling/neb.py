"""The band of a jump by any calculator of ASE: relaxed (climbing-image nudged elastic band) or on the bare lattice.

Climbing image: Henkelman, Uberuaga, Jonsson, J. Chem. Phys. 113, 9901 (2000); tangents: Henkelman, Jonsson, J. Chem.
Phys. 113, 9978 (2000); first path: image dependent pair potential, Smidstrup et al., J. Chem. Phys. 140, 214106 (2014).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import find_mic
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
PUSH = 0.12
"""Of an atom that is pushed aside, in lengths of its jump: where saddles beside the line were found."""
MOST_ASIDE = 80
"""Steps of a band that is pushed aside: those that lead to a saddle took 20 to 60."""
_LOOK = 0.3  # how far from the line it is looked for room, in lengths of the jump
_ANGLES = 72


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
    images, energies = _lowest(relaxed[0], relaxed[1], jump, calculator, settings)
    saddle = images[int(energies.argmax())]
    others = [k for k in range(len(saddle)) if k != jump.atom]
    _check_sites(saddle[others], ends[0][others], near, jump, None, "at the saddle")
    return energies, np.stack([relaxed[0].positions, saddle.positions, relaxed[1].positions])


def _lowest(
    before: Atoms, after: Atoms, jump: Jump, calculator: CheckedCalculator, settings: BandSettings
) -> tuple[list[Atoms], Floats]:
    """The images of the converged band with the lowest saddle, of all first paths, and their energies.

    Raises:
        Failed: none converged.
    """
    found, failed = [], ""
    aside = dataclasses.replace(settings, most_steps=min(settings.most_steps, MOST_ASIDE))
    for k, push in enumerate(pushes_of(jump, settings.paths)):
        how, optimisers = (aside, (LBFGS,)) if k else (settings, (LBFGS, FIRE))
        try:
            found.append(_climbed(before, after, jump.atom, push, calculator, how, optimisers))
        except Failed as failure:
            failed = failed or str(failure)
    if not found:
        raise Failed(failed)
    return min(found, key=lambda band: band[1].max())


def pushes_of(jump: Jump, paths: int) -> list[Floats]:
    """Where the jumping atom is pushed to, halfway, in each of some first paths: (3,) angstrom, the first one none.

    The others point across the line of the jump, to where the atoms around its middle leave most room, widest first.
    """
    if paths == 1:
        return [np.zeros(3)]
    before, after = jump.ends()
    step = after.positions[jump.atom] - before.positions[jump.atom]
    along = step / np.linalg.norm(step)
    one = np.cross(along, np.eye(3)[np.abs(along).argmin()])
    one /= np.linalg.norm(one)
    angles = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    ways = np.cos(angles)[:, None] * one + np.sin(angles)[:, None] * np.cross(along, one)
    others = before[[k for k in range(len(before)) if k != jump.atom]]
    moving = before.positions[jump.atom] + step / 2 + _LOOK * np.linalg.norm(step) * ways
    room = np.array([
        find_mic(others.positions - place, others.cell, others.pbc)[1].min() for place in moving
    ])  # fmt: skip
    widest = [k for k in range(_ANGLES) if room[k] >= room[k - 1] and room[k] > room[(k + 1) % _ANGLES]]
    widest.sort(key=lambda k: -round(float(room[k]), 3))
    return [np.zeros(3), *(PUSH * np.linalg.norm(step) * ways[k] for k in widest)][:paths]


def _climbed(
    before: Atoms,
    after: Atoms,
    atom: int,
    push: Floats,
    calculator: CheckedCalculator,
    settings: BandSettings,
    optimisers: Sequence[Any],
) -> tuple[list[Atoms], Floats]:
    """The images of a converged band and their energies; halfway `atom` is pushed aside at first.

    LBFGS needs about half as many steps as FIRE, which is there for the bands on which it fails.

    Raises:
        Failed: no optimiser converged.
    """
    share = np.sin(np.pi * np.arange(settings.images + 2) / (settings.images + 1))
    for optimiser in optimisers:
        images = [before, *(before.copy() for _ in range(settings.images)), after]
        band = NEB(images, climb=True, method="improvedtangent", allow_shared_calculator=True)
        band.interpolate(method="idpp", mic=True)
        for part, image in zip(share[1:-1], images[1:-1], strict=True):
            image.positions[atom] += part * push
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
