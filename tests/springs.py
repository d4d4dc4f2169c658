"""A calculator that costs next to nothing."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes


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
