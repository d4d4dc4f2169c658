"""The order along a programme: the equation at the temperature of each interval, with the clock of the vacancies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.macro.trajectories import simulate
from asemacro.studies.alloy.course import REACH
from asemacro.studies.alloy.prediction import SETTLED
from asemacro.studies.furnace.at_temperature import Local
from asemacro.studies.furnace.cells import Cells, log_mean
from asemacro.studies.furnace.kinetics import Kinetics
from asemacro.studies.furnace.vacancies import Population, Vacancies
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE

RATE_STEP = 0.2  # largest rate times step
KEPT_UP = 4.0  # relaxation times in an interval that are enough for an order that was at equilibrium before it
VISIBLE = 2e-3  # of delta: change by what was not simulated that makes an order extrapolated
THERE = 0.995  # of the way beyond the simulations: nothing is left of it
BEYOND = 0.1  # of delta: order that exceeds all that the simulations had at a temperature by so much is foreign to them


class Interval(NamedTuple):
    """Between two saved times of a programme.

    Attributes:
        at: what is known at the temperature that stands for it.
        last: what is known at its last temperature.
        outside: whether it leaves the simulated temperatures.
    """

    at: Local
    last: Local
    outside: bool


def intervals_of(kinetics: Kinetics, cells: Cells, kmc_s: Floats | None = None) -> list[Interval]:
    """The intervals of a programme; equal temperatures are looked up once.

    Of a ramp the temperature that stands for an interval is the middle one where little happens in it, and nears the
    last one as more relaxation times pass: what a linear equation remembers at the end of an interval of K relaxation
    times lies on average at the share 1 / (1 - exp(-K)) - 1 / K of them. Errors are of second order in the interval.

    Args:
        kinetics: what the diagram knows.
        cells: of the programme.
        kmc_s: (n,) time of the simulations that each cell amounts to; without it the middle is taken.
    """
    passed = None if kmc_s is None else kmc_s * _mean_rate(kinetics, kinetics.ensemble[0], cells)
    known: dict[float, Local] = {}

    def at(kelvin: float) -> Local:
        if kelvin not in known:
            known[kelvin] = kinetics.at(kelvin)
        return known[kelvin]

    found = []
    for part in cells.groups:
        first, last = float(cells.from_K[part.start]), float(cells.to_K[part.stop - 1])
        outside = not kinetics.lowest_K <= min(first, last) <= max(first, last) <= kinetics.highest_K
        middle = at((first + last) / 2)
        if passed is not None and first != last and passed[part].sum() > 0:
            tau_s = 1 / float(kinetics.rate(kinetics.ensemble[0], np.array([middle.temperature_K]))[0])
            whole = max(float(passed[part].sum()) * tau_s / (middle.settled_s / SETTLED), 1e-6)
            share = 0.5 + whole / 12 if whole < 1e-3 else 1 / -np.expm1(-whole) - 1 / whole
            along = np.concatenate([[0.0], np.cumsum(passed[part])])
            nodes = np.append(cells.from_K[part], last)
            middle = at(float(np.interp(share * along[-1], along, nodes)))
        found.append(Interval(middle, at(last), outside))
    return found


def _mean_rate(kinetics: Kinetics, model: NeuralSDE, cells: Cells) -> Floats:
    """(n,) mean of 1 / tau(T) of a model over each cell."""
    return log_mean(kinetics.rate(model, cells.from_K), kinetics.rate(model, cells.to_K))


def kmc_time(cells: Cells, population: Population, vacancies: Vacancies) -> Floats:
    """(..., n) time of the simulations that each cell amounts to: its duration times the population over theirs."""
    return cells.length_s * population.mean / vacancies.simulated


def reduced(kinetics: Kinetics, model: NeuralSDE, cells: Cells, kmc_s: Floats) -> Floats:
    """(..., n_saved) integral of dt / tau(T) over each interval, t the time of the simulations.

    tau(T) is the model's unit of time, so the change of the rates with temperature within an interval is exact; what
    is taken at one temperature is the change of the dimensionless equation alone.
    """
    starts = [part.start for part in cells.groups]
    return np.asarray(np.add.reduceat(kmc_s * _mean_rate(kinetics, model, cells), starts, axis=-1))


@dataclasses.dataclass(frozen=True)
class Step:
    """What an interval did to the mean order of each row.

    Attributes:
        moved_s: (rows,) time for which the equation was followed.
        rests: (rows,) whether the order is that of equilibrium after it, whatever it was before.
        shift: (rows, d) way gone beyond what was simulated.
    """

    moved_s: Floats
    rests: NDArray[np.bool_]
    shift: Floats


@dataclasses.dataclass(frozen=True)
class Walked:
    """Mean orders along a programme, one row for each variant of it.

    Attributes:
        order: (rows, n + 1, d) at the saved times, the beginning first.
        error: (rows, n + 1, d) one standard error, carried along.
        extrapolated: (rows, n + 1) whether what was not simulated has moved the order.
        steps: what each interval did.
    """

    order: Floats
    error: Floats
    extrapolated: NDArray[np.bool_]
    steps: list[Step]


Mover = Callable[[Local, Floats, Floats], Floats]
"""Follows an equation from z (n, d) for times (n,) at a temperature."""


def mover(model: NeuralSDE, rng: np.random.Generator, *, noise: bool, rate_step: float = RATE_STEP) -> Mover:
    """Of a model, led to the equilibrium that is known best (`Local`), in steps of at most rate_step over its rate."""

    def move(at: Local, z: Floats, times_s: Floats) -> Floats:
        going = times_s > 0
        if not going.any():
            return z.copy()
        _, path = simulate(
            model,
            at.to_equation(z[going]),
            condition=at.temperature_K,
            n_trajectories=int(going.sum()),
            times_s=times_s[going, None],
            max_rate_step=rate_step,
            noise=noise,
            rng=rng,
        )
        found = z.copy()
        found[going] = at.from_equation(path[:, -1])
        return found

    return move


@dataclasses.dataclass(frozen=True)
class State:
    """Mean order of each row, and what is known of it.

    Attributes:
        z: (rows, d).
        error: (rows, d) one standard error.
        age_s: (rows,) time after which the course from random, at `at`, is as far.
        at: temperature that `age_s` belongs to; None at the beginning.
        held_s: (rows,) time since it came there.
        strayed: (rows,) how much of the order was made by what was not simulated.
        rested: (rows,) whether the order is that of equilibrium.
        elsewhere: (rows, d) by how much it may be another, since equilibrium was not learned where it was made.
    """

    z: Floats
    error: Floats
    age_s: Floats
    at: Local | None
    held_s: Floats
    strayed: Floats
    rested: NDArray[np.bool_]
    elsewhere: Floats

    def age_at(self, at: Local) -> Floats:
        """(rows,) the age at a temperature: the same one, or one at which the course is as far as z."""
        if at is self.at:
            return self.age_s
        later = at.runs_s * np.exp2(at.doublings_of(self.z))
        return np.where(at.share_of(self.z) < 1, at.time_of(self.z), later)


@one_thread()
def walk(
    intervals: Sequence[Interval], durations_s: Floats, start: Floats, move: Mover, *, rested: bool = False
) -> Walked:
    """Mean order along a programme, without noise.

    Args:
        intervals: of the programme.
        durations_s: (rows, n) of each interval in the clock of the simulations at its temperature.
        start: (d,) order at the beginning.
        move: from `mover`.
        rested: whether `start` is the order of equilibrium at the first temperature.
    """
    rows, n = durations_s.shape
    z = np.broadcast_to(start, (rows, len(start))).copy()
    state, steps = (
        State(z, 0 * z, np.zeros(rows), None, np.zeros(rows), np.zeros(rows), np.full(rows, rested), 0 * z),
        list[Step](),
    )
    states = [state]
    for k in range(n):
        advance = _within_reach if intervals[k].at.reached else _on_the_way
        after, step = advance(intervals[k], state, durations_s[:, k], move)
        state = dataclasses.replace(after, elsewhere=_elsewhere(intervals[k], state, after, durations_s[:, k]))
        states.append(state)
        steps.append(step)
    order = np.stack([s.z for s in states], axis=1)
    error = np.stack([np.hypot(s.error, s.elsewhere) for s in states], axis=1)
    return Walked(order, error, np.stack([s.strayed for s in states], axis=1) > VISIBLE, steps)


def _within_reach(interval: Interval, state: State, times_s: Floats, move: Mover) -> tuple[State, Step]:
    """An interval at a temperature whose equilibrium the simulations reached."""
    at, last = interval.at, interval.last
    age = state.age_at(at)
    needed = np.where(state.rested, KEPT_UP / SETTLED, 1.0) * at.settled_s
    held = times_s + (state.held_s if at is state.at else 0.0)
    rests = (held >= needed) & last.reached
    moved = np.where(rests, 0.0, np.minimum(times_s, at.settled_s))
    z = move(at, state.z, moved)
    error = carried(state.error, at.error_of(state.z), at.error_of(z))
    z[rests], error[rests] = last.goal, last.rest_error
    # states of more order than any simulation had at this temperature: it began random
    foreign = at.overshoot_of(state.z) > BEYOND
    strayed = state.strayed + _change(state.z, z) * (foreign | interval.outside)
    strayed[rests] = 0.0 if last.simulated and not interval.outside else np.inf
    return State(z, error, age + times_s, at, held, strayed, rests, state.elsewhere), Step(
        moved, rests, np.zeros_like(z)
    )


def _on_the_way(interval: Interval, state: State, times_s: Floats, move: Mover) -> tuple[State, Step]:
    """An interval at a temperature at which the simulations were on their way when they ended.

    As long as they knew the order it follows the equation; then it goes on by a share of the way to equilibrium, as
    `course.beyond_the_runs` says for the time that has passed, that before the interval included (`State.age_at`).
    """
    at, age = interval.at, state.age_at(interval.at)
    # the equation is left where it has settled, which it often does before the simulations end
    moved = np.minimum(times_s, np.maximum(min(at.runs_s, at.settled_s) - age, 0.0))
    z = move(at, state.z, moved)
    error = carried(state.error, at.error_of(state.z), at.error_of(z))
    before, after = (np.log2(np.maximum(t / at.runs_s, 1.0)) for t in (age, age + times_s))
    (share_0, unsure_0), (share_1, unsure_1) = at.beyond(before), at.beyond(after)
    part = (share_1 - share_0) / np.maximum(1 - share_0, 1e-12)
    way = at.goal - at.end
    shift = part.clip(0, 1)[:, None] * (at.goal - z)

    def of_beyond(share: Floats, unsure: Floats) -> Floats:
        squares = at.errors[-1] ** 2 + (unsure[:, None] * way) ** 2 + (share[:, None] * at.goal_error) ** 2
        return np.asarray(np.sqrt(squares))

    gone = (after > 0)[:, None]
    error = np.where(gone, carried(error, of_beyond(share_0, unsure_0), of_beyond(share_1, unsure_1)), error)
    # where even the slowest growth has arrived at an equilibrium that is known, the past is forgotten
    there = (share_1 > THERE) & interval.last.simulated & np.any(at.goal != at.end)
    shift[there], error[there] = (interval.last.goal - z)[there], interval.last.rest_error
    z = z + shift
    foreign = (age + times_s > REACH * at.runs_s) | (at.overshoot_of(state.z) > BEYOND)
    strayed = state.strayed + _change(state.z, z) * (foreign | interval.outside)
    strayed[there] = 0.0 if not interval.outside else np.inf
    never = np.zeros(len(z), dtype=bool)
    return State(z, error, age + times_s, at, times_s, strayed, never, state.elsewhere), Step(moved, never, shift)


def _elsewhere(interval: Interval, before: State, after: State, times_s: Floats) -> Floats:
    """(rows, d) by how much the order may be another after an interval, since equilibrium was not learned there.

    It nears `Local.unlearned` by the share of its way to equilibrium that the order goes: that of the slowest
    relaxation, and where nothing was learned no less than it is seen to move. Back among the learned temperatures
    there is nothing to near, and it is forgotten by the same share, no faster than the order moves where simulations
    did not arrive.
    """
    at = interval.at
    passed = -np.expm1(-times_s * SETTLED / at.settled_s)
    left = np.maximum(np.linalg.norm(at.goal - before.z, axis=1), VISIBLE)
    seen = (np.linalg.norm(after.z - before.z, axis=1) / left).clip(0, 1)
    inside = passed if at.reached else np.minimum(passed, seen)
    share = np.where(after.rested, 1.0, np.maximum(passed, seen) if interval.outside else inside)[:, None]
    return before.elsewhere + share * (interval.last.unlearned - before.elsewhere)


def _change(before: Floats, after: Floats) -> Floats:
    """(rows,) largest change of a pair."""
    return np.asarray(np.abs(after - before).max(axis=1))


def carried(error: Floats, before: Floats, after: Floats) -> Floats:
    """Error after an interval, from that before it and from what the course at its temperature says of both orders.

    What the course adds is added as independent; where it knows the later order better, the error shrinks with it, but
    to no less than what it knows. At one temperature from random it is that of the course.
    """
    more = np.sqrt(error**2 + np.maximum(after**2 - before**2, 0.0))
    less = np.maximum(error * after / np.maximum(before, 1e-300), np.minimum(error, after))
    return np.where(after >= before, more, less)
