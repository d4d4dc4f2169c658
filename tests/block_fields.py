"""Block fields of known kernels for tests: kernels, starts with waves of every length, exact answers of one block."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.optimize import brentq

from asemacro.field_data import FieldData
from asemacro.macro.spde import (
    BlockKernel,
    EntropySlope,
    GlauberMobility,
    NeuralSPDE,
    binomial_field_data,
    box_averaged,
)


def top_hat(radius: int) -> np.ndarray:
    """The same coupling to all sites within a disc."""
    x = np.arange(-radius, radius + 1)
    kernel = (x[:, None] ** 2 + x**2 <= radius**2).astype(float)
    kernel[radius, radius] = 0
    return kernel / kernel.sum()


def gaussian(width: float) -> np.ndarray:
    """A smooth kernel, cut at three widths."""
    x = np.arange(-round(3 * width), round(3 * width) + 1)
    kernel = np.exp(-(x[:, None] ** 2 + x**2) / (2 * width**2))
    kernel[len(x) // 2, len(x) // 2] = 0
    return kernel / kernel.sum()


KERNEL = box_averaged(top_hat(8), 4)
SITES, BLOCK = 16, 4


def glauber(kernel: BlockKernel = KERNEL, sites: int = SITES, block: int = BLOCK, response: str = "tanh") -> NeuralSPDE:
    """The equation of Kac spins, nothing of it learned."""
    return NeuralSPDE(kernel, GlauberMobility(), EntropySlope(), sites, block, response=response)


def smooth_starts(n: int, edge: int, rng: np.random.Generator, dim: int = 2) -> np.ndarray:
    """Random fields with correlations over 1 to 8 blocks and m of about 0.3 to 0.6."""
    fields = np.empty((n, *(edge,) * dim))
    for row in fields:
        smooth = ndimage.gaussian_filter(rng.standard_normal(row.shape), rng.choice([1.0, 2.0, 4.0, 8.0]), mode="wrap")
        row[...] = np.clip(smooth / smooth.std() * rng.uniform(0.3, 0.6), -0.95, 0.95)
    return fields


def homogeneous_starts(n: int, edge: int, dim: int = 2) -> np.ndarray:
    """From m = -0.95 to 0.95."""
    return np.broadcast_to(np.linspace(-0.95, 0.95, n).reshape(-1, *(1,) * dim), (n, *(edge,) * dim))


def block_data(
    temperature: float,
    smooth: int,
    homogeneous: int,
    edge: int = 32,
    *,
    rng: np.random.Generator,
    duration: float = 0.1,
) -> FieldData:
    """Field data of the known kernel."""
    starts = np.concatenate([smooth_starts(smooth, edge, rng), homogeneous_starts(homogeneous, edge)])
    return binomial_field_data(
        KERNEL, starts, SITES, BLOCK, temperature, duration=duration, steps=max(1, round(duration / 0.01)), rng=rng
    )


def well(temperature: float) -> float:
    """m > 0 with m = tanh(m / T)."""
    return float(brentq(lambda m: np.tanh(m / temperature) - m, 1e-3, 1))


def passage_times(temperature: float, n: int) -> np.ndarray:
    """(n,) exact mean times from k to k + 1 up spins of n spins that all see each other (birth and death)."""
    k = np.arange(n + 1)
    s = (2 * k - n) / n
    down = k / (1 + np.exp(2 / temperature * (s - 1 / n)))
    up = (n - k) / (1 + np.exp(-2 / temperature * (s + 1 / n)))
    times = np.zeros(n)
    for i in range(n):
        times[i] = 1 / up[i] + (down[i] / up[i] * times[i - 1] if i else 0.0)
    return times
