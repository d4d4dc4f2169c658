"""The verbs of the learner: sample, learn, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.numbers import RUNS, SITES, TIME, Kelvin
from asemacro.cli.options import (
    AnisotropyOption,
    BarriersOption,
    CalculatorOption,
    ClosureOption,
    CountOption,
    DampingOption,
    DriftOption,
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
    MagnetisationOption,
    MixOption,
    ObservableOption,
    RangeOption,
    SeedOption,
    StartsOption,
    SystemArgument,
    TemperatureOption,
    ToleranceOption,
    TrajectoriesOption,
    TypesOption,
    UntilOption,
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
    mix_sublattices: MixOption = False,
    force: ForceOption = False,
    seed: SeedOption = 0,
) -> None:
    """Microscopic runs: observables over time, trajectory, final state."""
    from asemacro.studies.learn.sample_command import run_sample

    run_sample(
        system,
        output,
        reading=reading_of(format, types, index),
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
def learn_verb(
    system: LearnArgument,
    structure: Annotated[Path | None, typer.Argument(help="Structure file of an alloy or of particles.")] = None,
    output: FolderOption = Path("learned"),
    sites: Annotated[int | None, typer.Option(parser=SITES, help="Sites of the large one (4096, 200, 8192).")] = None,
    small: Annotated[int | None, typer.Option(parser=SITES, help="Sites that are simulated (256, 100, 1024).")] = None,
    temperature: TemperatureOption = None,
    field: FieldOption = None,
    lattice: LatticeOption = None,
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
    mix_sublattices: MixOption = False,
    force: ForceOption = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
) -> None:
    """Learn the macroscopic dynamics of a large system from simulations of a small one."""
    from asemacro.studies.learn.commands import run_learn

    run_learn(
        system,
        structure,
        output,
        reading=reading_of(format, types, index),
        mix_sublattices=mix_sublattices,
        shell_tolerance=shell_tolerance,
        sites=sites,
        small=small,
        temperature=temperature,
        field=field,
        lattice=lattice,
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
    start: Annotated[str, typer.Option("--start", help="One value per observable, comma-separated.")],
    until: Annotated[float, typer.Option("--until", parser=TIME, help="End, in the model's time.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="CSV file.", metavar="FILE")
    ] = Path("simulated.csv"),
    trajectories: CountOption = None,
    temperature: Annotated[
        float | None, typer.Option("-T", "--temperature", parser=Kelvin(), help="In K, of alloys.")
    ] = None,
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
            temperature_K=temperature,
            points=points,
            force=force,
            seed=seed,
        )
