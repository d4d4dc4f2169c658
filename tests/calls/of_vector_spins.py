"""Calls of the public names of spins that are unit vectors."""

from __future__ import annotations

import numpy as np

import asemacro as am
from calls.given import SQUARE, Call, rng

VECTORS = am.random_vectors(SQUARE, 0.5, 3, rng=rng())
MAGNET = am.Heisenberg(SQUARE, 0.7, field=0.2)


def calls() -> dict[str, Call]:
    active = np.tile(np.arange(4), (3, 1))
    energy, mean = am.VectorEnergyPerSite((1.0, 0.2), 0.3, 0.1), am.VectorMagnetization()
    return {
        "random_vectors": Call(
            am.random_vectors, {"lattice": SQUARE, "magnetisation": [0.5, 0.0], "batch": 2, "rng": rng()}
        ),
        "vectors_to_atoms": Call(am.vectors_to_atoms, {"x": VECTORS[0], "lattice": SQUARE}),
        "vectors_from_atoms": Call(
            am.vectors_from_atoms, {"atoms": am.vectors_to_atoms(VECTORS[0], SQUARE), "lattice": SQUARE}
        ),
        "Heisenberg": Call(
            am.Heisenberg,
            {"lattice": SQUARE, "temperature": 0.7, "exchange": [1.0, 0.5], "anisotropy": 0.2, "field": [0.0, 0.1, 0.3],
             "damping": 0.2, "time_step": 0.01},
        ),
        "Heisenberg.at": Call(MAGNET.at, {"temperature": 0.9}),
        "Heisenberg.on": Call(MAGNET.on, {"lattice": SQUARE.repeat(2)}),
        "Heisenberg.energy": Call(MAGNET.energy, {"x": VECTORS}),
        "Heisenberg.carriers": Call(MAGNET.carriers, {"x": VECTORS}),
        "Heisenberg.draw_active": Call(MAGNET.draw_active, {"x": VECTORS, "m": 2, "rng": rng()}),
        "Heisenberg.evolve": Call(
            MAGNET.evolve, {"x": VECTORS, "duration": 0.05, "active": active, "rng": rng()}
        ),
        "make_field_data of vectors": Call(
            am.make_field_data,
            {"system": MAGNET, "starts": 2, "block": 2, "duration": 0.1, "repeats": 2, "steps": 2, "rng": rng(),
             "progress": print},
        ),
        "VectorMagnetization": Call(mean, {"x": VECTORS, "lattice": SQUARE}),
        "VectorMagnetization.bounds": Call(mean.bounds, {"x": VECTORS, "lattice": SQUARE}),
        "VectorEnergyPerSite": Call(
            am.VectorEnergyPerSite, {"exchange": (1.0, 0.2), "anisotropy": 0.3, "field": [0.0, 0.0, 0.1]}
        ),
        "VectorEnergyPerSite.__call__": Call(energy, {"x": VECTORS, "lattice": SQUARE}),
        "VectorEnergyPerSite.change": Call(
            energy.change, {"x0": VECTORS, "lattice": SQUARE, "sites": active[:, :2], "values": VECTORS[:, 2:4]}
        ),
    }  # fmt: skip
