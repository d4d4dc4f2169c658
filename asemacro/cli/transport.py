"""The command `asemacro diffusion`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.executor import with_executor
from asemacro.cli.numbers import LONG_RUN, MOST_EV, SITES, Count, Number
from asemacro.cli.options import (
    BarriersOption,
    ConcentrationOption,
    FolderOption,
    ForceOption,
    FormatOption,
    IndexOption,
    MixOption,
    QuietOption,
    SeedOption,
    StructureArgument,
    SublatticeOption,
    TemperaturesOption,
    ToleranceOption,
    TypesOption,
    VacanciesOption,
    VerboseOption,
    WorkersOption,
    reading_of,
)

app = typer.Typer()


@app.command("diffusion")
@with_executor
def diffusion_verb(
    structure: StructureArgument,
    temperatures: TemperaturesOption = "1200:2000:200",
    output: FolderOption = Path("diffusion"),
    hops: Annotated[int, typer.Option(parser=LONG_RUN, help="Hops of each run, of all vacancies together.")] = 40_000,
    settle: Annotated[
        int | None, typer.Option(parser=LONG_RUN, help="Hops before them, by which order settles (default HOPS).")
    ] = None,
    runs: Annotated[int, typer.Option(parser=Count(4, 10_000), help="Independent runs at each temperature.")] = 16,
    vacancy_formation_energy: Annotated[
        float | None, typer.Option(parser=Number(0, MOST_EV), help="In eV: D also for thermal vacancies.")
    ] = None,
    barriers: BarriersOption = None,
    sites: Annotated[int, typer.Option(parser=SITES, help="Least sites of the simulated cell.")] = 1024,
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
    """Diffusion of each species and the vacancy over temperature: D, correlation factors, Onsager coefficients."""
    from asemacro.studies.transport.command import run_diffusion

    run_diffusion(
        structure,
        output,
        reading=reading_of(format, types, index, sublattice),
        temperatures=temperatures,
        hops=hops,
        settle_hops=settle,
        runs=runs,
        vacancy_formation_energy_eV=vacancy_formation_energy,
        barriers=barriers,
        sites=sites,
        vacancies=vacancies,
        vacancy_concentration=vacancy_concentration,
        shell_tolerance=shell_tolerance,
        mix_sublattices=mix_sublattices,
        force=force,
        seed=seed,
        workers=workers,
    )
