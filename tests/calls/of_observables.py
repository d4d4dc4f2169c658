"""Calls of the public names of observables."""

from __future__ import annotations

from typing import Any

import numpy as np

import asemacro as am
from calls.given import AFTER, ATOMS, BCC, CELLS, CHAIN, SITES, SPINS, SQUARE, SRO, Call, M, a_events


def calls() -> dict[str, Call]:
    move = {"sites": np.array([[0, 1]] * 4), "values": CELLS[:, [1, 0]]}
    i, j = np.flatnonzero(ATOMS[0] == 1)[0], np.flatnonzero(ATOMS[0] == 2)[0]
    swap = {"sites": np.array([[i, j]]), "values": np.array([[2, 1]], dtype=np.int8)}
    both = am.Observables([M, am.DomainWallDensity()])
    table: dict[str, Call] = {
        "WarrenCowley": Call(am.WarrenCowley, {"species": ["Nb", "Ta"], "shells": 2, "pairs": "all"}),
        "WarrenCowley.pair_counts": Call(SRO.pair_counts, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.neighbours": Call(SRO.neighbours, {"lattice": BCC}),
        "WarrenCowley.bounds": Call(SRO.bounds, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.vacancy_contacts": Call(SRO.vacancy_contacts, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.with_like": Call(
            SRO.with_like, {"unlike": [[0.1]], "counts": [5, 5], "contacts": np.zeros((1, 1, 2))}
        ),
        "WarrenCowley.alpha": Call(SRO.alpha, {"delta": [0.1], "fractions": [0.5, 0.5], "lattice": BCC}),
        "WarrenCowley.random_mean": Call(SRO.random_mean, {"lattice": BCC, "counts": BCC.counts()}),
        "diffuse_scattering": Call(
            am.diffuse_scattering,
            {"structures": BCC.to_atoms(ATOMS[0]), "hkl": "hk0", "radiation": "xray", "extent": 1.0, "symmetric": True},
        ),
        "Magnetization": Call(am.Magnetization, {}),
        "DomainWallDensity": Call(am.DomainWallDensity, {"shell": 2}),
        "EnergyPerSite": Call(am.EnergyPerSite, {"coupling": [1.0, 0.5], "field": 0.1}),
        "FieldMean": Call(am.FieldMean, {"labels": ("u", "v")}),
        "FieldCovariance": Call(am.FieldCovariance, {"labels": ("u", "v")}),
        "TorchObservable": Call(am.TorchObservable, {"function": lambda x: x[:, :1], "labels": ["first"]}),
        "SpeciesMeans": Call(am.SpeciesMeans, {"labels": ["u", "v"]}),
        "GinzburgLandauEnergy": Call(am.GinzburgLandauEnergy, {"n": 8, "epsilon": 0.1, "label": "energy"}),
        "KineticTemperature": Call(
            am.KineticTemperature, {"n_atoms": 3, "masses": [1.0, 2.0, 3.0], "k_B": 1.0, "factor": 20.0}
        ),
        "Observables": Call(am.Observables, {"members": [M, am.DomainWallDensity()]}),
        "Magnetization.terms": Call(M.terms, {"lattice": SQUARE}),
        "DomainWallDensity.terms": Call(am.DomainWallDensity().terms, {"lattice": SQUARE}),
        "EnergyPerSite.terms": Call(am.EnergyPerSite().terms, {"lattice": SQUARE}),
    }
    spin_observables: dict[str, Any] = {"Magnetization": M, "DomainWallDensity": am.DomainWallDensity(),
                      "EnergyPerSite": am.EnergyPerSite(), "Observables": both}  # fmt: skip
    for name, phi in spin_observables.items():
        table[f"{name}.__call__"] = Call(phi.__call__, {"x": SPINS, "lattice": SQUARE})
        table[f"{name}.bounds"] = Call(phi.bounds, {"x": SPINS, "lattice": SQUARE})
        table[f"{name}.change"] = Call(phi.change, {"x0": SPINS, "lattice": SQUARE, "sites": SITES, "values": AFTER})
        table[f"{name}.changes"] = Call(phi.changes, {"x0": SPINS, "lattice": SQUARE, **a_events(SITES, AFTER)})
    for name, phi, x, lattice, change in (
        ("FieldMean", am.FieldMean(), CELLS, CHAIN, move),
        ("FieldCovariance", am.FieldCovariance(), CELLS, CHAIN, move),
        ("WarrenCowley", SRO, ATOMS[:1], BCC, swap),
    ):
        table[f"{name}.__call__"] = Call(phi.__call__, {"x": x, "lattice": lattice})
        table[f"{name}.change"] = Call(phi.change, {"x0": x, "lattice": lattice, **change})
        events = a_events(change["sites"], change["values"])
        table[f"{name}.changes"] = Call(phi.changes, {"x0": x, "lattice": lattice, **events})
    return table
