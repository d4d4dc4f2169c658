"""Trajectories of Lennard-Jones particles by LAMMPS, in native runs between the times that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from asemacro.calculators.lammps_file import lammps_module
from asemacro.files.reading import plain
from asemacro.micro.force_system import finite_states, pauses_of, steps_of
from asemacro.tasks.interrupts import stop_if_told
from asemacro.typing import Floats

_SILENT = ["-log", "none", "-screen", "none", "-nocite"]


def lammps_states(
    x: Floats, times: ArrayLike, *, box: float, cutoff: float, skin: float, time_step: float
) -> Iterator[Floats]:
    """States (batch, 6 N) at times, the atoms in their order and positions not wrapped.

    Args:
        x: (batch, 6 N) positions and velocities at time 0, atoms of mass 1.
        times: increasing times >= 0.
        box: edge of the periodic cube.
        cutoff: range of the forces.
        skin: of the lists of neighbours.
        time_step: longest step of velocity Verlet.

    Raises:
        ValueError: LAMMPS is not installed, or it stops with an error, as where atoms fly apart.
    """
    module = lammps_module(', or take engine="numba"')
    runs = [_Run(module, row.reshape(2, -1, 3), box, cutoff, skin) for row in x]
    try:
        for pause in pauses_of(times):
            n_steps, step = steps_of(pause, time_step)
            for run in runs:
                run.advance(n_steps, step)
                stop_if_told()
            yield finite_states(np.stack([run.state() for run in runs]), time_step)
    finally:
        for run in runs:
            run.close()


class _Run:
    """One system in LAMMPS.

    Args:
        module: LAMMPS.
        start: (2, N, 3) positions and velocities.
        box: edge of the cube.
        cutoff: range of the forces.
        skin: of the lists of neighbours.
    """

    def __init__(self, module: Any, start: Floats, box: float, cutoff: float, skin: float) -> None:
        r, v = start
        self._box, self._turns = box, np.floor(r / box)
        self._step = -1.0
        self._lammps = module.lammps(cmdargs=_SILENT)
        self._lammps.commands_string(f"""
            units lj
            atom_style atomic
            atom_modify map array
            region whole block 0 {box!r} 0 {box!r} 0 {box!r}
            create_box 1 whole
            mass 1 1.0
            pair_style lj/cut {cutoff!r}
            pair_coeff 1 1 1.0 1.0
            pair_modify shift yes
            neighbor {skin!r} bin
            neigh_modify every 1 delay 0 check yes
            fix isolated all nve
            thermo 1000000000
        """)
        n = len(r)
        inside = np.minimum(r - self._turns * box, np.nextafter(box, 0.0))
        ids, types = np.arange(1, n + 1).tolist(), [1] * n
        self._lammps.create_atoms(n, ids, types, inside.reshape(-1).tolist(), v.reshape(-1).tolist())

    def advance(self, n_steps: int, step: float) -> None:
        """Take steps.

        Raises:
            ValueError: LAMMPS stops with an error.
        """
        same = step == self._step  # then nothing is to be set up, which takes as long as a few steps
        self._step = step
        begin = "" if same else f"timestep {float(step)!r}\n"
        try:
            self._lammps.commands_string(f"{begin}run {n_steps} post no{' pre no' if same else ''}")
        except Exception as error:  # of no class of its own
            raise ValueError(f"LAMMPS stopped: {plain(error)}") from None

    def state(self) -> Floats:
        """(6 N,) positions and velocities."""
        r, v = (np.array(self._lammps.gather_atoms(name, 1, 3)).reshape(-1, 3) for name in ("x", "v"))
        turns = np.array(self._lammps.gather_atoms("image", 0, 3)).reshape(-1, 3) + self._turns
        return np.concatenate([r + turns * self._box, v]).reshape(-1)

    def close(self) -> None:
        """Give the memory back."""
        self._lammps.close()
