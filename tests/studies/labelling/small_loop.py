"""A closed loop of seconds: a pair potential on bcc, tiny networks, one temperature."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling.closed_loop import Loop
from asemacro.studies.labelling.steps import Training


class Springs(Calculator):
    """A cheap pair potential: a minimum at the distance of neighbours, deeper between unlike atoms."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        r = self.atoms.get_all_distances(mic=True)
        np.fill_diagonal(r, np.inf)
        unlike = self.atoms.numbers[:, None] != self.atoms.numbers
        self.results = {
            "energy": float((np.where(unlike, 0.35, 0.3) * ((2.6 / r) ** 8 - 2 * (2.6 / r) ** 4)).sum()) / 2,
            "forces": np.zeros((len(r), 3)),
        }


BCC = Lattice.bcc(3.0, ["Cu", "Au"], 1)
LOOP = Loop([1500.0], budget=18, first=8, batch=5, sites=54, sweeps=40)
TINY = Training(members=2, epochs=4, widths={"width": 4, "hidden": 8, "energy_width": 6})
