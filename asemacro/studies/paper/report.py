"""What a reproduced figure leaves behind: rows of published against present numbers, tables, a drawing."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.store import write_csv
from asemacro.tasks.publication import Files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Interval = tuple[float | None, float | None]
QUICK = "quick run: reduced budget, larger errors"
FULL_TARGETS = "; the targets are those of the full run"
MARK = "#B00020"  # dark red: no curve has it


@dataclasses.dataclass(frozen=True)
class Row:
    """One number of a figure.

    Attributes:
        quantity: its name, for example "curie-weiss/n_s=256/transient".
        here: the value found.
        here_err: its standard error; None where `here` is itself an error or no estimate exists.
        published: the paper's value; None where it gives none.
        reference: the exact or directly simulated value.
        reference_kind: how the reference was found, for example "exact" or "direct".
        target: (low, high) between which `here` must lie; None at an open end, or for no target at all.

    Raises:
        ValueError: `here` is not finite: a figure that failed must not be saved as one that ran.
    """

    quantity: str
    here: float
    here_err: float | None = None
    published: float | None = None
    reference: float | None = None
    reference_kind: str | None = None
    target: Interval | None = None

    def __post_init__(self) -> None:
        for name in ("here", "here_err", "published", "reference"):
            value = getattr(self, name)
            if value is not None:
                if not math.isfinite(value):
                    raise ValueError(f"{name} of {self.quantity} is {value}")
                object.__setattr__(self, name, float(value))

    @property
    def met(self) -> bool | None:
        """Whether `here` lies inside the target; None without one."""
        if self.target is None:
            return None
        low, high = self.target
        return bool((low is None or self.here >= low) and (high is None or self.here <= high))


@dataclasses.dataclass(frozen=True)
class Table:
    """One CSV: column names and rows of cells."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclasses.dataclass(frozen=True)
class Result:
    """A reproduced figure.

    Attributes:
        title: one line: what is compared with what.
        rows: its numbers.
        tables: CSV files by their suffix; "" is NAME.csv, "x" is NAME-x.csv.
        draw: makes the figure.
        notes: lines that a reader needs to judge the numbers, said under the table.
        quick: made with the reduced budget: said on the figure and on screen.
    """

    title: str
    rows: Sequence[Row]
    tables: Mapping[str, Table]
    draw: Callable[[], Figure]
    notes: Sequence[str] = ()
    quick: bool = False

    @property
    def missed(self) -> list[Row]:
        """The rows whose target is not met."""
        return [row for row in self.rows if row.met is False]

    def files(self, name: str) -> Files:
        """What a folder gets: NAME.csv ..., NAME.png, NAME.json, and what writes each."""
        text = json.dumps([{**dataclasses.asdict(row), "met": row.met} for row in self.rows], indent=1) + "\n"
        tables = {
            f"{name}-{suffix}.csv" if suffix else f"{name}.csv": partial(_write_table, table)
            for suffix, table in self.tables.items()
        }
        figure = self.draw()
        if self.quick:
            _mark(figure, self._said_if_quick())
        return {**tables, f"{name}.png": figure.savefig, f"{name}.json": lambda path: _write(path, text)}

    def text(self) -> str:
        """The table for the screen."""
        width = max([len(row.quantity) for row in self.rows] + [8])
        lines = [
            self.title,
            f"{'quantity':<{width}} {'published':>10} {'here':>21} {'exact or direct':>24}   target",
        ]
        for row in self.rows:
            here = _number(row.here) + (f" +- {row.here_err:.1g}" if row.here_err is not None else "")
            reference = f"{_number(row.reference)} {row.reference_kind or ''}".strip()
            missed = "of the full run" if self.quick else "NOT MET"
            verdict = {None: "", True: "met", False: missed}[row.met]
            lines.append(
                f"{row.quantity:<{width}} {_number(row.published):>10} {here:>21} {reference:>24}   "
                f"{_interval(row.target)} {verdict}".rstrip()
            )
        return "\n".join([*lines, *self.notes, *self._verdict()])

    @property
    def _targets(self) -> int:
        """Number of rows with a target."""
        return sum(row.target is not None for row in self.rows)

    def _said_if_quick(self) -> str:
        return QUICK + FULL_TARGETS * bool(self._targets)

    def _verdict(self) -> list[str]:
        """How many targets are met, and which are not; of a quick run only how many: it has none of its own."""
        lines = [self._said_if_quick()] if self.quick else []
        count = self._targets
        if self.missed and self.quick:
            lines.append(f"{count - len(self.missed)} of {count} targets of the full run met")
        elif self.missed:
            names = ", ".join(row.quantity for row in self.missed)
            lines.append(f"{len(self.missed)} of {count} targets NOT MET: {names}")
        elif count:
            lines.append(f"all {count} targets met" if count > 1 else "the target is met")
        return lines


def _mark(figure: Figure, words: str) -> None:
    """Say it above all panels, beside what is said there already."""
    before = figure.get_suptitle()
    figure.suptitle(f"{before} ({words})" if before else words, fontsize=10, color=MARK)


def _write_table(table: Table, path: Path) -> None:
    write_csv(path, table.columns, table.rows)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _interval(target: Interval | None) -> str:
    if target is None:
        return ""
    low, high = target
    if low is None:
        return f"<= {_number(high)}"
    return f">= {_number(low)}" if high is None else f"{_number(low)} ... {_number(high)}"
