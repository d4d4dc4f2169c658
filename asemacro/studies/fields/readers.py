"""Block fields from elsewhere: npz and zarr files with time and fields, OVF files of mumax3 and OOMMF."""

from __future__ import annotations

import dataclasses
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory, choice_of
from asemacro.arguments.door import above_zero, checked, many, number, optional, path, whole
from asemacro.field_data import FieldData
from asemacro.files.reading import UnreadableFile, bound_of_unpacked, plain, reading
from asemacro.typing import Floats

COMPONENTS = ("x", "y", "z")
_OVF = (".ovf", ".omf", ".ohf")
_NAMES = ("time", "fields")
_KIND = "field"
_COMPLAINT = "is not a readable field file"
_UNEQUAL = 1e-3  # of an interval: times written with few digits
_ROUNDING = 1e-5  # of magnetisations that were added up in single precision
_TIME = re.compile(rb"total simulation time:\s*([-+0-9.eE]+)\s*(\w*)", re.I)
_HEADER_BYTES = 1 << 14
_SPANS = 10  # stretches of a run that are held out or not


@dataclasses.dataclass(frozen=True)
class FieldSeries:
    """Fields at even times, as a file has them.

    Attributes:
        time: (n,) ascending.
        fields: (n, *grid) float32 magnetisations of the blocks, in [-1, 1].
        said: what was read, in one line.
    """

    time: Floats
    fields: NDArray[np.float32]
    said: str


@checked(
    files=many(path), temperature=above_zero, sites=whole(2), block=whole(1), field=number(),
    component=optional(lambda value, name: choice_of(value, name, COMPONENTS)),
)  # fmt: skip
def read_fields(
    files: Sequence[str | Path],
    *,
    temperature: float,
    sites: int,
    block: int,
    field: float = 0.0,
    component: str | None = None,
) -> FieldData:
    """Field data of block fields over time that were made elsewhere; see `read_series` for the files.

    A row is the step from one time to the next. No flips are known, so the mobility is learned from the scatter of the
    changes. Each run is cut into ten stretches, which are the groups.

    Args:
        files: npz files or zarr folders, a run each; or OVF files or a folder of them, together one run.
        temperature: with k_B = 1, in the unit that the couplings will have.
        sites: V, spins a block.
        block: B, edge of a block in lattice sites.
        field: external field h, in the unit of the temperature.
        component: of the vectors in OVF files; default "z".

    Raises:
        FileNotFoundError: no such file.
        ValueError: one line that names the file: nan, uneven times, a single time, magnetisations beyond 1, shapes
            that are no fields, names that are missing.
    """
    return data_of(read_series(files, component), temperature, sites, block, field)


def data_of(runs: Sequence[FieldSeries], temperature: float, sites: int, block: int, field: float) -> FieldData:
    """Field data of runs."""
    parts = []
    for run in runs:
        n = len(run.time) - 1
        if n < 1:
            raise ValueError(f"{run.said}: a single time holds no change, give at least two")
        if (np.abs(run.fields) == 1).all():
            raise ValueError(f"{run.said}: all are 1 or -1, as single spins are; give the means of blocks of spins")
        duration = float(run.time[-1] - run.time[0]) / n
        step, t, h = (np.full(n, value) for value in (duration, temperature, field))
        parts.append(
            FieldData(run.fields[:-1], run.fields[1:], None, step, t, h, sites, block, np.arange(n) * _SPANS // n)
        )
    return FieldData.joined(parts)


def read_series(files: Sequence[str | Path], component: str | None = None) -> list[FieldSeries]:
    """The runs in some files.

    An npz file or a zarr folder (or zip) holds the arrays `time` (n,) and `fields` (n, x[, y[, z]]). OVF files, or
    folders of them, are together one run, whose times are those in their headers.
    """
    if not files:
        raise ValueError("no field file is given")
    paths = [Path(file) for file in files]
    ovf = [found for file in paths for found in _ovf_files(file)]
    others = [file for file in paths if not _ovf_files(file)]
    if ovf and others:
        raise ValueError(f"{others[0]} is no OVF file, as {ovf[0]} is; give files of one kind")
    if component is not None and not ovf:
        raise ValueError(f"a component belongs to the vectors of OVF files; {others[0]} holds magnetisations")
    if ovf:
        return [_ovf_run(ovf, component or "z")]
    return [_array_run(file) for file in others]


def last_field(file: str | Path, component: str | None = None) -> tuple[NDArray[np.float32], str]:
    """The last field (*grid) of a file, and what was read: an npy file is one field, others are as in `read_series`."""
    if Path(file).suffix == ".npy":
        with reading(file, _KIND, _COMPLAINT) as found:
            m = np.load(found, allow_pickle=False)
        return _magnetisations(m, str(file)), f"{file}: a field of {by(m.shape)} blocks"
    run = read_series([file], component)[-1]
    return run.fields[-1], f"{run.said}, of which the last is taken"


def by(grid: Sequence[int]) -> str:
    """4 x 4."""
    return " x ".join(map(str, grid))


def _array_run(file: Path) -> FieldSeries:
    """A run of an npz file, or of a zarr folder or zip."""
    arrays, names = _zarr(file) if file.is_dir() or _is_zarr_zip(file) else _npz(file)
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        held = ", ".join(sorted(names)) or "nothing"
        raise UnreadableFile(
            f"{file} has no {' and no '.join(missing)}; it must hold the arrays time (n,) and fields (n, x[, y[, z]]), "
            f"it holds {held}"
        )
    time, fields = (arrays[name] for name in _NAMES)
    if fields.ndim not in (2, 3, 4) or time.ndim != 1 or len(time) != len(fields) or 0 in fields.shape:
        raise UnreadableFile(
            f"{file}: fields must be (n, x[, y[, z]]) and time (n,), got the shapes {fields.shape} and {time.shape}"
        )
    return _run(str(file), time, fields)


def _run(name: str, time: NDArray[Any], fields: NDArray[Any], how: str = "") -> FieldSeries:
    """A checked run."""
    fields = _magnetisations(fields, name)
    if time.dtype.kind not in "fiu" or not np.isfinite(time).all():
        raise UnreadableFile(f"{name}: time must hold finite numbers")
    t = np.asarray(time, dtype=float)
    steps = np.diff(t)
    if len(t) > 1 and not (steps.min() > 0 and np.ptp(steps) <= _UNEQUAL * steps.mean()):
        at = int(np.argmax(np.abs(steps - np.median(steps))))
        raise UnreadableFile(
            f"{name}: times must be evenly spaced and ascending, got steps of {np.median(steps):g} and, after time "
            f"{t[at]:g}, {steps[at]:g}; make each even stretch a file of its own"
        )
    apart = f" from {t[0]:g} to {t[-1]:g}, {steps.mean():g} apart" if len(t) > 1 else f" {t[0]:g} alone"
    many = f"{len(t)} times" if len(t) > 1 else "time"
    return FieldSeries(t, fields, f"{name}: {many}{apart}, fields of {by(fields.shape[1:])} blocks{how}")


def _magnetisations(fields: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Numbers in [-1, 1]."""
    if fields.dtype.kind not in "fiu" or not fields.size:
        raise UnreadableFile(f"{name}: fields must hold numbers, got the type {fields.dtype} and shape {fields.shape}")
    if not np.isfinite(fields).all():
        at = np.argwhere(~np.isfinite(fields))
        raise UnreadableFile(
            f"{name} holds nan or infinite values, {len(at)} of them, the first at {tuple(at[0].tolist())}"
        )
    if max(float(fields.max()), -float(fields.min())) > 1 + _ROUNDING:
        raise UnreadableFile(
            f"{name}: fields must be magnetisations from -1 to 1, got {fields.min():g} to {fields.max():g}; "
            "divide them by that of saturation"
        )
    return np.asarray(np.clip(fields, -1, 1), dtype=np.float32)


def _npz(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Those of the two arrays that a file has, and the names of all."""
    with reading(file, _KIND, _COMPLAINT, "; give .npz, zarr, or OVF files") as found:
        with found.open("rb") as begin:
            is_array = begin.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
        if not is_array and not zipfile.is_zipfile(found):
            raise ValueError("it is no archive of arrays")
        held = np.load(found, allow_pickle=False)
        if not isinstance(held, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array without a name")
        with held, zipfile.ZipFile(found) as archive:
            bound_of_unpacked(sum(member.file_size for member in archive.infolist()), found.stat().st_size)
            return {name: held[name] for name in _NAMES if name in held.files}, held.files


def _is_zarr_zip(file: Path) -> bool:
    """Whether a zip archive is that of a zarr group."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.rsplit("/", 1)[-1] in ("zarr.json", ".zgroup") for name in archive.namelist())


def _zarr(file: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The same of a zarr group; nothing but numbers is unpacked, since objects may be pickled."""
    import zarr

    try:
        store: Any = zarr.storage.ZipStore(file, mode="r") if file.is_file() else str(file)
        group = zarr.open_group(store, mode="r")
        held: dict[str, Any] = {name: group[name] for name in _NAMES if name in group}
        for name, array in held.items():
            if not isinstance(array, zarr.Array) or array.dtype.kind not in "fiu":
                raise ValueError(f"{name} is no array of numbers")
        size = float(sum(array.nbytes for array in held.values()))
        bound_of_unpacked(size, _bytes_of(file))
        bound_of_memory(size, f"the fields of {file}")
        return {name: np.asarray(array[...]) for name, array in held.items()}, _members(file)
    except Exception as error:  # zarr fails in as many ways as there are damages
        advice = "a folder holds OVF files or is a zarr group"
        raise UnreadableFile(f"{file} {_COMPLAINT} ({plain(error)}); {advice}") from None


def _members(file: Path) -> list[str]:
    """Names of what a zarr group holds."""
    if file.is_dir():
        return [found.name for found in file.iterdir() if found.is_dir()]
    with zipfile.ZipFile(file) as archive:
        return list({name.partition("/")[0] for name in archive.namelist() if "/" in name})


def _bytes_of(file: Path) -> int:
    """Bytes of a file, or of all in a folder."""
    return sum(found.stat().st_size for found in (file.rglob("*") if file.is_dir() else [file]))


def _ovf_files(file: Path) -> list[Path]:
    """An OVF file itself, those of a folder in the order of their names, or none."""
    if file.is_dir():
        return sorted(found for found in file.iterdir() if found.suffix.lower() in _OVF)
    return [file] if file.suffix.lower() in _OVF else []


def _ovf_run(files: Sequence[Path], component: str) -> FieldSeries:
    """One run of OVF files, in the order of the times in their headers; one file needs no time."""
    fields_of = _ovf_reader()
    vectors = [_ovf(file, fields_of) for file in files]
    shapes = {v.shape for v in vectors}
    if len(shapes) > 1:
        odd = next(file for file, v in zip(files, vectors, strict=True) if v.shape != vectors[0].shape)
        raise UnreadableFile(f"{odd} has another grid than {files[0]}; give files of one run")
    times = np.array([0.0]) if len(files) == 1 else np.array([_ovf_time(file) for file in files])
    order = np.argsort(times, kind="stable")
    length = max(float(np.linalg.norm(v, axis=-1).max()) for v in vectors)
    how = f" (component {component})"
    if length > 1 + _ROUNDING:
        how = f" (component {component}, divided by the longest vector, {length:g})"
    scale = max(1.0, length) if length > 1 + _ROUNDING else 1.0
    fields = np.stack([vectors[k][..., COMPONENTS.index(component)] / scale for k in order])
    grid = tuple(n for n in fields.shape[1:] if n > 1) or (1,)
    name = str(files[0]) if len(files) == 1 else f"{len(files)} OVF files, {files[0]} to {files[-1].name}"
    return _run(name, times[order], fields.reshape(len(files), *grid), how)


def _ovf_reader() -> Any:
    """The class of discretisedfield that reads OVF files."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import discretisedfield
    except ImportError:
        raise ValueError("OVF files are read by discretisedfield; get it by pip install 'asemacro[fields]'") from None
    return discretisedfield.Field


def _ovf(file: Path, reader: Any) -> NDArray[Any]:
    """(x, y, z, 3) vectors of a file."""
    with reading(file, _KIND, "is not a readable OVF file") as found, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = np.asarray(reader.from_file(str(found)).array)
        if vectors.ndim != 4 or vectors.shape[-1] != 3:
            raise ValueError(f"it holds {vectors.shape[-1]} numbers a cell, not vectors of three")
        return vectors


def _ovf_time(file: Path) -> float:
    """The time in the header of an OVF file.

    Raises:
        UnreadableFile: it has none.
    """
    with reading(file, _KIND, "is not a readable OVF file") as found, found.open("rb") as stream:
        match = _TIME.search(stream.read(_HEADER_BYTES).split(b"Begin: Data")[0])
    if match is None:
        raise UnreadableFile(
            f"{file} has no 'Total simulation time' in its header; write the fields with their times to an npz file"
        )
    return float(match[1])
