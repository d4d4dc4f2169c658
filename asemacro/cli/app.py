"""The command `asemacro`: thin verbs over the functions that scripts call.

Exit codes: 0 done, 2 bad input (one line on standard error), 130 interrupted by Ctrl-C, 143 ended by SIGTERM.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli import barriers as cli_barriers
from asemacro.cli import bench, furnace, systems, transport
from asemacro.cli.executor import with_executor
from asemacro.cli.numbers import (
    HOPS,
    MOST_EXTENT,
    MOST_SHELLS,
    MOST_SWEEPS,
    RUNS,
    SHELLS,
    SITES,
    SWEEPS,
    TIME,
    Count,
    CountOrAll,
    Kelvin,
    Number,
)
from asemacro.cli.options import (
    AnnealOption,
    BarriersOption,
    ConcentrationOption,
    EnergyOption,
    Figure,
    FolderOption,
    ForceOption,
    FormatOption,
    IndexOption,
    MixOption,
    QuietOption,
    Radiation,
    SeedOption,
    StructureArgument,
    SublatticeOption,
    TemperaturesOption,
    ToleranceOption,
    TypesOption,
    VacanciesOption,
    VerboseOption,
    VersionOption,
    WorkersOption,
    output_path,
    reading_of,
)
from asemacro.tasks.interrupts import interrupted, sigterm_like_ctrl_c
from asemacro.tasks.run_log import Loudness, set_loudness

app = typer.Typer(
    name="asemacro",
    help="Kinetics of big systems (order in alloys, spins, fields), learned from simulations of small ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(furnace.app)
app.add_typer(systems.app)
app.add_typer(transport.app)
app.add_typer(bench.app)
app.add_typer(cli_barriers.app, name="barriers")


@app.callback()
def options_of_all(
    version: VersionOption = False,
) -> None:
    """What `asemacro` itself takes, before a verb."""


@app.command("phase-diagram")
@with_executor
def phase_diagram_verb(
    structure: StructureArgument,
    output: FolderOption = Path("phase-diagram"),
    temperatures: Annotated[
        str, typer.Option(help="START:STOP:STEP in K, the end included, or a comma-separated list.")
    ] = "400,600,800,1000,1200,1400,1600,1800,2000,2300,2600,3000",
    anneal: AnnealOption = None,
    time: Annotated[float | None, typer.Option("--time", parser=TIME, help="Anneal in seconds instead.")] = None,
    seeds: Annotated[
        int, typer.Option(parser=RUNS, help="Simulations at each temperature: this times SITES / SMALL.")
    ] = 1,
    hops: Annotated[
        int | None,
        typer.Option(parser=HOPS, help="Most hops per simulation and vacancy (default 6e5, fewer where slow)."),
    ] = None,
    sweeps: Annotated[
        int | None,
        typer.Option(
            parser=SWEEPS, help="Swap Monte Carlo at each temperature, for barriers with an energy (default 400)."
        ),
    ] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Add direct KMC of the predicted cell.")] = False,
    vacancy_formation_energy: EnergyOption = None,
    barriers: BarriersOption = None,
    sites: Annotated[int, typer.Option(parser=SITES, help="Least sites of the predicted cell.")] = 8192,
    small: Annotated[int, typer.Option(parser=SITES, help="Least sites of the simulated cells.")] = 1024,
    vacancies: VacanciesOption = None,
    vacancy_concentration: ConcentrationOption = None,
    shell_tolerance: ToleranceOption = None,
    format: FormatOption = None,
    types: TypesOption = None,
    index: IndexOption = None,
    sublattice: SublatticeOption = None,
    mix_sublattices: MixOption = False,
    html: Annotated[bool, typer.Option("--html", help="A page of HTML of the results, as `report` makes.")] = False,
    force: ForceOption = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Order over temperature: at equilibrium, and after an anneal from random."""
    from asemacro.studies.alloy.commands import run_phase_diagram

    run_phase_diagram(
        structure,
        output,
        reading=reading_of(format, types, index, sublattice),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        temperatures=temperatures,
        anneal_hops=anneal,
        anneal_time_s=time,
        seeds=seeds,
        hops=hops,
        sweeps=sweeps,
        direct=direct,
        vacancy_formation_energy_eV=vacancy_formation_energy,
        barriers=barriers,
        sites=sites,
        small=small,
        vacancies=vacancies,
        vacancy_concentration=vacancy_concentration,
        html=html,
        force=force,
        seed=seed,
        workers=workers,
    )


@app.command("equilibrium")
@with_executor
def equilibrium_verb(
    structure: StructureArgument,
    output: FolderOption = Path("equilibrium"),
    temperatures: TemperaturesOption = "400:3000:100",
    shells: Annotated[int, typer.Option(parser=SHELLS, help="Neighbour shells of the pairs.")] = 3,
    barriers: BarriersOption = None,
    sites: Annotated[
        int, typer.Option(parser=SITES, help="Least sites of the large cell; a small one is added.")
    ] = 1024,
    sweeps: Annotated[
        int | None,
        typer.Option(
            parser=Count(40, MOST_SWEEPS), help="Of each chain and temperature (default 600, pair energies 3000)."
        ),
    ] = None,
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
    """Equilibrium by swaps alone: order, energy, heat capacity, temperature of order."""
    from asemacro.studies.ordering.command import run_equilibrium

    run_equilibrium(
        structure,
        output,
        reading=reading_of(format, types, index, sublattice),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        temperatures=temperatures,
        shells=shells,
        barriers=barriers,
        sites=sites,
        sweeps=sweeps,
        force=force,
        seed=seed,
        workers=workers,
    )


@app.command("kmc")
def kmc_verb(
    structure: StructureArgument,
    temperature: Annotated[float, typer.Option("-T", "--temperature", parser=Kelvin(), help="Temperature in K.")],
    hops: Annotated[
        int | None,
        typer.Option(parser=HOPS, help="Stop after this many hops, of all vacancies together (default 1e5)."),
    ] = None,
    time: Annotated[float | None, typer.Option("--time", parser=TIME, help="Stop after this many seconds.")] = None,
    output: FolderOption = Path("kmc"),
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
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """One vacancy KMC run: order over time, final state, trajectory."""
    from asemacro.studies.alloy.kmc_command import run_kmc

    run_kmc(
        structure,
        output,
        reading=reading_of(format, types, index, sublattice),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        temperature_K=temperature,
        hops=hops,
        time_s=time,
        barriers=barriers,
        sites=sites,
        vacancies=vacancies,
        vacancy_concentration=vacancy_concentration,
        force=force,
        seed=seed,
    )


@app.command("sro")
def sro_verb(
    files: Annotated[list[str], typer.Argument(help="Structure files; FILE@INDEX or FILE@: for frames of one.")],
    shells: Annotated[
        str,
        typer.Option(
            parser=CountOrAll(1, MOST_SHELLS),
            help="Neighbour shells; all: those within half the cell.",
            metavar="N|all",
        ),
    ] = "1",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            parser=output_path,
            help="Folder for the table, a figure, and the atoms with the order round each for OVITO and ase gui.",
            metavar="FOLDER",
        ),
    ] = None,
    scattering: Annotated[
        Radiation | None, typer.Option(help="Diffuse scattering of the structures, their mean, in Laue units.")
    ] = None,
    plane: Annotated[
        str | None, typer.Option(help="Of reciprocal space: hk0 (default), hhl, hk1/2, h,k,-h-k.", metavar="PLANE")
    ] = None,
    extent: Annotated[
        float | None, typer.Option(parser=Number(0, MOST_EXTENT), help="Its letters run from 0 to this (default 2).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    shell_tolerance: ToleranceOption = None,
    format: FormatOption = None,
    types: TypesOption = None,
    index: Annotated[
        str | None, typer.Option("--index", help="Frames, -1 or START:STOP:STEP as ::10 (default: the last one).")
    ] = None,
    sublattice: SublatticeOption = None,
    force: ForceOption = False,
) -> None:
    """Warren-Cowley order of structures, a row for each frame, shell and pair."""
    from asemacro.studies.alloy.sro_command import run_sro

    reading = reading_of(format, types, index, sublattice)
    run_sro(
        files,
        output,
        force=force,
        as_json=as_json,
        scattering=None if scattering is None else scattering.value,
        plane=plane,
        extent=extent,
        shells=shells,
        shell_tolerance=shell_tolerance,
        reading=reading,
    )


@app.command("report")
def report_verb(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="FOLDER")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", parser=output_path, help="The page (default report.html in FOLDER).", metavar="FILE"
        ),
    ] = None,
) -> None:
    """One HTML page of a run: interactive figures, atoms, table, how it was made, what to cite."""
    from asemacro.studies.report import write_report

    print(f"wrote {write_report(folder, output)}")


@app.command("info")
def info_verb(
    folder: Annotated[
        Path | None, typer.Argument(help="With --citations: folder of a finished run.", metavar="[FOLDER]")
    ] = None,
    citations: Annotated[
        bool, typer.Option("--citations", help="What the results of that run (without FOLDER: of any) should cite.")
    ] = False,
) -> None:
    """Versions, barrier models and their cards; or what to cite, as BibTeX."""
    if citations:
        from asemacro.studies.report import citations as what_to_cite

        print(what_to_cite(folder))
        return
    if folder is not None:
        raise ValueError(f"info takes a folder only with --citations; {folder} is left over")
    from asemacro.barriers.load import available, card, load_barriers
    from asemacro.files.store import run_record

    record = run_record({}, 0, 0.0)
    print(f"asemacro {record['asemacro']}")
    for package, version in record["packages"].items():
        print(f"  {package} {version}")
    for name in available():
        model = load_barriers(name)
        print(f"\nbarrier model {name}: {'-'.join(model.species or ())} on {model.prototype}\n")
        print(card(name))


@app.command("reproduce")
def reproduce_verb(
    figure: Annotated[Figure, typer.Argument(help="A figure of arXiv 2511.12842, partial-... of 2410.23938, or all.")],
    quick: Annotated[bool, typer.Option("--quick", help="Minutes instead of up to 45, with larger errors.")] = False,
    output: FolderOption = Path("reproduced"),
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run a published figure again: CSV, PNG, and published against present numbers."""
    from asemacro.studies.paper.command import run_reproduce

    run_reproduce(figure.value, output, quick=quick, seed=seed)


def main() -> None:
    """Entry point: every expected failure is one line on standard error and an exit code."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("asemacro").setLevel(logging.INFO)
    set_loudness(Loudness.ORDINARY)
    with sigterm_like_ctrl_c() as stop:
        try:
            code = app(standalone_mode=False)
        except (KeyboardInterrupt, InterruptedError) as interrupt:
            _fail(str(interrupt) or "interrupted", stop.exit_code)
        except Exception as error:
            if interrupted(error):
                _fail("interrupted", stop.exit_code)
            if isinstance(error, ValueError | OSError):
                _fail(str(error), 2)
            # click's usage errors; typer may carry its own copy of click, so they are known by their method
            if not hasattr(error, "format_message"):
                raise
            _fail(error.format_message().replace("Value error, ", ""), 2)  # a prefix of the library that reads choices
        if code == 130:  # typer's own way of saying Ctrl-C
            _fail("interrupted", stop.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    line = " ".join(message.split())
    print(f"asemacro: {line}", file=sys.stderr)
    sys.exit(code)
