"""The verbs of the learner: sample, learn, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.executor import with_executor
from asemacro.cli.numbers import MOST_FIELD, RUNS, SITES, TIME, Number
from asemacro.cli.options import (
    AnisotropyOption,
    BarriersOption,
    BlockOption,
    BlocksOption,
    CalculatorOption,
    ClosureOption,
    ComponentOption,
    CountOption,
    DampingOption,
    DriftOption,
    DurationOption,
    EnsembleOption,
    ExchangeOption,
    FieldOption,
    FitsOption,
    FolderOption,
    ForceOption,
    FormatOption,
    FractionOption,
    HopsOption,
    IndexOption,
    KernelOption,
    LatticeOption,
    LearnArgument,
    LearnFiles,
    MagnetisationOption,
    MixOption,
    MovieOption,
    ObservableOption,
    QuietOption,
    RangeOption,
    SeedOption,
    SpinsOption,
    StartOption,
    StartsOption,
    SublatticeOption,
    SystemArgument,
    TemperatureOption,
    ToleranceOption,
    TrajectoriesOption,
    TypesOption,
    UntilOption,
    VerboseOption,
    WorkersOption,
    output_path,
    reading_of,
)
from asemacro.tasks.interrupts import naming_the_file

app = typer.Typer()


@app.command("sample")
def sample_verb(
    system: SystemArgument,
    output: FolderOption = Path("sample"),
    sites: Annotated[
        int | None,
        typer.Option(
            parser=SITES,
            help="Sites (default 256 spins, 4096 of kac-ising, 512 of heisenberg, 100 points, 1024 atoms).",
        ),
    ] = None,
    temperature: TemperatureOption = None,
    field: FieldOption = None,
    lattice: LatticeOption = None,
    range: RangeOption = None,
    kernel: KernelOption = None,
    exchange: ExchangeOption = None,
    anisotropy: AnisotropyOption = None,
    damping: DampingOption = None,
    until: Annotated[float | None, typer.Option("--until", parser=TIME, help="End, in the system's time.")] = None,
    runs: Annotated[int, typer.Option(parser=RUNS, help="Independent runs.")] = 1,
    start: MagnetisationOption = None,
    barriers: BarriersOption = None,
    hops: HopsOption = None,
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
    """Microscopic runs: observables over time, trajectory, final state."""
    from asemacro.studies.learn.sample_command import run_sample

    run_sample(
        system,
        output,
        reading=reading_of(format, types, index, sublattice),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        sites=sites,
        temperature=temperature,
        field=field,
        lattice=lattice,
        range=range,
        kernel=kernel,
        exchange=exchange,
        anisotropy=anisotropy,
        damping=damping,
        until=until,
        runs=runs,
        start=start,
        barriers=barriers,
        hops=hops,
        force=force,
        seed=seed,
    )


@app.command("learn")
@with_executor
def learn_verb(
    system: LearnArgument,
    files: LearnFiles = None,
    output: FolderOption = Path("learned"),
    sites: Annotated[int | None, typer.Option(parser=SITES, help="Sites of the large one (4096, 200, 8192).")] = None,
    small: Annotated[int | None, typer.Option(parser=SITES, help="Sites that are simulated (256, 100, 1024).")] = None,
    temperature: TemperatureOption = None,
    field: FieldOption = None,
    lattice: LatticeOption = None,
    block: BlockOption = None,
    spins: SpinsOption = None,
    component: ComponentOption = None,
    duration: DurationOption = None,
    range: RangeOption = None,
    kernel: KernelOption = None,
    exchange: ExchangeOption = None,
    anisotropy: AnisotropyOption = None,
    damping: DampingOption = None,
    closure: ClosureOption = None,
    starts: StartsOption = None,
    fraction: FractionOption = None,
    calculator: CalculatorOption = None,
    observable: ObservableOption = None,
    ensemble: EnsembleOption = None,
    trajectories: TrajectoriesOption = None,
    until: UntilOption = None,
    drift: DriftOption = None,
    fits: FitsOption = None,
    barriers: BarriersOption = None,
    hops: HopsOption = None,
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
    """Learn the macroscopic dynamics of a large system from simulations of a small one."""
    from asemacro.studies.learn.commands import run_learn

    run_learn(
        system,
        files or [],
        output,
        reading=reading_of(format, types, index, sublattice),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        sites=sites,
        small=small,
        temperature=temperature,
        field=field,
        lattice=lattice,
        block=block,
        spins=spins,
        component=component,
        duration=duration,
        range=range,
        kernel=kernel,
        exchange=exchange,
        anisotropy=anisotropy,
        damping=damping,
        closure=closure,
        starts=starts,
        fraction=fraction,
        calculator=calculator,
        observable=observable,
        ensemble=ensemble,
        trajectories=trajectories,
        until=until,
        drift=drift,
        fits=fits,
        barriers=barriers,
        hops=hops,
        force=force,
        seed=seed,
        workers=workers,
    )


@app.command("simulate")
def simulate_verb(
    model: Annotated[Path, typer.Argument(help="Folder of a learned model.")],
    start: StartOption,
    until: Annotated[float, typer.Option("--until", parser=TIME, help="End, in the model's time.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="CSV file.", metavar="FILE")
    ] = Path("simulated.csv"),
    trajectories: CountOption = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "-T",
            "--temperature",
            parser=Number(0, 1e5),
            help="In K, of alloys; of block fields T (default as learned).",
        ),
    ] = None,
    field: Annotated[
        float | None,
        typer.Option("--field", parser=Number(None, MOST_FIELD), help="Of block fields: h (default as learned)."),
    ] = None,
    sites: Annotated[
        int | None, typer.Option(parser=SITES, help="Of the specimens (default as learned); of block fields: spins.")
    ] = None,
    blocks: BlocksOption = None,
    movie: MovieOption = False,
    points: Annotated[int, typer.Option(parser=RUNS, help="Saved times after the start.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Run it although it takes longer than an hour.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Trajectories of a learned model: mean and standard deviation over time."""
    from asemacro.studies.learn.simulate_command import run_simulate

    with naming_the_file(output):
        run_simulate(
            model,
            output,
            start=start,
            until=until,
            trajectories=trajectories,
            temperature=temperature,
            fields={"field": field, "sites": sites, "blocks": blocks, "movie": movie},
            points=points,
            force=force,
            seed=seed,
        )
