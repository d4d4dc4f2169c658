"""The commands `asemacro barriers ...`: train, evaluate, cross-validate and distil barrier networks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from asemacro.cli.options import Form, SeedOption, output_path
from asemacro.tasks.interrupts import naming_the_file

app = typer.Typer(help="Train and measure barrier networks.", no_args_is_help=True)


@app.command("train")
def train_verb(
    data: Annotated[Path, typer.Argument(help="Barriers, .npz in the layout of docs/barriers.md.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", parser=output_path, help="Model file, .safetensors.", metavar="FILE")
    ],
    form: Annotated[Form, typer.Option(help="consistent has exact detailed balance.")] = Form.consistent,
    seed: SeedOption = 0,
) -> None:
    """Train a barrier network."""
    from asemacro.barriers.data.training import train_barriers

    with naming_the_file(output):
        train_barriers(data, output, form=form.value, seed=seed, progress=True)
    print(f"wrote {output}")


@app.command("evaluate")
def evaluate_verb(
    model: Annotated[str, typer.Argument(help="Model name or file.")],
    data: Annotated[Path, typer.Argument(help="Barriers, .npz.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Errors of a barrier model against data, per composition and per jumping species."""
    from asemacro.barriers.data.evaluation import evaluate_barriers, print_errors
    from asemacro.barriers.gnn.model import BarrierGNN
    from asemacro.barriers.load import load_barriers

    network = load_barriers(model)
    if not isinstance(network, BarrierGNN):
        raise ValueError(f"barrier model {network.name} is not a graph network: only those are evaluated on data files")
    result = evaluate_barriers(network, data)
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print_errors(result)


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

    with naming_the_file(output):
        write_cross_validation(data, output, [one.value for one in (Form if form is None else [form])], seed=seed)
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

    with naming_the_file(output):
        errors = distil(load_barriers(teacher), output, seed=seed, progress=sys.stderr.isatty())
    for name, error in errors.items():
        print(f"{name}: MAE {error['raw']:.4f} eV from the teacher, {error['symmetrised']:.4f} from its average")
    print(f"wrote {output}")
