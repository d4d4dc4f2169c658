"""Layers of the networks, C = f(A B + bias), on flat arrays.

BLAS runs such small matrices no faster, and here the bias is added and the activation applied before a block leaves its
registers. Sums run over the terms in their order, so the same numbers give the same bits.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numpy.typing import NDArray

from asemacro.barriers.blocks import (
    CONTRACT,
    I64,
    V16,
    WHOLE16,
    all_of,
    data_of,
    hardswish,
    intrinsic,
    larger,
    load,
    local,
    splat,
    store,
)

NONE, HARDSWISH, RELU, ONTO, BOTH = range(5)
"""What `layer` does to its outputs; ONTO: their hardswish is added to inputs of the row; BOTH: it is put behind."""


def _product(rows: int, after: int, kind: Any) -> Any:
    """The intrinsic of `rows` rows of A by one vector of columns of B."""

    @intrinsic
    def product(typingctx: Any, a: Any, b: Any, bias: Any, c: Any, places: Any) -> Any:
        # places: where A starts and its next row, the same of B, where the bias starts, C and its next row; terms; how
        # far behind C or the start of A is what `after` needs
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            left, right, start, out = (data_of(context, builder, sig.args[k], args[k]) for k in range(4))
            at_a, row_a, at_b, row_b, at_bias, at_c, row_c, terms, more = cgutils.unpack_tuple(builder, args[4])
            sums = [local(builder, load(builder, start, at_bias, kind)) for _ in range(rows)]
            firsts = [builder.add(at_a, builder.mul(row_a, I64(r))) for r in range(rows)]
            with cgutils.for_range(builder, terms, intp=I64) as loop:
                columns = load(builder, right, builder.add(at_b, builder.mul(loop.index, row_b)), kind)
                for total, first in zip(sums, firsts, strict=True):
                    factor = builder.load(builder.gep(left, [builder.add(first, loop.index)]))
                    factors = splat(builder, factor, kind)
                    if kind is WHOLE16:
                        builder.store(builder.add(builder.load(total), builder.mul(factors, columns)), total)
                    else:
                        term = builder.fmul(factors, columns, flags=CONTRACT)
                        builder.store(builder.fadd(builder.load(total), term, flags=CONTRACT), total)
            for r, total in enumerate(sums):
                value = builder.load(total)
                to = builder.add(at_c, builder.mul(row_c, I64(r)))
                if after in (HARDSWISH, ONTO):
                    value = hardswish(builder, value)
                elif after == RELU:
                    value = larger(builder, value, all_of(kind, 0.0))
                if after == BOTH:
                    store(builder, out, builder.add(to, more), hardswish(builder, value))
                if after == ONTO:
                    value = builder.fadd(load(builder, left, builder.add(firsts[r], more), kind), value)
                store(builder, out, to, value)
            return context.get_dummy_value()

        return types.void(a, b, bias, c, types.UniTuple(types.int64, 9)), code

    return product


def _layer(after: int, kind: Any = V16) -> Any:
    """The function C = f(A B + bias) with the activation f compiled in.

    Of flat arrays: A (rows, terms) from `at_a` on, its rows `row_a` apart; B (terms, columns) without gaps; C (rows,
    columns). `shape` is rows, terms, columns (a multiple of the length of a vector), and how far apart the rows of C
    are. If f adds to inputs (ONTO), each sixteen columns have terms of their own, which start with what is added to.
    """
    eight, four, one = (_product(rows, after, kind) for rows in (8, 4, 1))
    step = kind.count

    @njit(nogil=True)
    def layer(
        a: NDArray,
        at_a: int,
        row_a: int,
        shape: tuple[int, int, int, int],
        b: NDArray,
        at_b: int,
        bias: NDArray,
        at_bias: int,
        c: NDArray,
        at_c: int,
    ) -> None:
        rows, terms, columns, row_c = shape
        for column in range(0, columns, step):
            more = column * (terms // columns) if after == ONTO else rows * row_c
            r = 0
            while r < rows:
                left, to = at_a + r * row_a, at_c + r * row_c + column
                places = (left, row_a, at_b + column, columns, at_bias + column, to, row_c, terms, more)
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
layer_of_whole_numbers = _layer(NONE, WHOLE16)
hardswish_layer = _layer(HARDSWISH)
hardswish_onto = _layer(ONTO)
linear_and_hardswish_layer = _layer(BOTH)
relu_layer = _layer(RELU)
