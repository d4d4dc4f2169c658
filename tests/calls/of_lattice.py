"""Calls of the public names of lattice."""

from __future__ import annotations

import numpy as np

import asemacro as am
from calls.given import ATOMS, BCC, SQUARE, Call, rng


def calls() -> dict[str, Call]:
    made = {"a": 3.0, "species": ["Nb", "Ta"], "shape": 3, "composition": {"Nb": 0.5, "Ta": 0.5}}
    named = {
        f"Lattice.{name}": Call(getattr(am.Lattice, name), made)
        for name in ("bcc", "fcc", "diamond", "cubic", "square", "triangular", "honeycomb", "chain")
    }
    raw = {
        "cell": np.eye(3),
        "basis": np.zeros((1, 3)),
        "shape": (3, 3, 3),
        "pbc": (True, True, True),
        "species": ("Nb",),
        "composition": {"Nb": 1.0},
        "prototype": "sc",
        "conventional": np.eye(3),
        "ideal": np.eye(3),
        "open_axes": (False, False, False),
    }
    return named | {
        "sublattice_of": Call(am.sublattice_of, {"atoms": BCC.to_atoms(ATOMS[0]), "elements": ["Nb"]}),
        "Lattice": Call(am.Lattice, raw),
        "Lattice.hcp": Call(am.Lattice.hcp, made | {"c": 4.9}),
        "Lattice.from_prototype": Call(am.Lattice.from_prototype, {"prototype": "hcp", **made, "c": 4.9}),
        "Lattice.repeat": Call(BCC.repeat, {"times": 2}),
        "Lattice.at_least": Call(BCC.at_least, {"n_sites": 100}),
        "Lattice.opened": Call(lambda axes: SQUARE.opened(axes), {"axes": 0}),
        "Lattice.offsets": Call(BCC.offsets, {"displacements": [[1, 1, 1]]}),
        "Lattice.neighbours": Call(BCC.neighbours, {"offsets": BCC.shells(1)[0].offsets}),
        "Lattice.nearest_sites": Call(BCC.nearest_sites, {"positions": BCC.positions()}),
        "Lattice.state": Call(BCC.state, {"atoms": BCC.to_atoms(ATOMS[0])}),
        "Lattice.to_atoms": Call(BCC.to_atoms, {"x": ATOMS[0], "vacancies": True}),
        "Lattice.tile": Call(BCC.tile, {"x": ATOMS, "larger": BCC.repeat(2)}),
        "Lattice.random_state": Call(
            BCC.random_state, {"composition": {"Nb": 0.5, "Ta": 0.5}, "vacancies": 1, "batch": 2, "rng": rng()}
        ),
        "Lattice.counts": Call(BCC.counts, {"composition": {"Nb": 0.5, "Ta": 0.5}, "vacancies": 1}),
    }
