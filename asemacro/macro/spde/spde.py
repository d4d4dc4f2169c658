"""NeuralSPDE: dm = -K dF/dm dt + noise of block fields, from a kernel, a mobility and an entropy."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.checks import choice_of
from asemacro.arguments.door import above_zero, array, check_fields, checked, flag, instance, number, whole
from asemacro.macro.spde.block_kernel import BlockKernel
from asemacro.macro.spde.entropy import EntropySlope
from asemacro.macro.spde.mobility import ConstantMobility, GlauberMobility, Mobility
from asemacro.typing import Floats

RESPONSES = ("tanh", "linear")
_SMALL = 1e-6  # psi below which tanh(psi) / psi is 1
_DIFFERENCE = 1e-4  # of m, for the slope of the mobility


@dataclasses.dataclass(frozen=True)
class NeuralSPDE:
    r"""A stochastic equation of block magnetisations m, with fluctuation and dissipation tied together.

        dm_b = -K_b dF/dm_b dt + (T / 2V) dK_b/dm_b dt + (2 K_b T / V)^(1/2) o dW_b,
        F / V = sum_b T s_V(m_b) - m_b (J * m)_b / 2 - h m_b

    V spins a block, k_B = 1, W independent from block to block, the noise in the sense of Stratonovich. With that
    correction of the drift the stationary law is exp(-V F / T) whatever K: no mobility, however it was learned, moves
    the equilibrium. s_V is minus the logarithm of the number of states of a block over V, s(m) + log(1 - m^2) / (2V)
    by Stirling's formula, so that the law is exp(-V F0 / T) (1 - m^2)^(-1/2) with the F0 of infinite blocks.
    With psi = u - s'(m), u = (J * m + h) / T, and the mobility T k(m, u, T) that was learned from flips or noise,
    `response` says how K follows from k:

    - "tanh": T K = k tanh(psi) / psi. The drift is k tanh psi, which for k = 1 - m tanh u and s' = atanh is exactly
      tanh u - m; right far from equilibrium too, where the noise becomes smaller than that of independent flips.
    - "linear": T K = k. The noise is that of the flips everywhere, the drift right for small psi only.

    Self-exclusion: a spin is not its own neighbour. `kernel` is that of the drift, whose value J(0) between the V
    spins of a block holds V - 1 pairs for each; the free energy of a block uses J(0) V / (V - 1).

    Attributes:
        kernel: J by lag.
        mobility: T K as k above; one of your own is taken too.
        entropy: s'.
        sites: V, at least 2.
        block: B, edge of a block in lattice sites.
        response: "tanh" or "linear".
        noise: False for the same equation without noise.

    Raises:
        ValueError: fewer than two spins, or a word that is no response.
    """

    kernel: BlockKernel
    mobility: Mobility
    entropy: EntropySlope
    sites: int
    block: int
    response: str = "tanh"
    noise: bool = True

    def __post_init__(self) -> None:
        check_fields(
            self,
            kernel=instance("BlockKernel"),
            mobility=instance("Mobility"),
            entropy=instance("EntropySlope"),
            sites=whole(2),
            block=whole(1),
            response=lambda value, name: choice_of(value, name, RESPONSES),
            noise=flag,
        )

    @property
    def energy_kernel(self) -> BlockKernel:
        """The kernel of the free energy, J(0) V / (V - 1)."""
        return self.kernel.with_own(self.kernel.own * self.sites / (self.sites - 1))

    def local_mobility(self, m: Floats, u: Floats, temperature: float) -> Floats:
        """T K of blocks of these m and u."""
        k = self.mobility(m, u, temperature)
        if self.response == "linear":
            return k
        psi = u - self.entropy(m)
        small = np.abs(psi) < _SMALL
        return np.asarray(k * np.where(small, 1.0, np.tanh(psi) / np.where(small, 1.0, psi)))

    def local_drift(self, m: Floats, u: Floats, temperature: float) -> Floats:
        """-K dF/dm of blocks of infinitely many spins, with these m and u."""
        k, psi = self.mobility(m, u, temperature), u - self.entropy(m)
        return np.asarray(k * (psi if self.response == "linear" else np.tanh(psi)))

    def noisy_drift(self, m: Floats, u: Floats, temperature: float) -> Floats:
        """-K dF/dm + (T / 2V) dK/dm of blocks of V spins: the drift that goes with Stratonovich's noise."""
        own = self.energy_kernel.own / temperature
        ahead, behind = (np.clip(m + side * _DIFFERENCE, -1, 1) for side in (1, -1))
        step = ahead - behind
        slope = self.local_mobility(ahead, u + own * (ahead - m), temperature)
        slope = (slope - self.local_mobility(behind, u + own * (behind - m), temperature)) / step
        force = u - self.entropy.of_block(m, self.sites)
        return np.asarray(self.local_mobility(m, u, temperature) * force + slope / (2 * self.sites))

    @checked(m=array(), temperature=above_zero, field=number())
    def drift(self, m: ArrayLike, temperature: float, field: float = 0.0) -> Floats:
        """dm/dt without noise, of fields (n, *grid)."""
        x = self._grids(m)
        return self.local_drift(x, (self.kernel.convolve(x) + field) / temperature, temperature)

    @checked(m=array(), temperature=above_zero, field=number())
    def free_energy(self, m: ArrayLike, temperature: float, field: float = 0.0) -> Floats:
        """V F / T, (n,), of fields (n, *grid), of infinite blocks: see the class for what finite ones add."""
        x = self._grids(m)
        energy = x * (self.energy_kernel.convolve(x) / 2 + field) / temperature
        return self.sites * (self.entropy.value(x) - energy).reshape(len(x), -1).sum(axis=1)

    @checked(m=array(), temperature=above_zero, field=number())
    def homogeneous_mobility(self, m: ArrayLike, temperature: float, field: float = 0.0) -> Floats:
        """T K(m, T) as flips of homogeneous fields show it, u = (J0 m + h) / T."""
        x = np.asarray(m, dtype=float)
        return self.mobility(x, (self.kernel.total * x + field) / temperature, temperature)

    @checked(factor=whole(1, 4096))
    def coarsened(self, factor: int) -> NeuralSPDE:
        """The equation of blocks that are `factor` times as long: the exact kernel between them, V factor^dim spins."""
        return dataclasses.replace(
            self,
            kernel=self.kernel.coarsened(factor),
            sites=self.sites * factor**self.kernel.dim,
            block=self.block * factor,
        )

    @checked(factor=whole(1, 64))
    def refined(self, factor: int) -> NeuralSPDE:
        """The equation of blocks that are `factor` times shorter, by a kernel that is smooth between the known lags.

        Raises:
            ValueError: a factor that does not divide the edge of a block, or leaves fewer than two spins.
        """
        sites = self.sites / factor**self.kernel.dim
        if self.block % factor or sites < 2 or sites != int(sites):
            raise ValueError(
                f"blocks of edge {self.block} with {self.sites} spins cannot be divided by {factor} along each axis"
            )
        kernel = self.kernel.refined(factor)
        return dataclasses.replace(self, kernel=kernel, sites=int(sites), block=self.block // factor)

    def _grids(self, m: ArrayLike) -> Floats:
        """Fields (n, *grid) of the dimension of the kernel.

        Raises:
            ValueError: another number of axes.
        """
        x = np.asarray(m, dtype=float)
        if x.ndim != self.kernel.dim + 1 or not x.size:
            raise ValueError(
                f"fields of a kernel of {self.kernel.dim} dimensions must be (n, *grid), got the shape {x.shape}"
            )
        return x


@checked(spde=instance("NeuralSPDE"))
def hydrodynamic_limit(spde: NeuralSPDE) -> NeuralSPDE:
    """The limit of infinitely long kernels: dm/dt = tanh(u) - m, the exact relaxation, without noise.

    Of the model it keeps the kernel and the block, to be compared with it.
    """
    return dataclasses.replace(spde, mobility=GlauberMobility(), entropy=EntropySlope(), response="tanh", noise=False)


@checked(spde=instance("NeuralSPDE"), mobility=above_zero, noise=flag)
def allen_cahn_limit(spde: NeuralSPDE, mobility: float = 1.0, *, noise: bool = True) -> NeuralSPDE:
    r"""Allen-Cahn: J * m = J0 m + D Laplacian m with D = sum r^2 J(r) / (2 dim), and a constant mobility.

    The Laplacian is the nearest-neighbour difference of the grid. The entropy stays that of the model, so the wells
    lie where they do.

    Args:
        spde: whose kernel is expanded.
        mobility: T K.
        noise: with the noise of that mobility, or without any.

    Raises:
        ValueError: a kernel so long that the difference of neighbours is not stable (D above J0).
    """
    kernel, dim = spde.kernel, spde.kernel.dim
    values = np.zeros((3,) * dim)
    width = kernel.range_squared
    values[(1,) * dim] = kernel.total - 2 * dim * width
    for axis in range(dim):
        for side in (0, 2):
            values[tuple(side if i == axis else 1 for i in range(dim))] = width
    local = BlockKernel(values)
    return dataclasses.replace(spde, kernel=local, mobility=ConstantMobility(mobility), response="linear", noise=noise)
