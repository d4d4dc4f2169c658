"""The mesoscopic reference: blocks of spins that flip in binomial numbers, so that m never leaves [-1, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import above_zero, array, checked, instance, number, whole
from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.field_data import FieldData


@checked(
    kernel=instance("BlockKernel"), start=array(kind="n"), sites=whole(2), temperature=above_zero, field=number(),
    duration=number(0), steps=whole(1), rng=generator_of,
)  # fmt: skip
def binomial_blocks(
    kernel: BlockKernel,
    start: ArrayLike,
    sites: int,
    temperature: float,
    field: float = 0.0,
    *,
    duration: float,
    steps: int,
    rng: np.random.Generator,
) -> tuple[Floats, NDArray[np.int64]]:
    r"""Block fields after a time, and the flips in them: Glauber spins that know only their block's field.

    In a step dt each up spin turns down with probability (1 - e^-dt) (1 - tanh u) / 2, each down spin up with
    (1 - e^-dt) (1 + tanh u) / 2, u = (J * m + h) / T: exact as long as u stands still, else the
    error is of the order of dt. This is what a diffusion approximates; blocks of few spins or near |m| = 1 it
    describes as well as any.

    Args:
        kernel: J between blocks.
        start: (n, *grid) magnetisations; rounded to those that V spins allow.
        sites: V.
        temperature: T, k_B = 1.
        field: h.
        duration: time in all.
        steps: of equal length.
        rng: random generator.

    Returns:
        m (n, *grid) and the flips in each block; those of one spin twice in a step are not counted, an error of the
        order of dt.

    Raises:
        ValueError: shapes that do not fit.
    """
    m = np.asarray(start, dtype=float)
    up = np.rint(sites * (1 + np.clip(m, -1, 1)) / 2).astype(np.int64)
    flips = np.zeros_like(up)
    moving = -np.expm1(-duration / steps) / 2
    for _ in range(steps):
        t = np.tanh((kernel.convolve(2 * up / sites - 1) + field) / temperature)
        down = rng.binomial(up, moving * (1 - t))
        rise = rng.binomial(sites - up, moving * (1 + t))
        up += rise - down
        flips += rise + down
    return 2 * up / sites - 1, flips


@checked(kernel=instance("BlockKernel"), starts=array(kind="n"), sites=whole(2), block=whole(1), temperature=above_zero,
         field=number(), duration=above_zero, steps=whole(1), rng=generator_of)  # fmt: skip
def binomial_field_data(
    kernel: BlockKernel,
    starts: ArrayLike,
    sites: int,
    block: int,
    temperature: float,
    field: float = 0.0,
    *,
    duration: float,
    steps: int = 10,
    rng: np.random.Generator,
) -> FieldData:
    """Field data of `binomial_blocks`: what a microscopic system would give if its blocks had no inside.

    Args:
        kernel: J between blocks.
        starts: (n, *grid) mean magnetisations; the spins of each block are drawn independently from them.
        sites: V.
        block: B, for the record.
        temperature: T.
        field: h.
        duration: of a row.
        steps: in a row.
        rng: random generator.
    """
    from asemacro.field_data import FieldData

    mean = np.clip(np.asarray(starts, dtype=float), -1, 1)
    before = 2 * rng.binomial(sites, (1 + mean) / 2) / sites - 1
    after, flips = binomial_blocks(kernel, before, sites, temperature, field, duration=duration, steps=steps, rng=rng)
    n = len(before)
    rows = {name: np.full(n, value) for name, value in
            {"duration": duration, "temperature": temperature, "field": field}.items()}  # fmt: skip
    return FieldData(
        before=before.astype(np.float32),
        after=after.astype(np.float32),
        flips=flips.astype(np.int32),
        sites=sites,
        block=block,
        group=np.arange(n),
        **rows,
    )
