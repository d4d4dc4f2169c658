"""The commands `asemacro barriers ...`: label jumps; train, evaluate, cross-validate and distil barrier networks."""

from __future__ import annotations

import enum
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from asemacro.cli.executor import with_executor
from asemacro.cli.numbers import MOST_RUNS, SITES, SWEEPS, Count, Frequencies, Number
from asemacro.cli.options import (
    FolderOption,
    ForceOption,
    Form,
    FormatOption,
    IndexOption,
    MixOption,
    QuietOption,
    SeedOption,
    StructureArgument,
    TypesOption,
    VerboseOption,
    WorkersOption,
    output_path,
    reading_of,
)
from asemacro.files.content import content_of
from asemacro.tasks.run_file import RunFile
from asemacro.tasks.run_log import muted_if_quiet

app = typer.Typer(help="Compute barriers, train and measure barrier networks.", no_args_is_help=True)

LabelsOption = Annotated[
    Path, typer.Option("-o", "--output", parser=output_path, help="Database of labels.", metavar="FILE")
]


class Relax(enum.StrEnum):
    """What of a cell is relaxed."""

    atoms = "atoms"
    none = "none"


CalculatorName = Annotated[
    str,
    typer.Option(
        help="emt, eam:FILE, lammps:FILE, chgnet, or a function that makes one.", metavar="NAME|MODULE:FACTORY"
    ),
]
ImagesOption = Annotated[int, typer.Option(parser=Count(1, 99), help="Images between the end points.")]
PathsOption = Annotated[
    int, typer.Option(parser=Count(1, 7), help="First paths of a band, beside the line too; the lowest saddle counts.")
]
RelaxOption = Annotated[Relax, typer.Option(help="none keeps all other atoms on the sites.")]
CellSitesOption = Annotated[int, typer.Option(parser=SITES, help="Least sites of a cell.")]


@app.command("label")
@with_executor
def label_verb(
    structure: StructureArgument,
    calculator: CalculatorName,
    output: LabelsOption = Path("labels.db"),
    cells: Annotated[int, typer.Option(parser=Count(1, MOST_RUNS), help="Cells that jumps are drawn in.")] = 20,
    jumps: Annotated[int, typer.Option(parser=Count(1, MOST_RUNS), help="Jumps, of all cells together.")] = 200,
    images: ImagesOption = 5,
    paths: PathsOption = 1,
    relax: RelaxOption = Relax.atoms,
    states: Annotated[
        str, typer.Option(help="Kinds of cells: random, ordered, kmc (of a model).", metavar="KIND,...")
    ] = "random,ordered",
    barriers: Annotated[str | None, typer.Option(help="Model of the states kmc.", metavar="NAME|FILE")] = None,
    temperatures: Annotated[
        str, typer.Option("-T", "--temperatures", help="Of the states kmc, in K: START:STOP:STEP or a list.")
    ] = "800:2000:400",
    sites: CellSitesOption = 100,
    format: FormatOption = None,
    types: TypesOption = None,
    index: IndexOption = None,
    mix_sublattices: MixOption = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Compute barriers of jumps in an alloy with any calculator of ASE."""
    from asemacro.studies.labelling.commands import run_label

    with muted_if_quiet():
        run_label(
            structure,
            output,
            reading=reading_of(format, types, index),
            mix_sublattices=mix_sublattices,
            calculator=calculator,
            states=states,
            barriers=barriers,
            temperatures=temperatures,
            images=images,
            paths=paths,
            relax=relax.value,
            workers=workers,
            seed=seed,
            cells=cells,
            jumps=jumps,
            sites=sites,
        )


@app.command("learn")
@with_executor
def learn_verb(
    structure: StructureArgument,
    calculator: CalculatorName,
    budget: Annotated[int, typer.Option(parser=Count(1, MOST_RUNS), help="Jumps that are labelled at most.")],
    output: FolderOption = Path("learned"),
    temperatures: Annotated[
        str,
        typer.Option("-T", "--temperatures", help="Where the order shall be known, in K: START:STOP:STEP or a list."),
    ] = "800:2000:400",
    first: Annotated[
        int, typer.Option(parser=Count(1, MOST_RUNS), help="Jumps of the first round, in random and ordered cells.")
    ] = 40,
    batch: Annotated[
        int | None,
        typer.Option(parser=Count(1, MOST_RUNS), help="Jumps of each later round (a quarter of those there are)."),
    ] = None,
    accuracy: Annotated[
        float, typer.Option(parser=Number(0, 12), help="Largest bar of delta with which it may stop early.")
    ] = 0.05,
    members: Annotated[int, typer.Option(parser=Count(2, 100), help="Networks of the ensemble.")] = 3,
    sweeps: Annotated[
        int, typer.Option(parser=SWEEPS, help="Of swap Monte Carlo at each temperature, for the order.")
    ] = 200,
    images: ImagesOption = 5,
    paths: PathsOption = 1,
    relax: RelaxOption = Relax.atoms,
    sites: CellSitesOption = 100,
    format: FormatOption = None,
    types: TypesOption = None,
    index: IndexOption = None,
    mix_sublattices: MixOption = False,
    force: ForceOption = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Label, train, simulate, label what is visited and least certain, until the order stands."""
    from asemacro.studies.labelling.learn_command import run_learn

    run_learn(
        structure,
        output,
        force=force,
        reading=reading_of(format, types, index),
        mix_sublattices=mix_sublattices,
        calculator=calculator,
        temperatures=temperatures,
        budget=budget,
        first=first,
        batch=batch,
        accuracy=accuracy,
        members=members,
        sites=sites,
        sweeps=sweeps,
        images=images,
        paths=paths,
        relax=relax.value,
        workers=workers,
        seed=seed,
    )


@app.command("import")
def import_verb(
    files: Annotated[list[Path], typer.Argument(help="Bands (.traj, .extxyz), folders of images, tables (.csv).")],
    output: LabelsOption = Path("labels.db"),
    types: TypesOption = None,
) -> None:
    """Take barriers that were computed elsewhere."""
    from asemacro.studies.labelling.commands import run_import

    run_import(files, output, reading=reading_of(None, types, None))


@app.command("train")
def train_verb(
    data: Annotated[
        list[Path],
        typer.Argument(help="Labels (labels.db), one or several files, or one .npz in the layout of docs/barriers.md."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="Model file, .safetensors.", metavar="FILE")
    ],
    form: Annotated[Form, typer.Option(help="consistent has exact detailed balance.")] = Form.consistent,
    members: Annotated[
        int | None, typer.Option(parser=Count(1, 100), help="Networks of the ensemble (labels 3, .npz 2).")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(parser=Count(1, 100_000), help="Passes over the data (labels: so many that 800 steps are made)."),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(parser=Number(0, 100), help="Pulls the weights to zero; more for noisy barriers.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(parser=Count(0, 100), help="Parts held out to measure errors (labels 3, .npz 0).")
    ] = None,
    attempt_frequency: Annotated[
        dict[str, float] | None,
        typer.Option(
            parser=Frequencies(), help="As Co=1.2e13,Ni=9e12; of other species 1e13.", metavar="SYMBOL=HZ,..."
        ),
    ] = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train a barrier network and write its card."""
    from asemacro.barriers.data.card import train_with_card

    with muted_if_quiet(), RunFile(output) as file:
        effort = {"members": members, "epochs": epochs, "weight decay": weight_decay, "folds": folds}
        file.keep_parts({"data": content_of(*data), "form": form.value, **effort, "seed": seed})
        train_with_card(
            data,
            output,
            form=form.value,
            members=members,
            epochs=epochs,
            weight_decay=weight_decay,
            folds=folds,
            seed=seed,
            progress=True,
            attempt_frequency_Hz=attempt_frequency,
        )
        print(f"wrote {output} and its card {output.with_suffix('.md')}")


@app.command("evaluate")
def evaluate_verb(
    model: Annotated[str, typer.Argument(help="Model name or file.")],
    data: Annotated[Path, typer.Argument(help="Barriers, labels.db or .npz.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", parser=output_path, help="Figure, .png, with a .csv beside it.", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Errors of a barrier model against data, per cell and per jumping species, and the spread of its members."""
    from asemacro.barriers.data.evaluation import evaluate_barriers, print_errors, write_evaluation
    from asemacro.barriers.gnn.model import BarrierGNN
    from asemacro.barriers.load import load_barriers

    network = load_barriers(model)
    if not isinstance(network, BarrierGNN):
        raise ValueError(f"barrier model {network.name} is not a graph network: only those are evaluated on data files")
    result = evaluate_barriers(network, data) if output is None else write_evaluation(network, data, output)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print_errors(result)
    if output is not None:
        print(f"wrote {output} and {output.with_suffix('.csv')}")


@app.command("cross-validate")
def cross_validate_verb(
    data: Annotated[Path, typer.Argument(help="Barriers, .npz in the layout of docs/barriers.md.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="Table to write, .csv.", metavar="FILE")
    ],
    form: Annotated[Form | None, typer.Option(help="One form only (default both).")] = None,
    seed: SeedOption = 0,
) -> None:
    """Errors on compositions that were not trained on, of networks and of a linear regression."""
    from asemacro.barriers.data.evaluation import write_cross_validation

    forms: Any = [one.value for one in (Form if form is None else [form])]
    with RunFile(output) as file:
        file.keep_parts({"data": content_of(data), "forms": forms, "seed": seed})
        write_cross_validation(data, output, forms, seed=seed)
    print(f"wrote {output}")


@app.command("distil")
def distil_verb(
    teacher: Annotated[Path, typer.Argument(help="Weights of the published NbMoTa network, .npz.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="Model file, .safetensors.", metavar="FILE")
    ],
    seed: SeedOption = 0,
) -> None:
    """Train a graph network on another barrier model, made symmetric."""
    from asemacro.barriers.load import load_barriers
    from asemacro.studies.alloy.distil import distil

    with RunFile(output) as file:
        file.keep_parts({"teacher": content_of(teacher), "seed": seed})
        errors = distil(load_barriers(teacher), output, seed=seed, progress=sys.stderr.isatty())
    for name, error in errors.items():
        print(f"{name}: MAE {error['raw']:.4f} eV from the teacher, {error['symmetrised']:.4f} from its average")
    print(f"wrote {output}")
