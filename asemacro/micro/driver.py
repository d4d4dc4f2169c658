"""Runs of microscopic systems as ASE users know them: attach, run, irun, trajectory, logfile."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np

from asemacro.arguments.checks import MOST_COUNT, count_of, generator_of, shown
from asemacro.arguments.door import STATES, checked, flag, offers, real, whole
from asemacro.files.extxyz import append_extxyz
from asemacro.micro.protocol import as_system
from asemacro.micro.steps import Driven
from asemacro.tasks.patience import Patience

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.typing import State

_IN_TRAJ = {
    "numbers", "positions", "tags", "momenta", "masses", "initial_magmoms", "initial_charges",
}  # fmt: skip
"""Arrays that files .traj keep; they drop all others."""
_any_step = whole(-MOST_COUNT)


def _driven(value: Any, name: str) -> Driven:
    """A system of this package, or a class with lattice, carriers and evolve."""
    return value if isinstance(value, Driven) else as_system(value, name)


def _sink(value: Any, name: str) -> Any:
    """The name of a file, or something with `write`."""
    if isinstance(value, (str, os.PathLike)):
        if not str(value).strip() or "\0" in str(value):
            raise ValueError(f"{name} must be the name of a file, got {shown(value)}")
        return value
    return offers("the name of a file or something with `write`", "write")(value, name)


class Driver:
    """A run of one state of any system, with the calls of ASE's dynamics: `attach`, `run`, `irun`.

    One step is one hop of `VacancyKMC`, one sweep of `SwapMC`, and the time `step` of every other system (of
    `VacancyKMC` too, if `step` is given). Functions are called when the number of steps is a multiple of their
    interval, the beginning included; with an interval of 0 or less once, after -interval steps. `atoms` shows the state
    then, with its time in `info["time_s"]` (seconds) or `info["time"]`. Which functions are attached, and whether a run
    is cut in several, does not change the trajectory: that of `VacancyKMC` is that of `VacancyKMC.run` to the last bit.

    Args:
        system: a microscopic system, `SwapMC`, or any class with lattice, carriers and evolve.
        x: (n_sites[, n_fields]) first state, or (1, n_sites[, n_fields]); not edited.
        step: duration of a step, in the system's time.
        trajectory: name of a file (.traj or .extxyz), or an open trajectory of ASE, that `atoms` is written to.
        logfile: name of a file, something with `write`, or "-" for standard output; takes a line of steps and time.
        loginterval: steps between two frames of the trajectory and two lines of the logfile.
        append_trajectory: add to the file of the trajectory rather than replace it.
        rng: source of randomness.

    Attributes:
        system: see above.
        atoms: the state as atoms, the same object during the whole run.
        nsteps: number of steps so far.

    Raises:
        ValueError: a state that does not fit, a step without or with a duration where it has none or its own, or a
            trajectory that would not keep the state (.traj files keep no fields).
    """

    @checked(
        system=_driven,
        x=STATES,
        step=real,
        trajectory=_sink,
        logfile=_sink,
        loginterval=whole(1),
        append_trajectory=flag,
        rng=generator_of,
    )
    def __init__(
        self,
        system: Any,
        x: State,
        *,
        step: float | None = None,
        trajectory: Any = None,
        logfile: Any = None,
        loginterval: int = 1,
        append_trajectory: bool = False,
        rng: np.random.Generator,
    ) -> None:
        self.system: Driven = system
        self._steps = system.steps(x, step, rng=rng)
        self.nsteps = 0
        self._stands = False
        self._observers: list[tuple[Callable[..., Any], int, tuple[Any, ...], dict[str, Any]]] = []
        self._files = contextlib.ExitStack()
        self.atoms = self._first_atoms()
        self._show()
        self._write_frame: Callable[[], Any] | None = None
        self._continued = False
        if trajectory is not None:
            self._write_frame = self._opened(trajectory, append_trajectory)
            self.attach(self._frame, loginterval)
        self._log = self._log_of(logfile)
        if self._log is not None:
            self._log.write(f"{self._steps.step:>14}" + "".join(f" {name:>14}" for name in self._steps.time) + "\n")
            self.attach(self._line, loginterval)

    # ---------------------------------------------------------------- the run

    def attach(self, function: Any, interval: int = 1, *args: Any, **kwargs: Any) -> None:
        """Call a function (or the `write` of an object) with these arguments every `interval` steps.

        Args:
            function: what is called.
            interval: steps between two calls, the first at step 0; 0 or less for one call after -interval steps.
            args: that it is called with.
            kwargs: that it is called with.
        """
        if not callable(function):
            function = offers("a function or something with `write`", "write")(function, "function").write
        self._observers.append((function, _any_step(interval, "interval"), args, kwargs))

    def run(self, steps: int) -> bool:
        """Make this many steps, without a stop between two calls of the attached functions.

        Returns:
            Whether the state stands: nothing can move any more, and the run ended there.
        """
        for _ in self._course(steps, self._next_call):
            pass
        return self._stands

    def irun(self, steps: int) -> Iterator[bool]:
        """The same as `run`, with a stop before the first and after each step: yields whether the state stands."""
        return self._course(steps, lambda: self.nsteps + 1)

    def _course(self, steps: int, stop: Callable[[], int]) -> Iterator[bool]:
        """Stops of a run: yields at the beginning and at each number of steps that `stop` names next."""
        begin = self.nsteps
        end = begin + count_of(steps, "steps")
        patience = Patience(f"the run of {steps} steps")
        if self.nsteps == 0:
            self._call()
        yield self._stands
        while self.nsteps < end and not self._stands:
            wanted = min(stop(), end) - self.nsteps
            made = self._steps.advance(wanted)
            self.nsteps += made
            self._stands = made < wanted
            patience.done((self.nsteps - begin) / max(end - begin, 1))
            self._show()
            if made:
                self._call()
            yield self._stands

    def _next_call(self) -> int:
        """The next number of steps at which a function is called."""
        now, never = self.nsteps, MOST_COUNT
        due = (now - now % n + n if n > 0 else (-n if -n > now else never) for _, n, _, _ in self._observers)
        return min(due, default=never)

    def _call(self) -> None:
        """Call what is due."""
        for function, n, args, kwargs in self._observers:
            if (n > 0 and self.nsteps % n == 0) or (n <= 0 and self.nsteps == -n):
                function(*args, **kwargs)

    # ---------------------------------------------------------------- what it says of itself

    @property
    def x(self) -> State:
        """(n_sites[, n_fields]) the state now, a copy."""
        return self._steps.x.copy()

    def get_number_of_steps(self) -> int:
        """Number of steps so far."""
        return self.nsteps

    def get_time(self) -> float:
        """Time that has passed, in seconds of an alloy, else in the system's unit.

        Raises:
            ValueError: a Markov chain has none.
        """
        for time in self._steps.time.values():
            return time
        raise ValueError(f"{self.system.kind} has no time, it counts sweeps (get_number_of_steps)")

    def todict(self) -> dict[str, Any]:
        """What a trajectory keeps as its description."""
        return {"type": "asemacro", "driver": type(self).__name__, "system": self.system.kind, "step": self._steps.step}

    # ---------------------------------------------------------------- atoms and files

    def _first_atoms(self) -> Atoms:
        """The object that shows the state."""
        return self.system.atoms_of(self._steps.x)

    def _show(self) -> None:
        """Bring `atoms` up to date."""
        for name, array in self.system.atoms_of(self._steps.x).arrays.items():
            self.atoms.arrays[name][...] = array
        self.atoms.info.update(self._steps.time)

    def _opened(self, trajectory: Any, append: bool) -> Callable[[], Any]:
        """What writes a frame to a trajectory."""
        if not isinstance(trajectory, (str, os.PathLike)):
            return lambda: trajectory.write(self.atoms)
        path = Path(trajectory)
        self._continued = append and path.is_file() and path.stat().st_size > 0
        if path.suffix == ".extxyz":
            file = self._files.enter_context(path.open("a" if append else "w", encoding="utf-8"))

            def add() -> None:
                append_extxyz(file, self.atoms)
                file.flush()

            return add
        if path.suffix != ".traj":
            raise ValueError(f"trajectory {path.name}: give a name that ends in .traj or .extxyz")
        lost = sorted(set(self.atoms.arrays) - _IN_TRAJ)
        if lost:
            raise ValueError(f"a .traj file keeps no array {', '.join(lost)}; give a name that ends in .extxyz")
        from ase.io import Trajectory

        writer = self._files.enter_context(Trajectory(path, "a" if append else "w"))
        writer.set_description(self.todict())
        return lambda: writer.write(self.atoms)

    def _frame(self) -> None:
        """Write a frame; the first of a run that adds to a file is the last one there."""
        if self._write_frame is not None and not (self._continued and self.nsteps == 0):
            self._write_frame()

    def _log_of(self, logfile: Any) -> IO[str] | None:
        if isinstance(logfile, str) and logfile == "-":
            return sys.stdout
        if isinstance(logfile, (str, os.PathLike)):
            return self._files.enter_context(Path(logfile).open("a", encoding="utf-8"))
        return logfile

    def _line(self) -> None:
        """One line of the logfile."""
        assert self._log is not None
        times = "".join(f" {time:>14.6e}" for time in self._steps.time.values())
        self._log.write(f"{self.nsteps:>14d}{times}\n")

    def close(self) -> None:
        """Close the files that the driver opened."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
