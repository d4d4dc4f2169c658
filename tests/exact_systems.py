"""Micro systems whose laws are known exactly: independent spins, independent OU coordinates."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Spins:
    """n spins +-1 without coupling, each forgetting its value at rate 1: <s(t)> = s(0) exp(-t)."""

    def __init__(self, n: int) -> None:
        self.lattice: Any = SimpleNamespace(n_sites=n, species=("H",))

    def carriers(self, x: NDArray[np.int8]) -> NDArray[np.int64]:
        return np.broadcast_to(np.arange(x.shape[1]), x.shape).copy()

    def evolve(
        self, x: NDArray[np.int8], duration: ArrayLike, active: Any = None, *, rng: np.random.Generator
    ) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        active = self.carriers(x) if active is None else np.asarray(active)
        flip = 0.5 * (1 - np.exp(-np.broadcast_to(np.asarray(duration, float), (len(x),))))
        sign = np.where(rng.random(active.shape) < flip[:, None], -1, 1).astype(x.dtype)
        new = x.copy()
        np.put_along_axis(new, active, np.take_along_axis(x, active, 1) * sign, 1)
        return new, active


class Coordinates:
    """n independent OU coordinates dx = -rate_i x dt + sqrt(2 rate_i) sd_i dB, stepped exactly."""

    def __init__(self, rates: ArrayLike, sd: ArrayLike) -> None:
        self.rates, self.sd = np.asarray(rates, float), np.asarray(sd, float)
        self.lattice: Any = SimpleNamespace(n_sites=len(self.rates), species=("H",))

    def carriers(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.broadcast_to(np.arange(x.shape[1]), x.shape).copy()

    def evolve(
        self, x: NDArray[np.float64], duration: ArrayLike, active: Any = None, *, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        active = self.carriers(x) if active is None else np.asarray(active)
        decay = np.exp(-self.rates[active] * np.broadcast_to(np.asarray(duration, float), (len(x),))[:, None])
        old = np.take_along_axis(x, active, 1)
        noise = self.sd[active] * np.sqrt(1 - decay**2) * rng.standard_normal(active.shape)
        new = x.copy()
        np.put_along_axis(new, active, decay * old + noise, 1)
        return new, active


class Mean:
    """Mean over the sites, without a shortcut for changes."""

    labels = ("mean",)
    dim = 1

    def __call__(self, x: NDArray[Any], lattice: Any) -> NDArray[np.float64]:
        return np.asarray(x, dtype=float).mean(axis=1, keepdims=True)


class MeanWithChange(Mean):
    """The same with the shortcut."""

    def change(self, x0: Any, lattice: Any, sites: Any, values: Any) -> NDArray[np.float64]:
        before = np.take_along_axis(x0, np.maximum(sites, 0), 1)
        return np.where(sites >= 0, np.asarray(values, float) - before, 0.0).sum(1, keepdims=True) / lattice.n_sites
