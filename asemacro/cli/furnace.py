"""The verb anneal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.executor import with_executor
from asemacro.cli.numbers import HOPS, MOST_FIELD, RUNS, SITES, SWEEPS, Number
from asemacro.cli.options import (
    BarriersOption,
    ConcentrationOption,
    EnergyOption,
    FolderOption,
    ForceOption,
    FormatOption,
    IndexOption,
    MixOption,
    QuietOption,
    SeedOption,
    SublatticeOption,
    ToleranceOption,
    TypesOption,
    VacanciesOption,
    VerboseOption,
    WorkersOption,
    reading_of,
)

app = typer.Typer()


@app.command("anneal")
@with_executor
def anneal_verb(
    known: Annotated[
        Path,
        typer.Argument(
            help="Structure file (learned first, as by phase-diagram), or the folder of a finished phase-diagram.",
            metavar="STRUCTURE|FOLDER",
        ),
    ],
    schedule: Annotated[
        str,
        typer.Option(
            help="Stages in K or C, s, min, h or d: '1200K 1h; cool 5K/s to 900K; 900K 100h'.", metavar="STAGES"
        ),
    ],
    output: FolderOption = Path("anneal"),
    vacancy_formation_energy: EnergyOption = None,
    vacancy_formation_entropy: Annotated[
        float, typer.Option(parser=Number(None, MOST_FIELD), help="Of a vacancy, in k.")
    ] = 0.0,
    sinks: Annotated[
        str | None,
        typer.Option(
            help="Grain radius, 10um: sinks of vacancies. Default 'everywhere', always at equilibrium; 'none'.",
            metavar="LENGTH",
        ),
    ] = None,
    temperatures: Annotated[
        str | None, typer.Option(help="To learn at, START:STOP:STEP or a list (400,600,...,3000).")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(parser=RUNS, help="Simulations at each: this times SITES / SMALL (1).")
    ] = None,
    hops: Annotated[
        int | None, typer.Option(parser=HOPS, help="Most hops per simulation and vacancy (6e5, fewer where slow).")
    ] = None,
    sweeps: Annotated[int | None, typer.Option(parser=SWEEPS, help="Swap Monte Carlo, with an energy (400).")] = None,
    barriers: BarriersOption = None,
    sites: Annotated[int | None, typer.Option(parser=SITES, help="Least sites of the predicted cell (8192).")] = None,
    small: Annotated[int | None, typer.Option(parser=SITES, help="Least sites of simulated cells (1024).")] = None,
    vacancies: VacanciesOption = None,
    vacancy_concentration: ConcentrationOption = None,
    shell_tolerance: ToleranceOption = None,
    format: FormatOption = None,
    types: TypesOption = None,
    index: IndexOption = None,
    sublattice: SublatticeOption = None,
    mix_sublattices: MixOption = False,
    force: ForceOption = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Order over the programme of a furnace, in furnace time, from random."""
    from asemacro.studies.furnace.commands import run_anneal

    run_anneal(
        known,
        output,
        schedule=schedule,
        vacancy_formation_energy=vacancy_formation_energy,
        vacancy_formation_entropy=vacancy_formation_entropy,
        sinks=sinks,
        temperatures=temperatures,
        seeds=seeds,
        hops=hops,
        sweeps=sweeps,
        barriers=barriers,
        sites=sites,
        small=small,
        vacancies=vacancies,
        vacancy_concentration=vacancy_concentration,
        shell_tolerance=shell_tolerance,
        mix_sublattices=mix_sublattices or None,
        reading=reading_of(format, types, index, sublattice),
        force=force,
        seed=seed,
        workers=workers,
    )
