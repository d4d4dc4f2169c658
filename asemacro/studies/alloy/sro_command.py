"""What the command sro does: the order of every frame of every file, then the files that could not be read."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, locate, read_frames
from asemacro.observables.scattering import ScatteringMean
from asemacro.observables.short_range_order import ShortRangeOrder, warren_cowley
from asemacro.studies.alloy.sro_measured import Measured
from asemacro.studies.alloy.sro_results import FrameFile, results, streamed
from asemacro.studies.alloy.sro_scattering import asked, scattering_files, take, told
from asemacro.tasks.run_folder import RunFolder

say = logging.getLogger("asemacro")
LEGEND = (
    "# alpha = 1 - p / (Z c) and delta = p - Z c (positive: favoured) with p neighbours of the second species "
    "around the first, Z neighbours in all, c the second's fraction of the atoms; alpha_atoms: neighbours that are "
    "vacancies left out"
)


def run_sro(
    files: Sequence[str],
    output: str | Path | None = None,
    *,
    force: bool = False,
    as_json: bool = False,
    scattering: str | None = None,
    plane: str | None = None,
    extent: float | None = None,
    **options: Any,
) -> None:
    """Print Warren-Cowley parameters, a row for each frame, shell and pair, as a table or as JSON.

    Args:
        files: structure files.
        output: folder for the rows, the frames with the order of each atom, and a figure; None for none.
        force: replace the results of another command there.
        as_json: print JSON.
        scattering: "xray" or "neutron" for the diffuse scattering of the structures, their mean; None for none.
        plane: of reciprocal space, see `read_plane`.
        extent: to which the letters of the plane run.
        options: see `_measure`.

    Raises:
        ValueError: a file or frame has no order to speak of. The rows of the others are printed and written before; of
            several bad ones all but the last are said on standard error, the last is the error.
    """
    started = time.perf_counter()
    mean = asked(scattering, plane, extent, output)
    if len(files) == 1:  # a wrong name is told before a word on the folder; of several the others still have their rows
        locate(files[0], options["reading"].get("index"))
    if output is None:
        measured = _measure(files, None, None, **options)
        _tell(measured, as_json)
    else:
        with RunFolder(output, "sro", force=force) as folder, streamed(folder.path) as stream:
            measured = _measure(files, stream, mean, **options)
            _tell(measured, as_json)
            if measured.rows:
                arguments = {"files": list(files), "shells": options["shells"], **options["reading"]}
                content = results(measured, stream)
                if mean is not None and (found := mean.result()) is not None:
                    arguments |= {"scattering": scattering, "plane": plane, "extent": extent}
                    content = {**content, **scattering_files(found)}
                    for line in told(found):
                        print(line, file=sys.stderr)
                record = run_record(arguments, 0, time.perf_counter() - started, frames=measured.count)
                written = folder.publish(content, record)
                print(f"wrote {', '.join(path.name for path in written)} to {output}", file=sys.stderr)
    for line in measured.bad[:-1]:
        print(f"asemacro: {line}", file=sys.stderr)
    if measured.bad:
        raise ValueError(measured.bad[-1])


def _measure(
    files: Sequence[str],
    stream: FrameFile | None,
    mean: ScatteringMean | None,
    *,
    shells: int | str,
    shell_tolerance: float | None,
    reading: Reading,
) -> Measured:
    """The order of all frames.

    Args:
        files: structure files.
        stream: takes each frame with the order of its atoms.
        mean: takes the arrangement of each.
        shells: number of neighbour shells, or "all", see `warren_cowley`.
        shell_tolerance: see `warren_cowley`.
        reading: how the files are read.
    """
    measured = Measured()
    for file in files:
        said: set[str] = set()  # a remark is made once a file, at the first frame that it is true of
        with _notes_of(file if len(files) > 1 else ""):
            try:
                frames = read_frames(file, **reading)
            except ValueError as error:
                measured.bad.append(_named(file, error))
                continue
            for frame in frames:
                name = f"{file} frame {frame.number}" if len(frames) > 1 else file
                try:
                    order = warren_cowley(frame.atoms, shells, shell_tolerance=shell_tolerance)
                except ValueError as error:
                    measured.bad.append(_named(name, error))
                    continue
                for remark in _remarks(order):
                    if remark not in said:
                        print(f"{name}: {remark}", file=sys.stderr)
                        said.add(remark)
                if stream is not None:
                    stream.take(file, frame, order)
                measured.add(file, frame, order)
                if mean is not None:
                    try:
                        take(mean, order)
                    except ValueError as error:
                        measured.bad.append(_named(name, error))
    return measured


def _tell(measured: Measured, as_json: bool) -> None:
    """Print the rows, and where there are enough frames of a file their means."""
    if as_json:
        print(json.dumps(measured.rows, indent=2, allow_nan=False))
    elif measured.rows:
        _print_table(measured.rows)
    for remark in measured.remarks():
        print(remark, file=sys.stderr)
    if not as_json:
        for mean in measured.means():
            print(
                f"# {mean.file}: mean of {mean.frames} frames, {mean.pair} in shell {mean.shell}: "
                f"alpha {mean.alpha:.4f} +- {mean.alpha_err:.4f}, delta {mean.delta:.4f} +- {mean.delta_err:.4f}"
            )


@contextlib.contextmanager
def _notes_of(file: str) -> Iterator[None]:
    """What is said meanwhile carries the name of the file, and is said once however many frames it is true of."""
    said: set[str] = set()

    def first_time(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if text in said:
            return False
        said.add(text)
        if file and not text.startswith(file.rsplit("@", 1)[0]):
            record.msg, record.args = f"{file}: {text}", ()
        return True

    say.addFilter(first_time)
    try:
        yield
    finally:
        say.removeFilter(first_time)


def _named(name: str, error: ValueError) -> str:
    text = " ".join(str(error).split())
    return text if text.startswith((name, name.rsplit("@", 1)[0])) else f"{name}: {text}"


def _remarks(order: ShortRangeOrder) -> list[str]:
    """What a reader of the rows must know."""
    remarks = [f"{order.lattice.prototype}, {order.lattice.n_sites} sites in the cell"]
    if order.random_alloy:
        remarks.append(
            "fractional occupancy, values are those of the random alloy (atoms at random on the sites, each site with "
            "its own occupancies)"
        )
    if order.vacant > 0:
        remarks.append(
            f"{100 * order.vacant:.3g} % of the sites are vacant; alpha counts a vacancy as a neighbour of no species "
            f"(of the random alloy it is {order.vacant:.3g} for every pair), alpha_atoms counts atoms only (0)"
        )
    return remarks


def _print_table(rows: list[dict[str, Any]]) -> None:
    """The rows under a head; frames and times only if there are any to tell apart."""
    several = len({(row["file"], row["frame"]) for row in rows}) > len({row["file"] for row in rows})
    framed = several or any(row["frame"] or row["time"] is not None for row in rows)
    timed = any(row["time"] is not None for row in rows)
    width = max(32, *(len(row["file"]) for row in rows))
    head = f"{'file':<{width}} "
    head += f"{'frame':>6} " if framed else ""
    head += f"{'time':>11} " if timed else ""
    print(LEGEND)
    print(head + f"{'pair':<6} {'shell':>5} {'neighbours':>10} {'alpha':>9} {'delta':>9} {'alpha_atoms':>11}")
    for row in rows:
        line = f"{row['file']:<{width}} "
        line += f"{row['frame']:>6d} " if framed else ""
        line += f"{'' if row['time'] is None else format(row['time'], '.5g'):>11} " if timed else ""
        columns = (("alpha", 9), ("delta", 9), ("alpha_atoms", 11))
        # rounded, then + 0.0: no "-0.0000" for a random alloy
        values = (f"{'-' if row[k] is None else format(round(row[k], 4) + 0.0, '.4f'):>{size}}" for k, size in columns)
        print(line + f"{row['pair']:<6} {row['shell']:>5d} {row['neighbours']:>10d} {' '.join(values)}")
