"""The command `asemacro bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.options import ForceOption, QuietOption, VerboseOption, output_path

app = typer.Typer()


@app.command("bench")
def bench_verb(
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help="Some of kmc, kmc-sizes, kmc-vacancies, swap, ising, kac, order, pairs, sde (default all).",
            metavar="KERNEL[,...]",
        ),
    ] = None,
    barriers: Annotated[
        str | None,
        typer.Option(
            "--barriers",
            help="One more barrier model beside pair, nbmota and refractory: name or file.",
            metavar="NAME|FILE",
        ),
    ] = None,
    large: Annotated[bool, typer.Option("--large", help="Systems of 10^8 sites too.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small systems, few events: whether it works, not how fast it is.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", parser=output_path, help="Folder for bench.csv and run.json.", metavar="FOLDER"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    force: ForceOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Speed of each kernel on this machine, beside a plain NumPy version of the same law."""
    from asemacro.studies.speed.command import run_bench

    run_bench(output, force=force, as_json=as_json, only=only, barriers=barriers, quick=quick, large=large)
