"""Calls of the public names of spins with long kernels, block fields and the data made of them."""

from __future__ import annotations

import numpy as np

import asemacro as am
from asemacro.micro.spins.kac_coupling import tabulated
from calls.given import SPINS, SQUARE, Call, rng

KAC = am.KacIsing(SQUARE, am.top_hat(1), 2.0, 0.1)


def some_field_data() -> am.FieldData:
    m = np.linspace(-0.5, 0.5, 36).reshape(3, 4, 3)
    return am.FieldData(m, -m, np.full(m.shape, 2), 0.1, 1.25, 0.0, 16, 4, np.arange(3))


def calls() -> dict[str, Call]:
    data = some_field_data()
    active = np.tile(np.arange(4), (len(SPINS), 1))
    phi = am.BlockMeans(SQUARE, 2)
    pairs = np.array([[[0, 1]]] * 3)
    return {
        "BlockMeans": Call(am.BlockMeans, {"lattice": SQUARE, "block": 2, "component": 0}),
        "BlockMeans.__call__": Call(phi, {"x": SPINS, "lattice": SQUARE}),
        "BlockMeans.fields": Call(phi.fields, {"x": SPINS, "lattice": SQUARE}),
        "BlockMeans.bounds": Call(phi.bounds, {"x": SPINS, "lattice": SQUARE}),
        "BlockMeans.changes": Call(
            phi.changes,
            {"x0": SPINS[:3], "lattice": SQUARE, "sites": pairs, "values": np.ones((3, 1, 2), np.int8)},
        ),
        "top_hat": Call(am.top_hat, {"reach": 2.5, "total": 1.0}),
        "gaussian": Call(am.gaussian, {"reach": 2.5, "total": 1.0}),
        "tabulated": Call(tabulated, {"values": np.array([1.0, 0.0, 1.0])}),
        "KacIsing": Call(
            am.KacIsing, {"lattice": SQUARE, "coupling": am.top_hat(1), "temperature": 2.0, "field": 0.1}
        ),
        "KacIsing.at": Call(KAC.at, {"temperature": 3.0}),
        "KacIsing.on": Call(KAC.on, {"lattice": SQUARE.repeat(2)}),
        "KacIsing.energy": Call(KAC.energy, {"x": SPINS}),
        "KacIsing.local_fields": Call(KAC.local_fields, {"x": SPINS}),
        "KacIsing.rates": Call(KAC.rates, {"x": SPINS, "active": active}),
        "KacIsing.evolve": Call(KAC.evolve, {"x": SPINS, "duration": 0.5, "active": active, "rng": rng()}),
        "KacIsing.evolve_counting": Call(
            KAC.evolve_counting, {"x": SPINS, "duration": 0.5, "block": 2, "window": 0.2, "rng": rng()}
        ),
        "smooth_fields": Call(
            am.smooth_fields,
            {"lattice": SQUARE, "n": 3, "lengths": [1.0, 2.0], "amplitude": 0.8, "homogeneous": 0.3, "rng": rng()},
        ),
        "spins_at": Call(am.spins_at, {"m": np.linspace(-1, 1, 12).reshape(3, 4), "rng": rng()}),
        "make_field_data": Call(
            am.make_field_data,
            {"system": KAC, "starts": 3, "block": 2, "duration": 0.1, "repeats": 2, "steps": 2, "window": 0.1,
             "rng": rng(), "progress": print},
        ),
        "FieldData": Call(
            am.FieldData,
            {"before": data.before, "after": data.after, "flips": data.flips, "duration": data.duration,
             "temperature": data.temperature, "field": data.field, "sites": 16, "block": 4, "group": data.group},
        ),
        "FieldData.take": Call(data.take, {"rows": np.arange(2)}),
        "FieldData.joined": Call(am.FieldData.joined, {"parts": [data, data]}),
        "FieldData.save": Call(data.save, {"path": "fields.zarr.zip"}),
    }  # fmt: skip
