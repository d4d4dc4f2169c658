"""What the command bench does around the function: progress, table, files."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from asemacro.files.store import run_record, without_nan, write_csv
from asemacro.studies.speed.speeds import Speed, Speeds, benchmark
from asemacro.tasks.run_folder import RunFolder

BUSY = 1.1
"""Wall time over processor time from which the machine did much else."""


def run_bench(output: Path | None = None, *, force: bool = False, as_json: bool = False, **options: Any) -> None:
    """Verb bench: the table, as JSON if asked for; bench.csv and run.json in a folder if one is given.

    Args:
        output: the folder, or None.
        force: replace the results of another command there.
        as_json: print JSON.
        options: of `benchmark`.
    """
    if output is None:
        tell(benchmark(**options, progress=True), as_json)
        return
    started = time.perf_counter()
    with RunFolder(output, "bench", force=force) as folder:
        found = benchmark(**options, progress=True)
        wall_s = time.perf_counter() - started
        record = run_record(options, 0, wall_s, machine=found.machine, wall_over_processor_time=found.busy)
        files = {"bench.csv": lambda path: write_csv(path, found.columns, found.table())}
        written = folder.publish(files, without_nan(record))
        if not as_json:
            tell(found, as_json)
        print(f"wrote {', '.join(path.name for path in written)} to {folder.path}", file=sys.stderr)
    if as_json:  # whoever asked for it wants it with --quiet too
        tell(found, as_json)


def tell(found: Speeds, as_json: bool) -> None:
    """Print the measurements."""
    if as_json:
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.table()]
        print(json.dumps(without_nan({"machine": found.machine, "rows": rows}), indent=2, allow_nan=False))
        return
    m = found.machine
    print(f"asemacro {m['asemacro']}, {m['date']}: {m['processor']}, {m['cores']} core{'s' * (m['cores'] > 1)}")
    print(", ".join(f"{name} {m[name]}" for name in ("python", "numpy", "numba", "torch", "scipy")))
    head = ("kernel", "system", "sites", "vacancies", "T", "cores", "rate", "ns each", "B/site", "cache hits", "ratio")
    lines = [head, *(_cells(row) for row in found.rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[:2] = (cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True))
        print("  ".join(cells).rstrip())
    for sentence in _said(found):
        print(sentence)


def _cells(row: Speed) -> tuple[str, ...]:
    """A row as it is printed."""
    if row.over_one_core is not None:
        ratio = f"{row.over_one_core:.2f} x one core"
    else:
        ratio = "" if row.over_plain is None else f"{_short(row.over_plain)} x plain"
    return (
        row.kernel,
        row.system,
        f"{row.sites:,}" if row.sites else "",
        f"{row.carriers:,}" if row.carriers else "",
        f"{row.temperature:g} {row.temperature_unit}" if row.temperature else "",
        str(row.cores),
        f"{row.per_second:.2e} {row.counted}/s",
        _short(row.ns_each),
        "" if row.bytes_per_site is None else _short(row.bytes_per_site) + "*" * (row.bytes_are == "peak"),
        "" if row.cache_hit_rate is None else f"{100 * row.cache_hit_rate:.0f} %",
        ratio,
    )


def _short(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _said(found: Speeds) -> list[str]:
    """Sentences below the table."""
    first: dict[str, float] = {}
    for row in found.rows:
        first[row.kernel] = first.get(row.kernel, 0.0) + (row.first_call_s or 0.0)
    calls = ", ".join(f"{kernel} {seconds:.1f} s" for kernel, seconds in first.items())
    said = [
        "one core: by processor time, over the same law in plain NumPy; two: both runs together, by the wall clock",
        "B/site: bytes in the midst of a run, * the most at a time; with its start, without the cache of barriers",
        f"first calls, which compile kernels or read compiled ones and are not in the rates: {calls}",
    ]
    if found.machine["cores"] < 2:
        said.append("this process has one core: nothing was measured on two")
    if found.busy > BUSY:
        said.append(
            f"the machine was busy: runs took {found.busy:.2f} times their processor time, so rates of two cores are "
            "too low, and those of one may be"
        )
    return said
