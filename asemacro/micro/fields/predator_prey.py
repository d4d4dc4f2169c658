"""PredatorPrey: two fields that react, diffuse and are shaken, on a chain or any other lattice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import array_of, bound_of_memory, generator_of, times_of
from asemacro.arguments.door import CRYSTAL, STATES, above_zero, array, batch, checked, number, text, whole
from asemacro.lattice.fields import fields_to_atoms
from asemacro.lattice.patches import random_windows
from asemacro.micro.fields.kernels import Law, advance
from asemacro.micro.protocol import MicroSystem, Motion, active_sites
from asemacro.micro.time_steps import steps_and_rest, take_steps
from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.lattice.lattice import Lattice

_DEFAULTS = {"published": ((0.0, 1.0), 0.02), "physical": ((1e-4, 1e-4), 0.002)}


class PredatorPrey(MicroSystem):
    r"""Prey u and predators v in cells; a state is (batch, n_sites, 2) float64, every cell a carrier.

    du = [u (1 - u - v) + D_u Lap u] dt + noise,    dv = [a v (u - b) + D_v Lap v] dt + noise.

    Two forms, on one lattice with Z first-shell neighbours at the distance r in d dimensions:

    - "published" (arXiv 2511.12842): Lap f = sum over the neighbours of (f_j - f_i), on a chain [1, -2, 1] with no
      1/dx^2, and N(0, sigma^2 dt) in every cell. Lengths do not enter: twice the cells are twice the domain.
      Euler-Maruyama.
    - "physical": Lap f = 2 d / (Z r^2) sum (f_j - f_i), which converges to the Laplacian for cells of one kind
      with isotropic shells, and N(0, sigma^2 dt / volume) in a cell, space-time white noise. The reaction is Euler's,
      diffusion Crank-Nicolson's: stable at any step, and for a linear reaction-free field the stationary variance
      of every wave is exact at any step (modes with rate x step > 2 get there in alternating signs). With D_u = 0 the
      variance of u in a cell grows as 1 / volume: the fields then have no continuum limit.

    Along the lattice's open axes no flux leaves the box (Neumann, the cell itself as ghost value); others are
    periodic. Evolution takes whole time steps and, for what is left of a duration, one shorter step: whole multiples
    of the step compose exactly, others up to the error of the scheme, which is O(time_step). The fields are not held
    positive; with noise so strong that u passes well below zero they run away, which raises.

    Args:
        lattice: where the fields live, without species: `Lattice.chain(dx, (), 200).opened(0)`.
        a: rate of the predators.
        b: prey at which predators neither grow nor die; with it the fixed point is (b, 1 - b).
        D: (D_u, D_v); default (0, 1) published, (1e-4, 1e-4) physical, in length^2 / time.
        noise: sigma; default 0.02 published, per root of time; 0.002 physical, per root of time times root of volume.
        time_step: longest step.
        form: "published" or "physical".

    Raises:
        ValueError: an unknown form, numbers out of range, or an explicit step beyond the stability of diffusion.
    """

    n_fields = 2
    immobile = draws_blocks = True

    @checked(lattice=CRYSTAL, a=above_zero, b=number(), D=array(2), noise=number(0), time_step=above_zero, form=text)
    def __init__(
        self,
        lattice: Lattice,
        a: float = 3.0,
        b: float = 0.4,
        D: tuple[float, float] | None = None,
        noise: float | None = None,
        time_step: float = 0.01,
        form: str = "published",
    ) -> None:
        if form not in _DEFAULTS:
            raise ValueError(f'the form of the equations is "published" or "physical", not {form!r}')
        default_d, default_noise = _DEFAULTS[form]
        self.lattice, self.form = lattice, form
        self.a, self.b = a, b
        self.D = default_d if D is None else (float(D[0]), float(D[1]))
        self.noise = default_noise if noise is None else float(noise)
        self.time_step: float = time_step
        if min(self.D) < 0:
            raise ValueError(f"D must not be negative, got {self.D}")
        shell = lattice.shells(1)[0]
        self._table = lattice.neighbours(shell.offsets)
        n_neighbours = shell.offsets.shape[1]
        self._coupling, self._spread = np.array(self.D), self.noise
        if form == "physical":
            self._coupling = self._coupling * 2 * sum(lattice.pbc) / (n_neighbours * shell.distance**2)
            self._spread = self.noise / np.sqrt(cell_volume(lattice))
        elif 2 * n_neighbours * max(self.D) * self.time_step > 2:
            raise ValueError(
                f"Euler steps of {self.time_step:g} are unstable for diffusion {max(self.D):g} with {n_neighbours} "
                f'neighbours; take at most {1 / (n_neighbours * max(self.D)):.3g} or form="physical"'
            )

    def on(self, lattice: Lattice) -> PredatorPrey:
        """The same equations on another lattice."""
        return PredatorPrey(lattice, self.a, self.b, self.D, self.noise, self.time_step, self.form)

    def atoms_of(self, x: Floats) -> Atoms:
        """A state as pseudo-atoms with the arrays u and v, see `fields_to_atoms`."""
        return fields_to_atoms(self.lattice, x)

    @checked(x=batch)
    def carriers(self, x: Floats) -> NDArray[np.int64]:
        """Every cell, (batch, n_sites)."""
        return np.tile(np.arange(self.lattice.n_sites), (len(x), 1))

    @checked(x=batch, m=whole(), rng=generator_of)
    def draw_active(self, x: Floats, m: int, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Blocks of m neighbouring cells, (batch, m): one of equal parts along open axes, else anywhere."""
        return random_windows(self.lattice, m, len(x), rng=rng)

    @checked(rng=generator_of)
    def evolve(
        self,
        x: Floats,
        duration: ArrayLike,
        active: NDArray[np.integer] | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Advance by `duration` (scalar or (batch,)); only the cells `active` (batch, m) move, the rest are ghosts.

        Raises:
            ValueError: shapes or values that make no sense, or fields that run away to infinity.
        """
        new = np.array(self._checked(x))
        cells = self._cells(new, active).copy()
        steps, rest = steps_and_rest(times_of(duration, len(new)), self.time_step)
        rates = (float(self.a), float(self.b))
        law = Law(rates, self._coupling, float(self._spread), float(self.time_step), self.form == "physical")

        def call(rows: slice, now: NDArray[np.int64], last: Floats) -> None:
            advance(rng, new[rows], self._table, cells[rows], now, last, law)

        take_steps(call, steps, rest, cells.shape[1], f"the evolution of {len(new)} states of {cells.shape[1]} cells")
        if not np.isfinite(new).all():
            raise ValueError("the fields ran away to infinity: the noise is too strong for them or the step too long")
        return new, cells

    @checked(x=STATES)
    def drift(self, x: Floats) -> Floats:
        """Rates of change (batch, n_sites, 2) of the fields without noise, at x and with all cells active."""
        x = self._checked(x)
        u, v = x[..., 0], x[..., 1]
        reaction = np.stack([u * (1 - u - v), self.a * v * (u - self.b)], axis=2)
        return reaction + self._coupling * (x[:, self._table] - x[:, :, None]).sum(axis=2)

    def events(self, x: Floats, active: NDArray[np.integer] | None = None) -> Motion:
        """Drift and noise of the cells `active` (batch, m), all if None: exact infinitesimal moments follow.

        They are those of the equations, which the steps of `evolve` approach for short steps.
        """
        speed = self.drift(x)
        cells = self._cells(x, active)
        moving = np.take_along_axis(speed, cells[:, :, None], axis=1)
        return Motion(cells, moving, np.full_like(moving, self._spread**2))

    def _cells(self, x: Floats, active: NDArray[np.integer] | None) -> NDArray[np.int64]:
        """The active cells, different ones in each row."""
        if active is None:
            return self.carriers(x)
        return active_sites(active, len(x), self.lattice.n_sites)

    def _checked(self, x: Floats) -> Floats:
        x = array_of(x, "x", kind="n", finite=False)
        if x.ndim != 3 or x.shape[1:] != (self.lattice.n_sites, 2) or len(x) == 0:
            raise ValueError(f"fields must have the shape (batch, {self.lattice.n_sites}, 2), got {x.shape}")
        if x.dtype != np.float64 or not np.isfinite(x).all():
            raise ValueError(f"fields must be finite float64 numbers, got {x.dtype}")
        return x


def cell_volume(lattice: Lattice) -> float:
    """Length, area or volume that belongs to one site of a chain, net or crystal."""
    axes = lattice.cell[np.array(lattice.pbc)]
    return float(np.sqrt(np.linalg.det(axes @ axes.T)) / lattice.n_basis)


@checked(lattice=CRYSTAL, c1=array(), c2=array(), waves=number())
def cosine_fields(lattice: Lattice, c1: ArrayLike, c2: ArrayLike, waves: float = 5.0) -> Floats:
    """Starts u = c2 + c1 cos(2 pi waves x), v = 1 - u, x in (0, 1) along the first axis, at the centres of cells.

    The published runs have 5 waves, c1 in (.05, .15) and c2 in (.45, .55).

    Args:
        lattice: where the fields live.
        c1: amplitude, scalar or (batch,).
        c2: mean of u, scalar or (batch,).
        waves: periods in the box.

    Returns:
        (batch, n_sites, 2).
    """
    amplitude, mean = np.atleast_1d(c1), np.atleast_1d(c2)
    if max(amplitude.ndim, mean.ndim) > 1 or (len(amplitude) != len(mean) and 1 not in (len(amplitude), len(mean))):
        raise ValueError(f"c1 {np.shape(c1)} and c2 {np.shape(c2)} must be numbers, or one for each start")
    bound_of_memory(48.0 * max(len(amplitude), len(mean)) * lattice.n_sites, f"{max(len(amplitude), len(mean))} starts")
    amplitude, mean = np.broadcast_arrays(amplitude, mean)
    cell = np.indices(lattice.shape)[0].reshape(-1, 1)
    place = (cell + lattice.basis[:, 0] - lattice.basis[:, 0].mean() + 0.5).reshape(-1) / lattice.shape[0]
    u = mean[:, None] + amplitude[:, None] * np.cos(2 * np.pi * waves * place)
    return np.stack([u, 1 - u], axis=2)


@checked(lattice=CRYSTAL, batch=whole(1), rng=generator_of)
def random_cosines(lattice: Lattice, batch: int, *, rng: np.random.Generator) -> Floats:
    """Published starts: `cosine_fields` with c1 ~ U(.05, .15) and c2 ~ U(.45, .55), (batch, n_sites, 2)."""
    bound_of_memory(48.0 * batch * lattice.n_sites, f"{batch} starts")
    return cosine_fields(lattice, rng.uniform(0.05, 0.15, batch), rng.uniform(0.45, 0.55, batch))
