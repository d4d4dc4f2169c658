"""Blocks of LLVM vectors, sixteen float32 (or int32) numbers long, of which the loops of the networks are built.

Every processor runs them in the widest registers that it has. They read and write flat arrays from given positions on
and check no bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.extending import intrinsic as _intrinsic  # type: ignore[attr-defined]
from numba.np.arrayobj import make_array

intrinsic: Any = _intrinsic  # its type knows nothing of the first argument, which the compiler gives

SIXTEEN = 16
"""Rows of features are padded to a multiple of this many."""
EIGHT = 8

FLOAT, DOUBLE, I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(64)
V16, WHOLE16 = ir.VectorType(FLOAT, SIXTEEN), ir.VectorType(ir.IntType(32), SIXTEEN)
CONTRACT = ("contract",)


def data_of(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return make_array(kind)(context, builder, value).data


def _vector_at(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    """Pointer to a vector that starts at entry `at`."""
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def load(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    return builder.load(_vector_at(builder, data, at, kind), align=4)


def store(builder: Any, data: Any, at: Any, value: Any) -> None:
    builder.store(value, _vector_at(builder, data, at, value.type), align=4)


def local(builder: Any, value: Any) -> Any:
    """A variable that starts at `value`; LLVM keeps it in a register."""
    place = cgutils.alloca_once(builder, value.type)
    builder.store(value, place)
    return place


def all_of(kind: Any, value: float) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def splat(builder: Any, value: Any, kind: Any) -> Any:
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(single, single, mask)


def larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def hardswish(builder: Any, t: Any) -> Any:
    """t min(max(t + 3, 0), 6) / 6."""
    gate = larger(builder, builder.fadd(t, all_of(t.type, 3.0)), all_of(t.type, 0.0))
    gate = smaller(builder, gate, all_of(t.type, 6.0))
    sixth = 1 / 6 if t.type.element == DOUBLE else float(np.float32(1 / 6))
    return builder.fmul(builder.fmul(t, gate), all_of(t.type, sixth))


def total_of(builder: Any, values: Any) -> Any:
    """Sum of the entries of a vector, halves first."""
    n = values.type.count
    while n > 1:
        n //= 2
        both = [
            ir.Constant(ir.VectorType(ir.IntType(32), n), list(range(start, start + n))) for start in (0, n)
        ]  # fmt: skip
        nothing = ir.Constant(values.type, ir.Undefined)
        low, high = (builder.shuffle_vector(values, nothing, mask) for mask in both)
        values = builder.fadd(low, high)
    return builder.extract_element(values, ir.Constant(ir.IntType(32), 0))
