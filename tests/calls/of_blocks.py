"""Calls of the public names of spins with long kernels, block fields and the data made of them."""

from __future__ import annotations

import numpy as np

import asemacro as am
from calls.given import Call


def some_field_data() -> am.FieldData:
    m = np.linspace(-0.5, 0.5, 36).reshape(3, 4, 3)
    return am.FieldData(m, -m, np.full(m.shape, 2), 0.1, 1.25, 0.0, 16, 4, np.arange(3))


def calls() -> dict[str, Call]:
    data = some_field_data()
    return {
        "FieldData": Call(
            am.FieldData,
            {"before": data.before, "after": data.after, "flips": data.flips, "duration": data.duration,
             "temperature": data.temperature, "field": data.field, "sites": 16, "block": 4, "group": data.group},
        ),
        "FieldData.take": Call(data.take, {"rows": np.arange(2)}),
        "FieldData.joined": Call(am.FieldData.joined, {"parts": [data, data]}),
        "FieldData.save": Call(data.save, {"path": "fields.zarr.zip"}),
    }  # fmt: skip
