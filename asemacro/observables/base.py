"""What every observable gives, with defaults for all that can be had by measuring whole states."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import shown
from asemacro.arguments.door import LATTICE, SITES, STATES, checked, many, members_of, offers, text
from asemacro.observables.state_change import as_events, different, events_of
from asemacro.typing import Floats

_COPIES = 1 << 24  # sites of states that are copied at a time to be measured after an event
_needed = offers("an observable, a function phi(x, lattice) with labels and dim", "__call__", "labels", "dim")


class Observable(abc.ABC):
    """Intensive macroscopic observable, a mean of local terms over all sites: phi(x, lattice) -> (batch, dim).

    An observable has `labels` and can be called; all else has a default. One that knows how a local change of the
    state changes it gains much by `changes` of its own, one whose values have limits tells them by `bounds`.

    Attributes:
        labels: names of the variables.
    """

    labels: tuple[str, ...]

    @property
    def dim(self) -> int:
        """Number of variables."""
        return len(self.labels)

    @abc.abstractmethod
    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Values of states x (batch, n_sites) or (batch, n_sites, n_fields): (batch, dim)."""

    @checked(x=STATES, lattice=LATTICE)
    def bounds(self, x: NDArray[Any], lattice: Any) -> Floats:
        """(dim, 2) least and largest values in states x or any others of their composition; infinite if not known.

        A learned model refuses starts beyond them.
        """
        return np.tile([-np.inf, np.inf], (self.dim, 1))

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def change(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """phi(x1) - phi(x0) of one change of each state, from `changes`.

        Args:
            x0: (batch, n_sites[, n_fields]) states before, or one state.
            lattice: their lattice.
            sites: (batch, m) or (m,) sites, each at most once; negative ones are ignored, to fill up a row.
            values: (batch, m[, n_fields]) or (m[, n_fields]) what they hold afterwards; what they held is allowed.

        Returns:
            (batch, dim).

        Raises:
            ValueError: shapes that do not fit, a site that the lattice does not have or that changes twice.
        """
        one_state = 1 + (np.ndim(values) > np.ndim(sites))
        x0 = x0[None] if x0.ndim == one_state else x0
        return self.changes(x0, lattice, *as_events(x0, sites, values))[:, 0]

    @checked(x0=STATES, lattice=LATTICE, sites=SITES, values=STATES)
    def changes(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """The change by each of several events that start from the same state; by default every state is measured.

        Args:
            x0: (batch, n_sites[, n_fields]) states before.
            lattice: their lattice.
            sites: (batch, n_events, m) sites, in an event each at most once; negative ones are ignored.
            values: (batch, n_events, m[, n_fields]) what they hold afterwards.

        Returns:
            (batch, n_events, dim).

        Raises:
            ValueError: as for `change`.
        """
        where, what = events_of(x0, lattice.n_sites, sites, values)
        different(where)
        batch, n_events, m = where.shape
        where, what = where.reshape(-1, m), what.reshape(-1, m, *what.shape[3:])
        before = measured(self, x0, lattice)
        out = np.empty((len(where), self.dim))
        step = max(1, _COPIES // lattice.n_sites)
        for first in range(0, len(where), step):
            part = slice(first, first + step)
            start = np.arange(len(where))[part] // n_events
            after = x0[start]
            event, place = np.nonzero(where[part] >= 0)
            after[event, where[part][event, place]] = what[part][event, place]
            out[part] = measured(self, after, lattice) - before[start]
        return out.reshape(batch, n_events, self.dim)


class _Adapted(Observable):
    """A callable of another class: what it offers is its own, what it lacks has the defaults."""

    def __init__(self, phi: Any) -> None:
        self._phi = phi
        self.labels = labels_of(phi)
        if len(self.labels) != phi.dim:
            raise ValueError(f"an observable has one label for each of its {phi.dim} variables, got {self.labels}")
        self.__dict__.update(members_of(phi, "bounds", "change", "changes"))

    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Values of the callable."""
        return self._phi(x, lattice)  # type: ignore[no-any-return]


def labels_of(phi: Any) -> tuple[str, ...]:
    """The labels of an observable.

    Raises:
        TypeError: no list of strings.
        ValueError: an empty one.
    """
    return many(text, least=1)(phi.labels, f"the labels of {type(phi).__name__}")  # type: ignore[no-any-return]


def measured(phi: Observable, x: NDArray[Any], lattice: Any) -> Floats:
    """phi(x, lattice), checked: (batch, dim), see `numbers_of`."""
    return numbers_of(phi, "gives", phi(x, lattice), len(x), phi.dim)


def numbers_of(phi: Observable, gives: str, answer: Any, *shape: int) -> Floats:
    """What an observable gives, as finite real numbers of this shape.

    Raises:
        ValueError: anything else; the line names the class.
    """
    name = type(phi._phi if isinstance(phi, _Adapted) else phi).__name__
    values = np.asarray(answer)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"the observable {name} {gives} {shown(answer)}, not real numbers")
    if values.shape != shape:
        raise ValueError(
            f"the observable {name} {gives} an array of the shape {values.shape} for {shape[0]} states, not {shape}: "
            "one row a state, one column a label"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"the observable {name} {gives} {values[~np.isfinite(values)][0]}, not only finite numbers")
    return values.astype(float, copy=False)


def as_observable(phi: Any, name: str = "phi") -> Observable:
    """An `Observable`: what is one stays as it is, a callable with `labels` and `dim` gets the defaults of one.

    Raises:
        TypeError: anything else.
        ValueError: labels that are not `dim`, or none.
    """
    if not isinstance(phi, Observable):
        return _Adapted(_needed(phi, name))
    labels_of(phi)
    return phi


OBSERVABLE = as_observable
"""The check of arguments that are observables."""
