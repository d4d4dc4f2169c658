"""Structure files of any format that ASE reads: which frame, which format, which elements.

Every failure is one line that names the file, says what ASE said, and names the option that may help.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from asemacro.files.reading import bound_of_unpacked, plain, printable
from asemacro.lattice.reading.cif_file import cif_frames
from asemacro.lattice.reading.structure_text import (
    PLAIN_TEXT,
    file_format,
    format_by_content,
    name_vasp_species,
    numbered_types,
    plain_text,
    replace_symbols,
    with_types,
)
from asemacro.lattice.recognition.sublattice import sublattice_of

if TYPE_CHECKING:
    from ase import Atoms

FRAMES = "asemacro"  # the format of files of frames
TIME_KEYS = ("time_s", "time", "Time", "TIME")  # what writers of extended xyz call the time of a frame
_PIECE = 1 << 20
_PACKED_TEXT = 2e7  # bytes that any packed file may become: readers take up to fifty times as much for short lines
Index = int | slice | str
say = logging.getLogger("asemacro")


class Reading(TypedDict, total=False):
    """How a structure file is to be read, the keywords of `read_structure`."""

    format: str | None
    types: Sequence[str] | None
    index: Index | None
    sublattice: Sequence[str] | None


class Frame(NamedTuple):
    """One structure of a file.

    Attributes:
        number: which frame of the file it is, counted from 0.
        time: of the frame, as the file has it (`time_s` or `time` of extended xyz); None if it says nothing.
        atoms: the atoms.
    """

    number: int
    time: float | None
    atoms: Atoms


def read_structure(
    path: str | Path,
    *,
    format: str | None = None,
    types: Sequence[str] | None = None,
    index: Index | None = None,
    sublattice: Sequence[str] | None = None,
) -> Atoms:
    """The atoms of one frame of a structure file.

    Args:
        path: file, or "FILE@INDEX" as ASE writes it.
        format: name of the format as ASE knows it ("vasp", "lammps-data", ...); None to tell it by name and content.
        types: elements of the numbered types of LAMMPS and VASP 4 files, in order.
        index: which frame, counted from 0; default the last one.
        sublattice: elements of the one sublattice that is meant, see `sublattice_of`; None for what the file says of
            it, as those do that this program wrote, else all sites.

    Raises:
        ValueError: one line, if the file is missing, empty or not a structure, or several frames are asked for.
    """
    frames = read_frames(path, format=format, types=types, index=index, sublattice=sublattice)
    if len(frames) > 1:
        raise ValueError(
            f"{path}: {len(frames)} frames are asked for where one is needed; give one number as the index"
        )
    return frames[0].atoms


def read_frames(
    path: str | Path,
    *,
    format: str | None = None,
    types: Sequence[str] | None = None,
    index: Index | None = None,
    sublattice: Sequence[str] | None = None,
) -> list[Frame]:
    """Frames of a structure file, each with its number and, if the file has it, its time.

    Args:
        path: file, or "FILE@INDEX" as ASE writes it ("run.extxyz@-1", "run.extxyz@::10"). A file of that very name
            is read as it is.
        format: name of the format as ASE knows it ("vasp", "lammps-data", ...); None to tell it by name and content.
        types: elements of the numbered types of LAMMPS and VASP 4 files, in order.
        index: a number, a slice or its text "START:STOP:STEP", counted from 0; default the last frame.
        sublattice: see `read_structure`.

    Raises:
        ValueError: one line, if the file is missing, empty or not a structure, or has no such frame.
    """
    file, wanted = locate(path, index)
    if types is not None and (isinstance(types, str) or not all(isinstance(t, str) for t in types)):
        raise TypeError(f"types must be a sequence of element symbols like ['Mo', 'Nb'], got {types!r}")
    _check_packed(file)
    frames, total = _read(file, format, types, wanted)
    if total == 0:
        raise ValueError(f"{file}: holds no structure")
    if not frames:
        held = "holds one frame, number 0" if total == 1 else f"holds {total} frames, numbers 0 to {total - 1}"
        raise ValueError(f"{file}: frame {index_text(wanted)} asked for, but the file {held}")
    if any(len(frame.atoms) == 0 for frame in frames):
        raise ValueError(f"{file}: holds no atoms")
    if total > 1:
        chosen = ", ".join(str(f.number) for f in frames[:3]) + (", ..." if len(frames) > 3 else "")
        hint = f"; {file.name}@INDEX or --index takes others" if wanted is None else ""
        say.info("%s: frame %s of %d (counted from 0)%s", file, chosen, total, hint)
    if sublattice is None:
        return frames
    try:
        return [frame._replace(atoms=sublattice_of(frame.atoms, sublattice)) for frame in frames]
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def parse_index(text: str) -> int | slice:
    """A number or a slice from its text, "-1" or "START:STOP:STEP"."""
    try:
        parts = [int(part) if part.strip() else None for part in text.split(":")]
        if len(parts) == 1 and parts[0] is not None:
            return parts[0]
        if 2 <= len(parts) <= 3 and (len(parts) == 2 or parts[2] != 0):
            return slice(*parts)
    except ValueError:
        pass
    raise ValueError(f"index {text!r}: give a number of a frame, counted from 0, or START:STOP:STEP")


def index_text(index: int | slice | None) -> str:
    """The index as users write it."""
    if isinstance(index, slice):
        return ":".join("" if part is None else str(part) for part in (index.start, index.stop, index.step))
    return str(-1 if index is None else index)


def locate(path: str | Path, index: Index | None = None) -> tuple[Path, int | slice | None]:
    """The file of a path or "FILE@INDEX", and the frames that are asked for (None: it is not said).

    Raises:
        ValueError: no such file, or an index that is no index.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be the name of a file, got {type(path).__name__}")
    if isinstance(index, bool) or not isinstance(index, (int, slice, str, type(None))):
        raise TypeError(f"index must be a whole number or a slice, got {index!r}")
    wanted = parse_index(index) if isinstance(index, str) else index
    if not str(path):
        raise ValueError("an empty name of a structure file; give the name of the file")
    file = Path(path)
    if "\0" in str(path):
        raise ValueError("a file name cannot hold the character NUL")
    if not file.exists() and "@" in file.name:
        name, text = str(path).rsplit("@", 1)
        if Path(name).exists():
            if wanted is not None:
                raise ValueError(f"{path}: the frame is given twice, after @ and as index {index_text(wanted)}")
            file, wanted = Path(name), parse_index(text)
    if not file.exists():
        raise ValueError(f"{file}: no such file")
    if file.is_dir():
        raise ValueError(f"{file}: is a folder, not a structure file")
    if not file.is_file():
        raise ValueError(f"{file}: is not an ordinary file; save what it gives to one")
    return file, wanted


def _check_packed(file: Path) -> None:
    """Unpack a packed file once, piece by piece: what a small one becomes may be far larger than the memory.

    Raises:
        ValueError: one line; it becomes far larger than structures do, or is damaged.
    """
    from ase.io.formats import get_compression, open_with_compression

    if get_compression(str(file))[1] is None:
        return
    size, unpacked = file.stat().st_size, 0
    try:
        with open_with_compression(str(file), "rb") as packed:
            while part := len(packed.read(_PIECE)):
                unpacked += part
                bound_of_unpacked(unpacked, size, _PACKED_TEXT)
    except Exception as error:  # gzip, bz2 and xz raise what they like
        raise ValueError(f"{file}: cannot be unpacked ({plain(error)}); it is damaged, fetch it again") from None


def _read(
    file: Path, format: str | None, types: Sequence[str] | None, wanted: int | slice | None
) -> tuple[list[Frame], int]:
    """The frames wanted and how many there are."""
    try:
        text = plain_text(file)
    except PermissionError:
        raise ValueError(f"{file}: no permission to read it") from None
    if text is not None and not text.strip():
        raise ValueError(f"{file}: is empty")
    known = file_format(file, text, format)
    if types is not None and known not in ("lammps-data", "lammps-dump-text", "vasp"):
        raise ValueError(
            f"{file}: types are for files that number theirs (LAMMPS data and dump files, VASP 4), not for {known}"
        )
    note = None
    if text is not None and types is None:
        note = numbered_types(file, known, text)
    elif text is not None and known == "vasp" and types is not None:
        text = name_vasp_species(file, text, types)
    try:
        frames, total = _ase_frames(file, text, known, wanted)
    except Exception as error:  # ASE's readers raise anything on a malformed file
        mended = replace_symbols(file, text, known) if text is not None and known in PLAIN_TEXT else None
        if mended is None:
            raise _refusal(file, text, known, format, error) from None
        try:
            frames, total = _ase_frames(file, mended, known, wanted)
        except Exception as second:
            raise _refusal(file, text, known, format, second) from None
    if types is not None and known != "vasp":
        frames = [frame._replace(atoms=with_types(file, frame.atoms, types)) for frame in frames]
    if note is not None:
        say.info("%s: %s", file, note)
    return frames, total


def _ase_frames(file: Path, text: str | None, known: str, wanted: int | slice | None) -> tuple[list[Frame], int]:
    """ASE's frames of a file, or of its text put in order."""
    if known == FRAMES:
        return _stored_frames(file, wanted)
    chosen = _counted_from_the_start(wanted)
    kept: list[tuple[int, Atoms]] = []
    total = 0
    with _on_disk(file, text) as name, _images(name, text, known) as images:
        for number, atoms in enumerate(images):
            total = number + 1
            if chosen is not None and number not in chosen:
                continue
            if wanted is None:
                kept.clear()  # only the last one
            kept.append((number, atoms))
    if isinstance(wanted, slice) and chosen is None:
        kept = [kept[number] for number in range(total)[wanted]]
    elif isinstance(wanted, int) and wanted < 0:
        kept = kept[wanted : wanted + 1 or None] if -wanted <= total else []
    return [Frame(number, frame_time(atoms), atoms) for number, atoms in kept], total


def _stored_frames(file: Path, wanted: int | slice | None) -> tuple[list[Frame], int]:
    """Frames of a file that reads those wanted alone."""
    from asemacro.files.ase_format import frames_of
    from asemacro.files.frames import FramesFile

    stored = FramesFile(file)
    total = range(len(stored))
    if isinstance(wanted, slice):
        numbers = list(total[wanted])
    else:
        number = -1 if wanted is None else wanted
        numbers = [total[number]] if -len(total) <= number < len(total) else []
    return [Frame(n, frame_time(a), a) for n, a in zip(numbers, frames_of(stored, numbers), strict=True)], len(total)


def _counted_from_the_start(wanted: int | slice | None) -> range | None:
    """The numbers of the frames wanted, where these do not depend on how many there are: the others are not kept."""
    if isinstance(wanted, int):
        return range(wanted, wanted + 1) if wanted >= 0 else None
    if wanted is None or min(wanted.start or 0, 0 if wanted.stop is None else wanted.stop, (wanted.step or 1) - 1) < 0:
        return None
    return range(wanted.start or 0, sys.maxsize if wanted.stop is None else wanted.stop, wanted.step or 1)


def frame_time(atoms: Atoms) -> float | None:
    """The time that a frame carries in its `info`, None if it carries none."""
    for key in TIME_KEYS:
        value = atoms.info.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if value is not None:
            with contextlib.suppress(TypeError, ValueError):
                return float(value)
    return None


@contextlib.contextmanager
def _on_disk(file: Path, text: str | None) -> Iterator[Path]:
    """The file itself, or a copy of the same name if its text was put in order."""
    if text is None or text == _as_stored(file):
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        copy.write_text(text, encoding="utf-8")
        yield copy


def _as_stored(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return None


@contextlib.contextmanager
def _images(name: Path, text: str | None, known: str) -> Iterator[Iterable[Atoms]]:
    """The structures of a file one after the other, without what ASE's readers print and warn about."""
    from ase.io import iread
    from ase.io.formats import open_with_compression

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if known != "cif":
            yield iread(str(name), ":", format=known, do_not_split_by_at_sign=True)
            return
        if text is None:
            with open_with_compression(str(name), "rb") as packed:
                text = packed.read().decode("utf-8-sig", errors="replace")
        yield cif_frames(text)


def _refusal(file: Path, text: str | None, known: str, asked: str | None, error: Exception) -> ValueError:
    """What the reader said, in one line, and what may help."""
    said = printable(" ".join(str(error).split())[:300])
    if isinstance(error, (KeyError, IndexError, AssertionError, StopIteration)) or not said:
        said = f"{type(error).__name__} {said}".strip()
    remedy = ""
    if "chemical symbols" in said:  # a POSCAR of VASP 4
        remedy = "; name the elements in the order of their counts with --types Mo,Nb,... (types=)"
    elif asked is None and format_by_content(text or "") != known:
        remedy = "; if it is of another format, name it with --format (format=)"
    return ValueError(f"{file}: cannot be read as {known}: {said}{remedy}")
