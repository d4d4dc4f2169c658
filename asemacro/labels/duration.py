"""How long pairs should be: beyond the flicker of the carriers, well before the macroscopic relaxation."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from asemacro.arguments.checks import bound_of_memory, fraction_of, generator_of
from asemacro.arguments.door import above_zero, batch, checked, real, whole
from asemacro.labels.transitions import pair_time_needed
from asemacro.micro.blocks import observe
from asemacro.micro.protocol import SYSTEM
from asemacro.observables.base import OBSERVABLE, Observable
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.micro.protocol import MicroSystem

FIRST_EVENTS = 64  # shorter increments of a vacancy are flicker
_LEVEL = 0.1  # of the states; less in four doublings is no growth
MEMORY_LIMIT = 0.4  # largest rate x dt that is not called memory


@dataclasses.dataclass(frozen=True)
class DtRow:
    """Measured at one duration.

    Attributes:
        dt: duration, s.
        variance_rate: (d,) Var(dz) / dt about the linear drift: K Sigma.
        error: (d,) its standard error.
        rate_dt: fastest relaxation rate of the linear drift, times dt.
        rate_dt_error: its standard error.
        drift: (1 + d, d) linear drift: constant, then slope rows; 1/s.
    """

    dt: float
    variance_rate: Floats
    error: Floats
    rate_dt: float
    rate_dt_error: float
    drift: Floats


@dataclasses.dataclass(frozen=True)
class DtReport:
    """Result of `choose_dt`; can be handed to `partial_evolution` as its times (dt/2, dt).

    Attributes:
        rows: what was measured, at doubling durations.
        dt: the duration chosen, s.
        richardson_bias: rms over the snapshots of mu(dt/2) - mu(dt) relative to mu(dt), linear drifts: the first-order
            error that the second-order likelihood removes.
        K: carriers over active carriers.
        accuracy: error of a stationary mean that pair_time_s is for.
        pair_time_s: total duration of pairs that it takes, K Sigma / (rate x accuracy)^2 at the fastest rate; a slower
            mode takes longer by the square of the ratio of rates.
        warnings: lines that were warned of.
    """

    rows: tuple[DtRow, ...]
    dt: float
    richardson_bias: float
    K: float
    accuracy: float
    pair_time_s: float
    warnings: tuple[str, ...]

    @property
    def times(self) -> Floats:
        """(dt/2, dt)."""
        return np.array([self.dt / 2, self.dt])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self.times.astype(dtype or float)

    def __str__(self) -> str:
        lines = ["      dt (s)   Var(dz)/dt relative to the last row   fastest rate x dt"]
        last = self.rows[-1].variance_rate
        for row in self.rows:
            shares = " ".join(f"{v:6.3f}" for v in row.variance_rate / last)
            mark = " <- chosen" if row.dt == self.dt else ""
            lines.append(f"{row.dt:12.4e}   {shares:36s}  {row.rate_dt:.3f} +- {row.rate_dt_error:.3f}{mark}")
        lines.append(
            f"mu(dt/2) and mu(dt) differ by {100 * self.richardson_bias:.1f} %; pairs for an error of "
            f"{self.accuracy:g} in the mean: {self.pair_time_s:.3e} s in all ({self.pair_time_s / self.dt:.3g} pairs)"
        )
        return "\n".join([*lines, *self.warnings])


@checked(system=SYSTEM, x=batch, rng=generator_of)
def event_time(system: MicroSystem, x: NDArray[Any], *, rng: np.random.Generator) -> float:
    """Time in which a single active carrier changes the state with a probability near 1 - 1/e.

    Found from below by factors of two, so no long evolution is ever started: a KMC would not come back from one.
    """
    part = x[rng.integers(len(x), size=32)]
    active = system.draw_active(part, 1, rng=rng)
    duration, most = 1e-20, 1 - np.exp(-1)
    seen: list[tuple[float, float]] = []
    for _ in range(200):
        changed = float((system.evolve(part, duration, active, rng=rng)[0] != part).any(axis=1).mean())
        seen.append((duration, changed))
        if changed >= most:
            return duration
        # a spin that flips may flip back: the part that has changed then levels off, at 1/2 or so
        if len(seen) > 4 and seen[-5][1] > _LEVEL and changed <= seen[-5][1] + _LEVEL:
            return next(t for t, c in seen if c >= most * changed)
        duration *= 2 if changed > 0 else 8
    raise ValueError("nothing happens in the micro system, however long it is evolved; are all carriers blocked?")


def _first_duration(system: MicroSystem, x: NDArray[Any], *, rng: np.random.Generator) -> float:
    """Two time steps where the state moves in steps (values that move continuously change in any time)."""
    step = system.time_step
    return FIRST_EVENTS * event_time(system, x, rng=rng) if step is None else 2 * float(step)


@checked(
    system=SYSTEM,
    x=batch,
    phi=OBSERVABLE,
    fraction=fraction_of,
    start_s=real,
    n_rows=whole(1),
    tolerance=above_zero,
    max_doublings=whole(1, 60),
    accuracy=above_zero,
    rng=generator_of,
)
@one_thread()
def choose_dt(
    system: MicroSystem,
    x: NDArray[Any],
    phi: Observable,
    *,
    fraction: float | None = None,
    start_s: float | None = None,
    n_rows: int = 256,
    tolerance: float = 0.1,
    max_doublings: int = 8,
    accuracy: float = 0.01,
    rng: np.random.Generator,
) -> DtReport:
    """Choose the duration of pairs from a few partial evolutions.

    dt starts at about 64 events a carrier and doubles until Var(dz)/dt of every component changes by less than
    `tolerance` or two standard errors. If that needs a rate x dt above 0.4, z has memory (a closure variable is
    missing, or the flicker is slow): it warns, and stops there.

    Args:
        system: the large system.
        x: (batch, n_sites) its snapshots, of all ages: the drift is read from the spread of z0.
        phi: the observable, independent components only.
        fraction: of carriers that move; default one carrier.
        start_s: first duration; default 64 times `event_time`, or two steps of a system that moves in steps.
        n_rows: snapshots used, drawn with replacement.
        tolerance: relative change of Var(dz)/dt that counts as flat.
        max_doublings: most doublings.
        accuracy: error of a stationary mean for which the pair time is given.
        rng: random generator.

    Warns:
        UserWarning: memory, or not flat after max_doublings.
    """
    start = _first_duration(system, x, rng=rng) if start_s is None else start_s
    if not (np.isfinite(start) and start > 0):
        raise ValueError(f"start_s must be positive, got {start_s}")
    if n_rows < 8 * (phi.dim + 1):
        raise ValueError(f"n_rows must be at least {8 * (phi.dim + 1)} for {phi.dim} variables, got {n_rows}")
    bound_of_memory(8.0 * n_rows * x[0].nbytes, f"{n_rows} snapshots")
    part = x[rng.integers(len(x), size=n_rows)]
    n = np.asarray(system.carriers(part)).shape[1]
    m = 1 if fraction is None else max(1, round(fraction * n))
    active = system.draw_active(part, m, rng=rng)
    z0 = observe(phi, part, system.lattice)
    state, now, rows, notes = part, 0.0, [], []
    chosen = None
    for k in range(-1, max_doublings + 1):
        dt = start * 2.0**k
        state, active = system.evolve(state, dt - now, active, rng=rng)
        now = dt
        if np.array_equal(state, part):
            raise ValueError(f"nothing moves in {dt:.3g} in any of {n_rows} snapshots; give a longer start_s, or none")
        rows.append(_measure(z0, n / m * (observe(phi, state, system.lattice) - z0), dt))
        if k < 1:
            continue
        before, after = rows[-2], rows[-1]
        change = np.abs(before.variance_rate - after.variance_rate)
        allowed = np.maximum(tolerance * before.variance_rate, 2 * np.hypot(before.error, after.error))
        if (change <= allowed).all():
            chosen = len(rows) - 2
            break
        if after.rate_dt - 2 * after.rate_dt_error > MEMORY_LIMIT:
            chosen = len(rows) - 2
            notes.append(
                f"Var(dz)/dt still falls at rate x dt = {after.rate_dt:.2f} > {MEMORY_LIMIT}: z has memory, add a "
                "closure variable (second-shell order) or expect a wrong time scale"
            )
            break
    if chosen is None:
        chosen = len(rows) - 1
        notes.append(f"Var(dz)/dt is not flat after {max_doublings} doublings; the longest dt is used")
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    row, half = rows[chosen], rows[chosen - 1]
    features = np.concatenate([np.ones((n_rows, 1)), z0], axis=1)
    mu, mu_half = features @ row.drift, features @ half.drift
    bias = float(np.sqrt(((mu - mu_half) ** 2).sum() / (mu**2).sum()))
    error = max(row.rate_dt, 1e-3) / row.dt * accuracy
    needed = float(pair_time_needed(1.0, row.variance_rate, error).max())
    return DtReport(tuple(rows), row.dt, bias, n / m, accuracy, needed, tuple(notes))


def _measure(z0: Floats, dz: Floats, dt: float) -> DtRow:
    """Least squares of dz on (1, z0), and the variance about it."""
    n, d = z0.shape
    features = np.concatenate([np.ones((n, 1)), z0], axis=1)
    inverse = np.linalg.pinv(features.T @ features)
    table = inverse @ features.T @ dz
    residual = dz - features @ table
    freedom = max(n - d - 1, 1)
    squares = residual**2
    variance = squares.sum(axis=0) / freedom
    error = squares.std(axis=0) / np.sqrt(n)
    values, right = np.linalg.eig(-table[1:].T)
    fastest = int(np.argmax(values.real))
    # standard error of an eigenvalue: left and right vectors on the covariance of the slope
    left = np.linalg.inv(right)[fastest]
    spread = np.real(left @ (residual.T @ residual / freedom) @ left.conj())
    place = np.real(right[:, fastest] @ inverse[1:, 1:] @ right[:, fastest].conj())
    rate_error = float(np.sqrt(max(spread * place, 0.0)))
    return DtRow(dt, variance / dt, error / dt, float(values[fastest].real), rate_error, table / dt)
