"""Options that several verbs of the command share."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asemacro.cli.numbers import (
    HOPS,
    MOST_ANNEAL_HOPS,
    MOST_EV,
    MOST_FIELD,
    MOST_RANGE,
    MOST_SEED,
    MOST_WORKERS,
    RUNS,
    SITES,
    TIME,
    Count,
    Number,
)
from asemacro.tasks.run_log import Loudness, set_loudness
from asemacro.version import __version__

if TYPE_CHECKING:
    from asemacro.lattice.reading.structure_file import Reading


class Form(enum.StrEnum):
    """Forms of barrier networks."""

    direct = "direct"
    consistent = "consistent"


class Radiation(enum.StrEnum):
    """What is scattered."""

    xray = "xray"
    neutron = "neutron"


Figure = enum.StrEnum(
    "Figure",
    {
        "fig2": "fig2",
        "fig3a": "fig3a",
        "fig3b": "fig3b",
        "fig4": "fig4",
        "fig5": "fig5",
        "fig6": "fig6",
        "fig7": "fig7",
        "fig8a": "fig8a",
        "fig8b": "fig8b",
        "fig8c": "fig8c",
        "partial_table1": "partial-table1",
        "partial_table2": "partial-table2",
        "partial_table3": "partial-table3",
        "partial_fig3": "partial-fig3",
        "partial_fig4": "partial-fig4",
        "partial_fig6": "partial-fig6",
        "partial_fig8": "partial-fig8",
        "onsagerflow": "onsagerflow",
        "all": "all",
    },
)
"""Figures of arXiv 2511.12842, with `partial-` those of arXiv 2410.23938, and block fields."""


def output_path(text: str | Path) -> Path:
    """A parser of where results go; the empty name, often that of an unset variable in a script, is refused."""
    if not str(text).strip():
        raise typer.BadParameter("an empty name; -o . writes into the present folder")
    return Path(text)


StructureArgument = Annotated[
    Path, typer.Argument(help="CIF, POSCAR, extxyz ... any file ASE reads; FILE@INDEX is a frame of it.")
]
SystemArgument = Annotated[
    str,
    typer.Argument(
        help="ising, curie-weiss, kac-ising, heisenberg, predator-prey, or a structure file.",
        metavar="SYSTEM|STRUCTURE",
    ),
]
FolderOption = Annotated[
    Path, typer.Option("-o", "--output", parser=output_path, help="Folder for the results.", metavar="FOLDER")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Format of the structure file, as ASE names it (default: told by it).")
]
TypesOption = Annotated[
    str | None,
    typer.Option("--types", help="Elements of the numbered types of LAMMPS and VASP 4 files.", metavar="Mo,Nb,..."),
]
IndexOption = Annotated[
    str | None,
    typer.Option("--index", help="Frame of the structure file, counted from 0 (default: the last one)."),
]
SublatticeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--sublattice", help="Only the sites of these elements; the others stay as they are.", metavar="Ti,Zr,..."
    ),
]
MixOption = Annotated[
    bool, typer.Option("--mix-sublattices", help="Let hops carry atoms to sites that the file keeps for other species.")
]
ToleranceOption = Annotated[
    float | None,
    typer.Option(
        "--shell-tolerance",
        min=0,
        max=0.15,
        help="Distortion up to which neighbours are those of the ideal crystal (default 0.08).",
    ),
]
TemperaturesOption = Annotated[
    str, typer.Option("-T", "--temperatures", help="START:STOP:STEP in K, the end included, or a comma-separated list.")
]
BarriersOption = Annotated[
    str | None,
    typer.Option("--barriers", help="Model name or file (.safetensors, .npz, pair .json).", metavar="NAME|FILE"),
]
VacanciesOption = Annotated[
    int | None,
    typer.Option(
        "--vacancies", parser=SITES, help="Number of vacancies in the cell (of phase-diagram: the predicted one)."
    ),
]
ConcentrationOption = Annotated[
    float | None,
    typer.Option("--vacancy-concentration", parser=Number(0, 1), help="Vacancies per site (default 1/1024)."),
]
SeedOption = Annotated[int, typer.Option("--seed", parser=Count(0, MOST_SEED), help="Seed of all random numbers.")]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", parser=Count(1, MOST_WORKERS), help="Parallel workers (default: all cores)."),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Replace the results of another command in the output folder (those of the same one always are).",
    ),
]
TemperatureOption = Annotated[
    str | None,
    typer.Option(
        "-T",
        "--temperature",
        help="Of spins in units of the coupling (ising 2.5, curie-weiss 1.1, kac-ising 1.25, heisenberg 1); alloys: K.",
    ),
]
FieldOption = Annotated[
    float | None, typer.Option("--field", parser=Number(None, MOST_FIELD), help="Field on spins (default 0.1).")
]
LatticeOption = Annotated[
    str | None,
    typer.Option(
        "--lattice", help="Of spins: square, triangular, honeycomb, cubic, bcc ... or a file.", metavar="NAME|FILE"
    ),
]
RangeOption = Annotated[
    float | None,
    typer.Option("--range", parser=Number(0, MOST_RANGE), help="Of kac-ising: range of the coupling in sites (8)."),
]
KernelOption = Annotated[
    str | None, typer.Option("--kernel", help="Of kac-ising: top-hat (default) or gaussian.", metavar="NAME")
]
ExchangeOption = Annotated[
    str | None,
    typer.Option("--exchange", help="Of heisenberg: J, or one for each of the first shells (1).", metavar="J[,J...]"),
]
AnisotropyOption = Annotated[
    float | None,
    typer.Option("--anisotropy", parser=Number(None, MOST_FIELD), help="Of heisenberg: k of the easy axis z (0)."),
]
DampingOption = Annotated[
    float | None, typer.Option("--damping", parser=Number(None, MOST_FIELD), help="Of heisenberg: a (0.1).")
]
HopsOption = Annotated[int | None, typer.Option(parser=HOPS, help="Of alloys: hops per simulation and vacancy.")]
AnnealOption = Annotated[
    float | None,
    typer.Option(
        "--anneal",
        parser=Number(0, MOST_ANNEAL_HOPS),
        help="Anneal in hops per vacancy (default 2e7).",
        metavar="HOPS_PER_VACANCY",
    ),
]
EnergyOption = Annotated[
    float | None,
    typer.Option(parser=Number(0, MOST_EV), help="In eV: times become those of thermal vacancies."),
]
FractionOption = Annotated[
    float | None,
    typer.Option(
        parser=Number(0, 1),
        help="Part of the spins, points or atoms that each label is measured on (default 1, all; without noise less).",
    ),
]
StartsOption = Annotated[
    int | None, typer.Option(parser=RUNS, help="Starts of small runs (120 of spins, 150 of fields).")
]
ClosureOption = Annotated[
    str | None,
    typer.Option(
        "--closure",
        help="Learned variables beside the observables; alloys: auto (default) tries the past order.",
        metavar="N|auto",
    ),
]
LearnArgument = Annotated[
    str,
    typer.Argument(
        help="ising, curie-weiss, predator-prey, alloy; block fields: kac-ising, heisenberg, fields, ising --block; "
        "without noise: predator-prey-ode, allen-cahn, lennard-jones, particles.",
        metavar="SYSTEM",
    ),
]
LearnFiles = Annotated[
    list[Path] | None, typer.Argument(help="Structure file of an alloy or of particles; files of fields.")
]
BlockOption = Annotated[
    int | None,
    typer.Option(
        "--block",
        parser=Count(1, 1 << 16),
        help="Learn block fields: edge of a block in sites (kac-ising 4), in cells of an alloy.",
    ),
]
SpinsOption = Annotated[
    int | None, typer.Option("--spins", parser=Count(2, 10**9), help="Of fields: spins a block (default BLOCK^axes).")
]
ComponentOption = Annotated[
    str | None,
    typer.Option(
        "--component",
        help="Of vectors in OVF files: x, y, z (default); of an alloy with --block: the element.",
        metavar="NAME",
    ),
]
DurationOption = Annotated[
    float | None, typer.Option("--duration", parser=TIME, help="Of the changes of block fields (default 0.1).")
]
StartOption = Annotated[
    str,
    typer.Option(
        "--start",
        help="One value per observable, comma-separated (of systems without noise learn prints the range); of block "
        "fields: m, a file, quench, or quench:T from T.",
        metavar="VALUES|FILE|quench[:T]",
    ),
]
BlocksOption = Annotated[
    str | None,
    typer.Option("--blocks", help="Of block fields: blocks along each edge (default as learned).", metavar="N[xN...]"),
]
MovieOption = Annotated[bool, typer.Option("--movie", help="Of block fields: a GIF beside the CSV file.")]
CountOption = Annotated[
    int | None, typer.Option(parser=RUNS, help="Independent trajectories of a model with noise (default 100).")
]
CalculatorOption = Annotated[
    str | None,
    typer.Option(
        "--calculator",
        help="Of particles: emt, lj (argon), eam:FILE, lammps:FILE, chgnet, or a function that gives one.",
        metavar="NAME|MODULE:NAME",
    ),
]
ObservableOption = Annotated[
    str | None,
    typer.Option(
        "--observable",
        help="Of particles: temperature (default), or a function of torch of their states.",
        metavar="NAME|MODULE:NAME",
    ),
]
EnsembleOption = Annotated[
    str | None, typer.Option("--ensemble", help="Runs of particles: nve (default) or langevin.", metavar="NAME")
]
TrajectoriesOption = Annotated[
    int | None, typer.Option(parser=RUNS, help="Runs of a system without noise (predator-prey-ode 60 ...).")
]
UntilOption = Annotated[
    float | None,
    typer.Option("--until", parser=TIME, help="Their end, in the system's time; of particles in fs (default 100)."),
]
DriftOption = Annotated[
    str | None, typer.Option("--drift", help="Form of an equation without noise: onsager, mlp, gfinn.", metavar="NAME")
]
FitsOption = Annotated[
    int | None, typer.Option(parser=Count(1, 1000), help="Fits of an equation without noise (default 5).")
]
MagnetisationOption = Annotated[
    float | None,
    typer.Option("--start", parser=Number(None, 1), help="Magnetisation of the first state of spins."),
]


def reading_of(
    format: str | None, types: str | None, index: str | None, sublattice: list[str] | None = None
) -> Reading:
    """The options that say how a structure file is to be read, without those that are not given."""
    reading: Reading = {}
    if format is not None:
        reading["format"] = format
    if types is not None:
        reading["types"] = [part.strip() for part in types.split(",")]
    if index is not None:
        reading["index"] = index
    if sublattice:
        reading["sublattice"] = _one_group(sublattice)
    return reading


def _one_group(groups: list[str]) -> list[str]:
    """Elements of the one sublattice that is meant.

    Raises:
        ValueError: several of them, or an element that is on two.
    """
    named = [[part.strip() for part in group.split(",")] for group in groups]
    elements = [symbol for group in named for symbol in group]
    twice = [symbol for k, symbol in enumerate(elements) if symbol in elements[:k]]
    option = " ".join(f"--sublattice {group}" for group in groups)
    if twice:
        raise ValueError(f"{option}: {twice[0]} is named twice; an element is on one sublattice")
    if len(named) > 1:
        raise ValueError(
            f"{option}: one sublattice at a time; give one of them, the atoms of the others then stay where they are"
        )
    return elements


def show_version(wanted: bool) -> None:
    """What --version does."""
    if wanted:
        print(f"asemacro {__version__}")
        raise typer.Exit


def _speaks(level: int) -> Callable[[bool], None]:
    def set_level(wanted: bool) -> None:
        if wanted:
            set_loudness(Loudness(level))

    return set_level


QuietOption = Annotated[
    bool,
    typer.Option("-q", "--quiet", callback=_speaks(0), help="Show warnings and errors only (run.log has the rest)."),
]
VerboseOption = Annotated[
    bool, typer.Option("-v", "--verbose", callback=_speaks(2), help="Show a line of progress every ten seconds.")
]
VersionOption = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]
