"""Windows: blocks of neighbouring cells, the parts of a large state that move while the rest is frozen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

Size = tuple[int, int, int]


def window_size(lattice: Lattice, n_sites: int) -> Size:
    """Cells along each axis of the window of exactly `n_sites` sites with the smallest surface.

    Along an open axis of the lattice a window must divide the axis into equal parts, because there it cannot lie
    anywhere with the same probability for all sites; along the others it only has to fit.

    Raises:
        ValueError: no such window; the message names the sizes on either side that there are.
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice.cell), axis=0)  # of a cell above each of its faces
    best, least = None, (np.inf, np.inf)
    for size in _sizes(lattice, n_sites):
        sides = [h * m for h, m, n in zip(heights, size, lattice.shape, strict=True) if n > 1]
        cut = sum(1 / (h * m) for h, m, n in zip(heights, size, lattice.shape, strict=True) if m < n)
        rank = (round(cut, 9), max(sides, default=1.0) / min(sides, default=1.0))  # of equal ones the most compact
        if rank < least:
            best, least = size, rank
    if best is None:
        raise ValueError(_why_not(lattice, n_sites))
    return best


def _sizes(lattice: Lattice, n_sites: int) -> Iterator[Size]:
    """All windows of `n_sites` sites, in cells along each axis."""
    cells, rest = divmod(n_sites, lattice.n_basis)
    if n_sites < 1 or rest:
        return
    (n1, n2, n3), open_axes = lattice.shape, lattice.open_axes
    for a in range(1, min(n1, cells) + 1):
        if cells % a or (open_axes[0] and n1 % a):
            continue
        for b in range(1, min(n2, cells // a) + 1):
            c = cells // a // b
            if cells // a % b or (open_axes[1] and n2 % b) or c > n3 or (open_axes[2] and n3 % c):
                continue
            yield a, b, c


def _why_not(lattice: Lattice, n_sites: int) -> str:
    def fits(n: int) -> bool:
        return next(_sizes(lattice, n), None) is not None

    below = list(itertools.islice(filter(fits, range(min(n_sites, lattice.n_sites + 1) - 1, 0, -1)), 3))[::-1]
    above = list(itertools.islice(filter(fits, range(n_sites + 1, lattice.n_sites + 1)), 3))
    ends = [
        f"; along axis {k + 1}, which ends at its faces, a block divides the {n} cells"
        for k, (n, open_) in enumerate(zip(lattice.shape, lattice.open_axes, strict=True))
        if open_
    ]
    shape = " x ".join(map(str, lattice.shape))
    near = ", ".join(map(str, below + above))
    return (
        f"no block of cells of this {shape} lattice has exactly {n_sites} sites{''.join(ends)}; the nearest have {near}"
    )


def window_sites(lattice: Lattice, corners: NDArray[np.integer], size: Size) -> NDArray[np.int64]:
    """Sites (batch, product of size x n_basis) of the windows with the first cells `corners` (batch, 3), wrapped."""
    rows = [
        (np.asarray(corners)[:, k, None] + np.arange(m)) % n
        for k, (m, n) in enumerate(zip(size, lattice.shape, strict=True))
    ]
    _, n2, n3 = lattice.shape
    cells = (rows[0][:, :, None, None] * n2 + rows[1][:, None, :, None]) * n3 + rows[2][:, None, None, :]
    sites = cells[..., None] * lattice.n_basis + np.arange(lattice.n_basis)
    return sites.reshape(len(sites), int(np.prod(size)) * lattice.n_basis)


def random_windows(lattice: Lattice, n_sites: int, batch: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sites of windows of exactly `n_sites` sites, one for each row: (batch, n_sites).

    Anywhere with the same probability along axes that wrap around, one of the equal parts along open ones: every site
    of the lattice is in a window with probability n_sites / lattice.n_sites.

    Raises:
        ValueError: no window has that number of sites.
    """
    size = window_size(lattice, n_sites)
    steps = [m if open_ or m == n else 1 for m, n, open_ in zip(size, lattice.shape, lattice.open_axes, strict=True)]
    counts = np.array(lattice.shape, dtype=np.int64) // np.array(steps, dtype=np.int64)
    corners = rng.integers(0, counts, size=(batch, 3)) * steps
    return window_sites(lattice, corners, size)


def overlapping_windows(lattice: Lattice, n_sites: int) -> Iterator[NDArray[np.int64]]:
    """Windows of `n_sites` sites that overlap by half, in groups whose members do not touch each other.

    Every site is in the same number of windows, 2 for each axis along which a window is shorter than the lattice.

    Yields:
        (m,) the sites of one group of windows.

    Raises:
        ValueError: no such window, an odd side of it, a half side that does not divide the lattice, or open faces.
    """
    size = window_size(lattice, n_sites)
    if any(lattice.open_axes):
        raise ValueError("windows that overlap by half do not cover a lattice that ends at its faces evenly")
    starts = []
    for k, (m, n) in enumerate(zip(size, lattice.shape, strict=True)):
        if m == n:
            starts.append([np.zeros(1, dtype=np.int64)])
            continue
        if m % 2 or n % (m // 2):
            raise ValueError(
                f"windows of {m} cells do not overlap by half along axis {k + 1} of {n} cells; choose a number of "
                f"sites whose windows have an even side with a half that divides {n}"
            )
        places = np.arange(0, n, m // 2)
        apart = 4 if len(places) % 4 == 0 else len(places)  # two sides of a window: one window of gap
        starts.append([places[first::apart] for first in range(apart)])
    for group in itertools.product(*starts):
        corners = np.stack(np.meshgrid(*group, indexing="ij"), axis=-1).reshape(-1, 3)
        yield window_sites(lattice, corners, size).reshape(-1)
