"""What the networks do between their layers, sixteen float32 numbers at a time, and the arrays that they do it on.

Numba's own loops over the few features of a node spend most of their time on finding out that there are few of them.
These functions are written as blocks of LLVM vectors instead. Sums run over the terms in their order, so the same
numbers give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numpy.typing import NDArray

from asemacro.barriers.blocks import (
    DOUBLE,
    EIGHT,
    FLOAT,
    I64,
    SIXTEEN,
    V16,
    WHOLE16,
    all_of,
    data_of,
    hardswish,
    intrinsic,
    load,
    local,
    splat,
    store,
    total_of,
)

ALIGNED = 64
"""Bytes: a block that starts elsewhere is read from two lines of the cache."""


def with_padded_columns(matrix: NDArray[np.float64], of: int = SIXTEEN) -> NDArray[np.float64]:
    """A matrix (..., n) with columns of zeros up to the next multiple of `of`."""
    more = -matrix.shape[-1] % of
    return np.pad(matrix, [(0, 0)] * (matrix.ndim - 1) + [(0, more)])


def aligned(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """A flat copy that starts at a line of the processor's cache."""
    flat = np.asarray(values, dtype=dtype).reshape(-1)
    room = np.empty(flat.nbytes + ALIGNED, dtype=np.uint8)
    start = -room.ctypes.data % ALIGNED
    copy = room[start : start + flat.nbytes].view(flat.dtype)
    copy[:] = flat
    return copy


@njit(cache=True, nogil=True, inline="always")
def first_aligned(work: NDArray) -> int:
    """Where in a float32 array the first line of the processor's cache starts."""
    return (-np.int64(work.ctypes.data) % ALIGNED) // 4  # type: ignore[return-value]


@intrinsic
def add_rows(
    typingctx: Any,
    blocks: Any,
    out: Any,
    to: Any,
    base: Any,
    start: Any,
    rows: Any,
    source: Any,
    links: Any,
    ends: Any,
) -> Any:
    """out = base + sum over k in first ... last - 1 of row links[k] of `rows`, in blocks of sixteen float32 numbers.

    Args:
        typingctx: of numba.
        blocks: how many there are.
        out: array.
        to: where its first block starts, and how far apart the blocks are.
        base: what the sums start from.
        start: the same of it.
        rows: what is added.
        source: the same of its row 0, and how far apart the rows are.
        links: int64 rows.
        ends: first and last.
    """
    pair = types.UniTuple(types.int64, 2)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        filled, before, added, near = (data_of(context, builder, sig.args[k], args[k]) for k in (1, 3, 5, 7))
        to, start, source, ends = (cgutils.unpack_tuple(builder, args[k]) for k in (2, 4, 6, 8))
        done = local(builder, I64(0))

        def add(n: int) -> None:
            """Eight, four, two or one of the blocks, in as many registers."""
            here = builder.load(done)

            def place(of: Any, block: int) -> Any:
                return builder.add(of[0], builder.mul(of[1], builder.add(here, I64(block))))

            totals = [local(builder, load(builder, before, place(start, b), V16)) for b in range(n)]
            columns = [place(source, b) for b in range(n)]
            with cgutils.for_range_slice(builder, *ends, I64(1), intp=I64) as (k, _):
                row = builder.mul(builder.load(builder.gep(near, [k])), source[2])
                for total, column in zip(totals, columns, strict=True):
                    values = load(builder, added, builder.add(column, row), V16)
                    builder.store(builder.fadd(builder.load(total), values), total)
            for b, total in enumerate(totals):
                store(builder, filled, place(to, b), builder.load(total))
            builder.store(builder.add(here, I64(n)), done)

        eights = builder.lshr(args[0], I64(3))
        with cgutils.for_range(builder, eights, intp=I64):
            add(8)
        for n in (4, 2, 1):
            with builder.if_then(builder.icmp_signed("!=", builder.and_(args[0], I64(n)), I64(0))):
                add(n)
        return context.get_dummy_value()

    triple = types.UniTuple(types.int64, 3)
    return types.void(types.int64, out, pair, base, pair, rows, triple, links, pair), code


@intrinsic
def add_words(typingctx: Any, words: Any, links: Any, first: Any, last: Any) -> Any:
    """Sum of words[links[k]] over k in first ... last - 1, int64."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, near = (data_of(context, builder, sig.args[k], args[k]) for k in (0, 1))
        total = local(builder, I64(0))
        with cgutils.for_range_slice(builder, args[2], args[3], I64(1), intp=I64) as (k, _):
            link = builder.load(builder.gep(near, [k]))
            # atomic, which costs nothing, because LLVM would gather eight words with one slow instruction
            word = builder.load_atomic(builder.gep(source, [link]), "monotonic", 8)
            builder.store(builder.add(builder.load(total), word), total)
        return builder.load(total)

    return types.int64(words, links, types.int64, types.int64), code


@intrinsic
def add_runs(typingctx: Any, words: Any, links: Any, first: Any, last: Any, out: Any, at: Any) -> Any:
    """out[at + i] = sum of words[links[k] + i] over k in first ... last - 1, for i in 0 ... 7, int64."""
    runs = ir.VectorType(I64, EIGHT)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, near, filled = (data_of(context, builder, sig.args[k], args[k]) for k in (0, 1, 4))
        total = local(builder, ir.Constant(runs, [0] * EIGHT))
        with cgutils.for_range_slice(builder, args[2], args[3], I64(1), intp=I64) as (k, _):
            run = load(builder, source, builder.load(builder.gep(near, [k])), runs)
            builder.store(builder.add(builder.load(total), run), total)
        store(builder, filled, args[5], builder.load(total))
        return context.get_dummy_value()

    return types.void(words, links, types.int64, types.int64, out, types.int64), code


@intrinsic
def spread_bytes(typingctx: Any, word: Any, out: Any, at: Any) -> Any:
    """out[at : at + 8] = the eight bytes of an int64, as float32."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        to = data_of(context, builder, sig.args[1], args[1])
        of_bytes = ir.VectorType(ir.IntType(8), EIGHT)
        wide = builder.zext(builder.bitcast(args[0], of_bytes), ir.VectorType(ir.IntType(32), EIGHT))
        store(builder, to, args[2], builder.sitofp(wide, ir.VectorType(FLOAT, EIGHT)))
        return context.get_dummy_value()

    return types.void(types.int64, out, types.int64), code


@intrinsic
def shift_and_swish(typingctx: Any, z: Any, table: Any, before: Any, after: Any, moved: Any, places: Any) -> Any:
    """after = f(z + first row + second row of the table) and moved = after - before, sixteen entries, f hardswish.

    `places`: where z, the two rows, before, after and moved start.
    """

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own, rows, old, new, change = (data_of(context, builder, sig.args[k], args[k]) for k in range(5))
        at_z, first, second, at_before, at_after, at_moved = cgutils.unpack_tuple(builder, args[5])
        value = builder.fadd(load(builder, own, at_z, V16), load(builder, rows, first, V16))
        value = hardswish(builder, builder.fadd(value, load(builder, rows, second, V16)))
        store(builder, new, at_after, value)
        store(builder, change, at_moved, builder.fsub(value, load(builder, old, at_before, V16)))
        return context.get_dummy_value()

    return types.void(z, table, before, after, moved, types.UniTuple(types.int64, 6)), code


@intrinsic
def dot(typingctx: Any, a: Any, at_a: Any, b: Any, at_b: Any, n: Any) -> Any:
    """a . b over n float32 entries, a multiple of sixteen; products in single precision, their sum in double."""
    i = types.int64
    wide = ir.VectorType(DOUBLE, SIXTEEN)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (data_of(context, builder, sig.args[k], args[k]) for k in (0, 2))
        total = local(builder, all_of(wide, 0.0))
        with cgutils.for_range_slice(builder, I64(0), args[4], I64(SIXTEEN), intp=I64) as (k, _):
            one, other = (
                load(builder, data, builder.add(at, k), V16) for data, at in ((left, args[1]), (right, args[3]))
            )
            term = builder.fpext(builder.fmul(one, other), wide)
            builder.store(builder.fadd(builder.load(total), term), total)
        return total_of(builder, builder.load(total))

    return types.float64(a, i, b, i, i), code


@intrinsic
def sum_and_difference(typingctx: Any, a: Any, b: Any, out: Any, places: Any) -> Any:
    """a + b and a - b, sixteen entries; `places`: where a, b, their sum and their difference start."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right, to = (data_of(context, builder, sig.args[k], args[k]) for k in range(3))
        at_a, at_b, at_sum, at_difference = cgutils.unpack_tuple(builder, args[3])
        one, other = load(builder, left, at_a, V16), load(builder, right, at_b, V16)
        store(builder, to, at_sum, builder.fadd(one, other))
        store(builder, to, at_difference, builder.fsub(one, other))
        return context.get_dummy_value()

    return types.void(a, b, out, types.UniTuple(types.int64, 4)), code


@intrinsic
def both_ways_dot(typingctx: Any, even: Any, at_even: Any, odd: Any, at_odd: Any, b: Any, at_b: Any, n: Any) -> Any:
    """(f(even + odd) + f(even - odd)) . b over n float32 entries, as `dot`; f hardswish. The sign of odd is free."""
    i = types.int64
    wide = ir.VectorType(DOUBLE, SIXTEEN)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right, last = (data_of(context, builder, sig.args[k], args[k]) for k in (0, 2, 4))
        total = local(builder, all_of(wide, 0.0))
        with cgutils.for_range_slice(builder, I64(0), args[6], I64(SIXTEEN), intp=I64) as (k, _):
            both, apart, weights = (
                load(builder, data, builder.add(at, k), V16)
                for data, at in ((left, args[1]), (right, args[3]), (last, args[5]))
            )
            forth, back = builder.fadd(both, apart), builder.fsub(both, apart)
            value = builder.fadd(hardswish(builder, forth), hardswish(builder, back))
            term = builder.fpext(builder.fmul(value, weights), wide)
            builder.store(builder.fadd(builder.load(total), term), total)
        return total_of(builder, builder.load(total))

    return types.float64(even, i, odd, i, b, i, i), code


@intrinsic
def swish_of_whole_dot(
    typingctx: Any, z: Any, unit: Any, table: Any, at: Any, weights: Any, at_weights: Any, n: Any
) -> Any:
    """f(unit (z + one row of the table - another)) . weights, f hardswish; in double precision.

    z and the table are int32: what a row is after a change and back again is the same to the bit, so a sum of
    these numbers over the sites of a state is a function of the state.

    Args:
        typingctx: of numba.
        z: rows.
        unit: float64, of z and the table.
        table: what z changes by.
        at: where the row of z, the one that is added and the one that is taken away start.
        weights: float32.
        at_weights: where they start.
        n: entries, a multiple of sixteen.
    """
    i = types.int64
    wide = ir.VectorType(DOUBLE, SIXTEEN)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own, rows, last = (data_of(context, builder, sig.args[k], args[k]) for k in (0, 2, 4))
        at_z, more, less = cgutils.unpack_tuple(builder, args[3])
        units, total = splat(builder, args[1], wide), local(builder, all_of(wide, 0.0))
        with cgutils.for_range_slice(builder, I64(0), args[6], I64(SIXTEEN), intp=I64) as (k, _):

            def part(data: Any, at: Any) -> Any:
                return load(builder, data, builder.add(at, k), WHOLE16)

            whole = builder.add(part(own, at_z), builder.sub(part(rows, more), part(rows, less)))
            value = hardswish(builder, builder.fmul(builder.sitofp(whole, wide), units))
            term = builder.fmul(value, builder.fpext(load(builder, last, builder.add(args[5], k), V16), wide))
            builder.store(builder.fadd(builder.load(total), term), total)
        return total_of(builder, builder.load(total))

    return types.float64(z, types.float64, table, types.UniTuple(i, 3), weights, i, i), code
