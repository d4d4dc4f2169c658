"""labels.db: a database of ASE (SQLite) whose rows are bands; it can be looked at with `ase db` and `ase gui`.

A row holds the atoms before the jump on the sites of the lattice, in the order of the sites, the vacancy as an atom X,
with the energy before the jump, and

    key-value pairs   band (its name), status ("labelled" or "failed"), reason, cell_name, vacancy and jumping (sites),
                      species (of the atom that jumps), forward_eV, backward_eV, potential
    data              lattice (its fields: prototype, cell, ...), energies (along the path), before, saddle, after
                      (positions of the atoms without the vacancy, relaxed), settings, seconds

The metadata say that the database is one of barriers, and what `label` was asked for. Rows are written one by one, each
whole or not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from numpy.typing import NDArray

from asemacro.barriers.labelling.bands import Band, lattice_fields, lattice_of
from asemacro.files.reading import UnreadableFile, plain
from asemacro.files.store import CannotWrite, output_file, remove_leftovers, write_whole
from asemacro.lattice.lattice import Lattice
from asemacro.tasks.interrupts import uninterrupted
from asemacro.tasks.lock import Lock

KIND, FORMAT = "barrier labels", 1
LABELLED, FAILED = "labelled", "failed"


@dataclasses.dataclass(frozen=True, eq=False)
class Label:
    """A row: a jump with its barriers.

    Attributes:
        name: of the band.
        lattice: the cell.
        x: (n_sites,) int8 the state before the jump, 0 on the vacant site, else 1 + index into lattice.species.
        vacancy: the vacant site.
        jumping: site of the atom that jumps.
        cell: which cell it belongs to; folds keep cells together.
        forward_eV: barrier of the jump; nan if the band failed.
        backward_eV: barrier of the jump back; nan likewise.
        reason: why it failed; empty if it did not.
        potential: name of the calculator.
    """

    name: str
    lattice: Lattice
    x: NDArray[np.int8]
    vacancy: int
    jumping: int
    cell: str
    forward_eV: float
    backward_eV: float
    reason: str
    potential: str


class LabelDatabase:
    """A database of bands that one process writes, to be used as `with LabelDatabase(path) as labels:`.

    Args:
        path: of the file; made if it is not there.

    Raises:
        ValueError: the file is something else.
        OSError: it cannot be written, or another process writes to it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = output_file(path)
        place = self.path.with_name(f".{self.path.name}.lock")
        self._lock = Lock(place, f"to {self.path}", "give another file with -o")

    def __enter__(self) -> Self:
        try:
            self._lock.take()
        except PermissionError as error:
            raise CannotWrite.of(self.path, error) from None
        try:
            if not self.path.exists() or self.path.stat().st_size == 0:
                remove_leftovers(self.path.parent, self.path.stem, f"{self.path.suffix}-journal")
                write_whole(self.path, _make)  # ASE makes its tables one by one: a kill in between would be its end
            with self._opened() as database:
                _check_kind(self.path, database.metadata)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    @property
    def asked(self) -> dict[str, Any] | None:
        """What `label` was asked for when it first wrote here; None if it never did."""
        with self._opened() as database:
            return database.metadata.get("asked")

    @asked.setter
    def asked(self, settings: dict[str, Any]) -> None:
        with self._opened() as database:
            database.metadata = {**database.metadata, "asked": settings}

    def names(self) -> dict[str, str]:
        """Name of every band that is in it, failed ones too, and why it failed (empty: it did not)."""
        with self._opened() as database:
            return {row.band: row.get("reason", "") for row in database.select(include_data=False)}

    def write(self, band: Band) -> None:
        """Add a band, whole or not at all; Ctrl-C waits.

        Raises:
            CannotWrite: one line, as on a full disk.
        """
        jump = band.jump
        atoms = jump.lattice.to_atoms(jump.x)
        pairs: dict[str, Any] = {
            "band": jump.name,
            "status": FAILED if band.reason else LABELLED,
            "cell_name": jump.cell,
            "vacancy": jump.vacancy,
            "jumping": jump.jumping,
            "species": jump.species,
            "potential": str(band.settings["calculator"]),
        }
        if band.reason:
            pairs["reason"] = band.reason
        if len(band.energies):
            pairs |= {"forward_eV": band.forward_eV, "backward_eV": band.backward_eV}
        if len(band.positions):
            atoms.calc = SinglePointCalculator(atoms, energy=float(band.energies[0]))
        data: dict[str, Any] = {
            "lattice": lattice_fields(jump.lattice),
            "energies": band.energies,
            "settings": band.settings,
            "seconds": band.seconds,
        }
        data |= dict(zip(("before", "saddle", "after"), band.positions, strict=False))
        with uninterrupted(), self._opened() as database:
            database.write(atoms, key_value_pairs=pairs, data=data)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        with _failures_named(self.path, writing=True), _connected(self.path) as database:
            yield database


def read_labels(path: str | Path, *, failed: bool = False) -> list[Label]:
    """The rows of a labels.db, in the order in which they were written.

    Args:
        path: the file.
        failed: also those of bands that failed.

    Raises:
        FileNotFoundError: no such file.
        UnreadableFile: one line that names it; damaged, or not such a database.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no labels file {path}")
    with _failures_named(path, writing=False), _connected(path) as database:
        _check_kind(path, database.metadata)
        lattices: dict[str, Lattice] = {}
        return [_label(row, lattices) for row in database.select() if failed or row.status == LABELLED]


def _label(row: Any, lattices: dict[str, Lattice]) -> Label:
    """What a row says; rows on one lattice share it.

    Raises:
        ValueError, KeyError, AttributeError: fields that are missing or do not fit each other.
    """
    key = repr(row.data["lattice"])
    if key not in lattices:
        lattices[key] = lattice_of(row.data["lattice"])
    lattice = lattices[key]
    symbols = np.array(["X", *lattice.species])
    x = (np.array(row.symbols)[:, None] == symbols).argmax(axis=1).astype(np.int8)
    vacancy, jumping = int(row.vacancy), int(row.jumping)
    fits = len(x) == lattice.n_sites and 0 <= jumping < len(x) and np.array_equal(np.flatnonzero(x == 0), [vacancy])
    if not fits or x[jumping] == 0 or not np.isin(row.symbols, symbols).all():
        raise ValueError(f"the atoms of row {row.id} are not those of a cell with one vacancy")
    good = row.status == LABELLED
    forward, backward = (float(row.get(name, np.nan)) if good else np.nan for name in ("forward_eV", "backward_eV"))
    if good and not np.isfinite([forward, backward]).all():
        raise ValueError(f"row {row.id} holds no barriers")
    reason = row.get("reason", "")
    return Label(row.band, lattice, x, vacancy, jumping, row.cell_name, forward, backward, reason, row.potential)


def _make(path: Path) -> None:
    """A new database."""
    with _connected(path) as database:
        database.metadata = {"kind": KIND, "format": FORMAT}


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[Any]:
    """The database. It is locked elsewhere: ASE's own lock file would outlive a process that is killed."""
    yield connect(path, type="db", use_lock_file=False)


def _check_kind(path: Path, metadata: dict[str, Any]) -> None:
    """Refuse a database of something else."""
    if metadata.get("kind") != KIND:
        raise UnreadableFile(f"{path} is a database of something else, not of barrier labels; give another file")
    if metadata.get("format") != FORMAT:
        raise UnreadableFile(
            f"{path} is of format {metadata.get('format')}, this version reads {FORMAT}; update asemacro"
        )


@contextlib.contextmanager
def _failures_named(path: Path, *, writing: bool) -> Iterator[None]:
    """Whatever SQLite and ASE say of a file becomes one line."""
    try:
        yield
    except (UnreadableFile, CannotWrite):
        raise
    except sqlite3.OperationalError as error:
        if writing:
            raise CannotWrite(path, plain(error)) from None
        raise UnreadableFile(f"{path} cannot be read ({plain(error)})") from None
    except Exception as error:
        raise UnreadableFile(f"{path} is not a readable database of barrier labels ({plain(error)})") from None
