"""Calls of the public names of states."""

from __future__ import annotations

import asemacro as am
from asemacro.micro.fields.predator_prey import cosine_fields
from calls.given import CELLS, CHAIN, SPINS, SQUARE, Call, rng


def calls() -> dict[str, Call]:
    spins_atoms = am.spins_to_atoms(SPINS[0], SQUARE)
    field_atoms = am.fields_to_atoms(CHAIN, CELLS[0])
    return {
        "random_spins": Call(
            am.random_spins, {"lattice": SQUARE, "magnetisation": [0.5, 0.0], "batch": 2, "rng": rng()}
        ),
        "spins_to_atoms": Call(am.spins_to_atoms, {"x": SPINS[0], "lattice": SQUARE}),
        "spins_from_atoms": Call(am.spins_from_atoms, {"atoms": spins_atoms, "lattice": SQUARE}),
        "fields_to_atoms": Call(am.fields_to_atoms, {"lattice": CHAIN, "x": CELLS[0], "labels": ("u", "v")}),
        "fields_from_atoms": Call(am.fields_from_atoms, {"lattice": CHAIN, "atoms": field_atoms, "labels": ("u", "v")}),
        "random_cosines": Call(am.random_cosines, {"lattice": CHAIN, "batch": 2, "rng": rng()}),
        "cosine_fields": Call(cosine_fields, {"lattice": CHAIN, "c1": [0.1], "c2": 0.5, "waves": 2.0}),
    }
