"""What every learned model has, with noise or without: its equation, its training states, starts, and files."""

from __future__ import annotations

import abc
import logging
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.door import above_zero, array, check_fields, checked, optional, path, whole
from asemacro.macro.equation import Equation
from asemacro.macro.file import fingerprint
from asemacro.macro.moment_fit import MomentReport
from asemacro.macro.training_file import Course, save_training
from asemacro.tasks.publication import Files, check_files, publish
from asemacro.typing import Floats

KEPT_STATES = 20_000  # training states in a file
SPREADS = 5
TRAINING_FILE = "training.safetensors"
say = logging.getLogger("asemacro")


class LearnedModel(abc.ABC):
    """A learned macroscopic equation and what it was learned from.

    Attributes:
        FILE: name of the file that holds the equation.
        SOMETIMES: names of files that only some models of the kind have; those of an older one go.
        NEAREST: training states that the learned variables of a start are a mean of.
        z: (N, d) training states, in the order of `labels`; none if unknown.
        n_observed: the first variables, given by the user: z*; the others are learned.
        bounds: (d, 2) least and largest values of the variables, infinite where not known; None if none is known.
    """

    FILE: ClassVar[str]
    SOMETIMES: ClassVar[tuple[str, ...]] = ()
    NEAREST: ClassVar[int]
    z: Floats
    n_observed: int
    bounds: Floats | None

    @property
    @abc.abstractmethod
    def equation(self) -> Equation:
        """The equation."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all variables."""
        return self.equation.labels

    def conditions(self) -> Floats:
        """(N, 0 or 1) temperatures of the training states; none by default."""
        return np.zeros((len(self.z), 0))

    def course(self) -> Course | None:
        """Runs and times of the training states; None, the default, if they are not known."""
        return None

    def check_states(self) -> None:
        """Check what all models have."""
        d = self.equation.dim
        check_fields(self, z=array(None, d), n_observed=whole(1, d), bounds=optional(array(d, 2, finite=False)))
        if self.bounds is not None and not np.isfinite(self.bounds).any():
            object.__setattr__(self, "bounds", None)

    @checked(z=array(), condition=above_zero, nearest=whole(1))
    def start(self, z: ArrayLike, condition: float | None = None, nearest: int | None = None) -> Floats:
        """(d,) z* completed by closure variables: their mean over the training states nearest in z*.

        Distances are in units of the spread of each variable in training, the temperature counting like another one.

        Args:
            z: (n_observed,) values of z*.
            condition: the temperature, of models that have one.
            nearest: number of training states; default NEAREST.

        Raises:
            ValueError: another number of values, values that are not finite or that no state has, or no training
                states. Values unlike those of the training states are a line in the log.
        """
        given = self.checked_start(z, condition)
        self._say_outside(given)
        if self.n_observed == self.equation.dim:
            return given
        at = np.append(given, [] if condition is None else [condition])
        return np.concatenate([given, self._learned_at(at, nearest or self.NEAREST)])

    def checked_start(self, z: ArrayLike, condition: float | None = None) -> Floats:
        """(n_observed,) values of z*, if `start` takes them; nothing is said.

        Raises:
            ValueError: see `start`.
        """
        given = np.asarray(z, dtype=float).reshape(-1)
        if len(given) != self.n_observed:
            names = ", ".join(self.labels[: self.n_observed])
            raise ValueError(f"a start has {self.n_observed} values ({names}), got {len(given)}")
        if not np.isfinite(given).all():
            raise ValueError(f"a start must be finite, got {given}")
        self._check_bounds(given)
        if self.n_observed == self.equation.dim:
            return given
        if not len(self.z):
            raise ValueError("the training states are not known, so closure variables have no start; give all of them")
        if (condition is not None) != (self.equation.n_conditions > 0):
            raise ValueError("a start needs the temperature if, and only if, the model depends on it")
        return given

    def _learned_at(self, at: Floats, nearest: int) -> Floats:
        """(d - n_observed,) learned variables at values of z* and of the temperature, if the model has one."""
        seen = np.concatenate([self.z[:, : self.n_observed], self.conditions()], axis=1)
        spread = np.maximum(seen.std(axis=0), np.finfo(float).tiny)
        order = np.argsort((((seen - at) / spread) ** 2).sum(axis=1), kind="stable")[:nearest]
        mean: Floats = self.z[order, self.n_observed :].mean(axis=0)
        return mean

    def _names(self) -> tuple[str, ...]:
        return self.labels or tuple(f"z{k + 1}" for k in range(self.equation.dim))

    def _check_bounds(self, given: Floats) -> None:
        """Refuse values of z* that no state has."""
        for name, value, (low, high) in zip(
            self._names(), given, [] if self.bounds is None else self.bounds, strict=False
        ):
            slack = 1e-9 * max(abs(low), abs(high)) if np.isfinite(low + high) else 0.0
            if not low - slack <= value <= high + slack:
                raise ValueError(f"a start with {name} = {value:g} is impossible: {_limits(name, low, high)}")

    def _say_outside(self, given: Floats) -> None:
        """Say which values of z* lie outside of what the model was learned from."""
        ranges = np.stack([self.z.min(axis=0), self.z.max(axis=0)], axis=1) if len(self.z) else self._scales()
        outside = [
            f"{name} = {value:g} (learned from {low:.3g} to {high:.3g})"
            for name, value, (low, high) in zip(self._names(), given, ranges, strict=False)
            if not low <= value <= high
        ]
        if outside:
            say.warning("the start lies outside the states that the model was learned from: %s", ", ".join(outside))

    def _scales(self) -> Floats:
        """(d, 2) where the training states were, as far as the model alone tells: mean -+ 5 standard deviations."""
        mean, sd = self.equation.z_mean.numpy(), self.equation.z_scale.numpy()
        return np.stack([mean - SPREADS * sd, mean + SPREADS * sd], axis=1)

    @checked(directory=path)
    def save(self, directory: str | Path) -> list[Path]:
        """Write the files of the model, together or not at all: FILE, and at most 20,000 training states, evenly taken
        (the first ones of the runs are all kept, where they are known).

        A run record in the folder that lists one of them is removed.
        """
        return publish(directory, self.files(), stale=self.SOMETIMES)

    @abc.abstractmethod
    def files(self) -> Files:
        """What `save` writes, by name."""

    def training_file(self, report: MomentReport | None = None) -> Files:
        """The file of the training states, by name."""
        rows = np.unique(np.linspace(0, max(len(self.z) - 1, 0), min(len(self.z), KEPT_STATES)).astype(int))
        course = self.course()
        if course is not None:  # runs start with these: none of them is left out for the others
            first = np.flatnonzero(course.times == course.times.min())[:KEPT_STATES]
            rows = np.union1d(rows[:: max(1, -(-len(rows) // max(1, KEPT_STATES - len(first))))], first)
            course = course.take(rows)
        training = (self.z[rows], self.conditions()[rows], self.n_observed, report)
        model = fingerprint(self.equation)
        return {TRAINING_FILE: lambda path: save_training(path, *training, course, bounds=self.bounds, model=model)}

    @classmethod
    def folder_with(cls, directory: str | Path, *others: str) -> Path:
        """The folder, if it holds such a model whose files, and others, are those that run.json lists.

        Raises:
            FileNotFoundError: no such folder or model.
            ValueError: one line; a file is not the one that run.json lists.
        """
        return model_folder(directory, cls.FILE, TRAINING_FILE, *others)


def model_folder(directory: str | Path, file: str, *others: str) -> Path:
    """A folder that holds the file of a model; it and the others, if there, are those that run.json lists.

    Raises:
        FileNotFoundError: no such folder or model.
        ValueError: one line; a file is not the one that run.json lists.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; `asemacro learn` makes one")
    if not (folder / file).is_file():
        raise FileNotFoundError(f"{folder} is not a learned model: it has no {file}")
    check_files(folder, [file, *others])
    return folder


def _limits(name: str, low: float, high: float) -> str:
    """Bounds of a variable in words."""
    if np.isfinite(low) and np.isfinite(high):
        return f"{name} lies from {low:.4g} to {high:.4g}"
    return f"{name} is at least {low:.4g}" if np.isfinite(low) else f"{name} is at most {high:.4g}"
