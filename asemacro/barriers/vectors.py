"""The innermost loops of the networks, sixteen float32 (or eight float64) numbers at a time.

Numba's own loops over the few features of a node spend most of their time on finding out that there are few of them;
BLAS does the same on matrices that are not much wider. These functions are written as blocks of LLVM vectors, which
every processor runs in the widest registers that it has. They read and write flat arrays from given positions on and
check no bounds. Sums run over the terms in their order, so the same numbers give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.extending import intrinsic as _intrinsic  # type: ignore[attr-defined]
from numba.np.arrayobj import make_array
from numpy.typing import NDArray

intrinsic: Any = _intrinsic  # its type knows nothing of the first argument, which the compiler gives

SIXTEEN = 16
"""Rows of features are padded to a multiple of this many."""
EIGHT = 8
ALIGNED = 64
"""Bytes: a block that starts elsewhere is read from two lines of the cache."""
NONE, HARDSWISH, RELU = range(3)
"""What `layer` does to its outputs."""

_FLOAT, _DOUBLE, _I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(64)
_V16, _V8 = ir.VectorType(_FLOAT, SIXTEEN), ir.VectorType(_DOUBLE, EIGHT)
_CONTRACT = ("contract",)


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


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return make_array(kind)(context, builder, value).data


def _vector_at(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    """Pointer to a vector that starts at entry `at`."""
    return builder.bitcast(builder.gep(data, [at]), kind.as_pointer())


def _load(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    return builder.load(_vector_at(builder, data, at, kind), align=8 if kind is _V8 else 4)


def _store(builder: Any, data: Any, at: Any, value: Any) -> None:
    builder.store(value, _vector_at(builder, data, at, value.type), align=8 if value.type == _V8 else 4)


def _local(builder: Any, value: Any) -> Any:
    """A variable that starts at `value`; LLVM keeps it in a register."""
    place = cgutils.alloca_once(builder, value.type)
    builder.store(value, place)
    return place


def _all(kind: Any, value: float) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(single, single, mask)


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def _hardswish(builder: Any, t: Any) -> Any:
    """t min(max(t + 3, 0), 6) / 6."""
    gate = _larger(builder, builder.fadd(t, _all(t.type, 3.0)), _all(t.type, 0.0))
    gate = _smaller(builder, gate, _all(t.type, 6.0))
    sixth = float(np.float32(1 / 6)) if t.type == _V16 else 1 / 6
    return builder.fmul(builder.fmul(t, gate), _all(t.type, sixth))


def _total(builder: Any, values: Any) -> Any:
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


def _product(rows: int, after: int, kind: Any) -> Any:
    """The intrinsic of `rows` rows of A by one vector of columns of B."""

    @intrinsic
    def product(typingctx: Any, a: Any, b: Any, bias: Any, c: Any, places: Any) -> Any:
        # places: where A starts and its next row, the same of B, where the bias starts, C and its next row; terms
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            left, right, start, out = (_data(context, builder, sig.args[k], args[k]) for k in range(4))
            at_a, row_a, at_b, row_b, at_bias, at_c, row_c, terms = cgutils.unpack_tuple(builder, args[4])
            sums = [_local(builder, _load(builder, start, at_bias, kind)) for _ in range(rows)]
            firsts = [builder.add(at_a, builder.mul(row_a, _I64(r))) for r in range(rows)]
            with cgutils.for_range(builder, terms, intp=_I64) as loop:
                columns = _load(builder, right, builder.add(at_b, builder.mul(loop.index, row_b)), kind)
                for total, first in zip(sums, firsts, strict=True):
                    factor = builder.load(builder.gep(left, [builder.add(first, loop.index)]))
                    term = builder.fmul(_splat(builder, factor, kind), columns, flags=_CONTRACT)
                    builder.store(builder.fadd(builder.load(total), term, flags=_CONTRACT), total)
            for r, total in enumerate(sums):
                value = builder.load(total)
                if after == HARDSWISH:
                    value = _hardswish(builder, value)
                elif after == RELU:
                    value = _larger(builder, value, _all(kind, 0.0))
                _store(builder, out, builder.add(at_c, builder.mul(row_c, _I64(r))), value)
            return context.get_dummy_value()

        return types.void(a, b, bias, c, types.UniTuple(types.int64, 8)), code

    return product


def _layer(after: int, kind: Any = _V16) -> Any:
    """The function C = f(A B + bias) with the activation f compiled in.

    Of flat arrays: A (rows, terms) from `at_a` on, its rows `row_a` apart; B (terms, columns) and C (rows, columns)
    without gaps; `shape` is rows, terms, columns, these a multiple of the length of a vector.
    """
    eight, four, one = (_product(rows, after, kind) for rows in (8, 4, 1))
    step = kind.count

    @njit(nogil=True)
    def layer(
        a: NDArray,
        at_a: int,
        row_a: int,
        shape: tuple[int, int, int],
        b: NDArray,
        at_b: int,
        bias: NDArray,
        at_bias: int,
        c: NDArray,
        at_c: int,
    ) -> None:
        rows, terms, columns = shape
        for column in range(0, columns, step):
            r = 0
            while r < rows:
                left, to = at_a + r * row_a, at_c + r * columns + column
                places = (left, row_a, at_b + column, columns, at_bias + column, to, columns, terms)
                if rows - r >= 8:
                    eight(a, b, bias, c, places)
                    r += 8
                elif rows - r >= 4:
                    four(a, b, bias, c, places)
                    r += 4
                else:
                    one(a, b, bias, c, places)
                    r += 1

    return layer


linear_layer = _layer(NONE)
linear_layer_of_doubles = _layer(NONE, _V8)
hardswish_layer = _layer(HARDSWISH)
relu_layer = _layer(RELU)


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
        filled, before, added, near = (_data(context, builder, sig.args[k], args[k]) for k in (1, 3, 5, 7))
        to, start, source, ends = (cgutils.unpack_tuple(builder, args[k]) for k in (2, 4, 6, 8))
        done = _local(builder, _I64(0))

        def add(n: int) -> None:
            """Eight, four, two or one of the blocks, in as many registers."""
            here = builder.load(done)

            def place(of: Any, block: int) -> Any:
                return builder.add(of[0], builder.mul(of[1], builder.add(here, _I64(block))))

            totals = [_local(builder, _load(builder, before, place(start, b), _V16)) for b in range(n)]
            columns = [place(source, b) for b in range(n)]
            with cgutils.for_range_slice(builder, *ends, _I64(1), intp=_I64) as (k, _):
                row = builder.mul(builder.load(builder.gep(near, [k])), source[2])
                for total, column in zip(totals, columns, strict=True):
                    values = _load(builder, added, builder.add(column, row), _V16)
                    builder.store(builder.fadd(builder.load(total), values), total)
            for b, total in enumerate(totals):
                _store(builder, filled, place(to, b), builder.load(total))
            builder.store(builder.add(here, _I64(n)), done)

        eights = builder.lshr(args[0], _I64(3))
        with cgutils.for_range(builder, eights, intp=_I64):
            add(8)
        for n in (4, 2, 1):
            with builder.if_then(builder.icmp_signed("!=", builder.and_(args[0], _I64(n)), _I64(0))):
                add(n)
        return context.get_dummy_value()

    triple = types.UniTuple(types.int64, 3)
    return types.void(types.int64, out, pair, base, pair, rows, triple, links, pair), code


@intrinsic
def add_words(typingctx: Any, words: Any, links: Any, first: Any, last: Any) -> Any:
    """Sum of words[links[k]] over k in first ... last - 1, int64."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        source, near = (_data(context, builder, sig.args[k], args[k]) for k in (0, 1))
        total = _local(builder, _I64(0))
        with cgutils.for_range_slice(builder, args[2], args[3], _I64(1), intp=_I64) as (k, _):
            link = builder.load(builder.gep(near, [k]))
            # atomic, which costs nothing, because LLVM would gather eight words with one slow instruction
            word = builder.load_atomic(builder.gep(source, [link]), "monotonic", 8)
            builder.store(builder.add(builder.load(total), word), total)
        return builder.load(total)

    return types.int64(words, links, types.int64, types.int64), code


@intrinsic
def spread_bytes(typingctx: Any, word: Any, out: Any, at: Any) -> Any:
    """out[at : at + 8] = the eight bytes of an int64, as float32."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        to = _data(context, builder, sig.args[1], args[1])
        of_bytes = ir.VectorType(ir.IntType(8), EIGHT)
        wide = builder.zext(builder.bitcast(args[0], of_bytes), ir.VectorType(ir.IntType(32), EIGHT))
        _store(builder, to, args[2], builder.sitofp(wide, ir.VectorType(_FLOAT, EIGHT)))
        return context.get_dummy_value()

    return types.void(types.int64, out, types.int64), code


@intrinsic
def shift_and_swish(typingctx: Any, z: Any, table: Any, before: Any, after: Any, moved: Any, places: Any) -> Any:
    """after = f(z + first row + second row of the table) and moved = after - before, sixteen entries, f hardswish.

    `places`: where z, the two rows, before, after and moved start.
    """

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own, rows, old, new, change = (_data(context, builder, sig.args[k], args[k]) for k in range(5))
        at_z, first, second, at_before, at_after, at_moved = cgutils.unpack_tuple(builder, args[5])
        value = builder.fadd(_load(builder, own, at_z, _V16), _load(builder, rows, first, _V16))
        value = _hardswish(builder, builder.fadd(value, _load(builder, rows, second, _V16)))
        _store(builder, new, at_after, value)
        _store(builder, change, at_moved, builder.fsub(value, _load(builder, old, at_before, _V16)))
        return context.get_dummy_value()

    return types.void(z, table, before, after, moved, types.UniTuple(types.int64, 6)), code


@intrinsic
def dot(typingctx: Any, a: Any, at_a: Any, b: Any, at_b: Any, n: Any) -> Any:
    """a . b over n float32 entries, a multiple of sixteen; products in single precision, their sum in double."""
    i = types.int64
    wide = ir.VectorType(_DOUBLE, SIXTEEN)

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (_data(context, builder, sig.args[k], args[k]) for k in (0, 2))
        total = _local(builder, _all(wide, 0.0))
        with cgutils.for_range_slice(builder, _I64(0), args[4], _I64(SIXTEEN), intp=_I64) as (k, _):
            one, other = (
                _load(builder, data, builder.add(at, k), _V16) for data, at in ((left, args[1]), (right, args[3]))
            )
            term = builder.fpext(builder.fmul(one, other), wide)
            builder.store(builder.fadd(builder.load(total), term), total)
        return _total(builder, builder.load(total))

    return types.float64(a, i, b, i, i), code


@intrinsic
def shifted_swish_dot(
    typingctx: Any, z: Any, at_z: Any, table: Any, at_more: Any, at_less: Any, weights: Any, at_weights: Any, n: Any
) -> Any:
    """f(z + row `at_more` - row `at_less` of the table) . weights over n float64 entries, a multiple of eight."""
    i = types.int64

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        own, rows, last = (_data(context, builder, sig.args[k], args[k]) for k in (0, 2, 5))
        total = _local(builder, _all(_V8, 0.0))
        with cgutils.for_range_slice(builder, _I64(0), args[7], _I64(EIGHT), intp=_I64) as (k, _):

            def part(data: Any, at: Any) -> Any:
                return _load(builder, data, builder.add(at, k), _V8)

            value = builder.fadd(part(own, args[1]), builder.fsub(part(rows, args[3]), part(rows, args[4])))
            term = builder.fmul(_hardswish(builder, value), part(last, args[6]))
            builder.store(builder.fadd(builder.load(total), term), total)
        return _total(builder, builder.load(total))

    return types.float64(z, i, table, i, i, weights, i, i), code
