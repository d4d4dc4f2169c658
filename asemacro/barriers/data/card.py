"""train_with_card: a network with its card, a page of Markdown that says what it was made from and how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asemacro.barriers.attempt_frequency import COMMON_HZ, attempt_frequencies_of
from asemacro.barriers.data.barrier_file import BarrierSource, read_barriers, source_name
from asemacro.barriers.data.evaluation import held_out
from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.data.training import TrainingReport, fit_barriers, members_of, written
from asemacro.barriers.gnn.model import BarrierGNN, Form
from asemacro.files.store import output_file, write_whole
from asemacro.fitted import Fitted
from asemacro.tasks.progress import reporting
from asemacro.typing import Report
from asemacro.version import __version__

FOLDS = 3


def train_with_card(
    data_path: BarrierSource,
    out_path: str | Path,
    *,
    form: Form = "consistent",
    members: int | None = None,
    epochs: int | None = None,
    weight_decay: float | None = None,
    folds: int | None = None,
    seed: int = 0,
    progress: bool | Report = False,
    attempt_frequency_Hz: Mapping[str, float] | None = None,
) -> Fitted[BarrierGNN, TrainingReport]:
    """Train a network as `train_barriers` does and write its card beside it, MODEL.md.

    Args:
        data_path: barriers, .npz, or one or several labels.db.
        out_path: file to write, .safetensors.
        form: "direct" or "consistent".
        members: networks averaged.
        epochs: passes over the data, default `epochs_of`.
        weight_decay: pulls the weights to zero, default WEIGHT_DECAY of the form.
        folds: parts of the cells that are held out in turn to measure errors before the last training on all; 0 for
            none. Default 3 of labels (fewer if there are fewer cells), none of arrays, for which `cross-validate` is
            there.
        seed: of everything random.
        progress: True for a bar, or a function called as progress(task, fraction, text).
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz, kept in the file.

    Raises:
        ValueError: one line; the data cannot be read, or cannot be divided so, or have no such species.
    """
    out_path = output_file(out_path)
    data = read_barriers(data_path)
    own = attempt_frequencies_of(attempt_frequency_Hz, data.species, source_name(data_path))
    parts = (min(FOLDS, len(data.names)) if data.by_cell else 0) if folds is None else folds
    parts = 0 if folds is None and parts < 2 else parts
    number = members or members_of(form, data)
    notes: dict[str, Any] = {}
    with reporting(progress, {"folds": float(parts)} if parts else {}, {"train": 1.0}) as report:
        if parts:
            notes["held_out"] = held_out(
                data,
                form,
                members=number,
                epochs=epochs,
                weight_decay=weight_decay,
                n_folds=parts,
                seed=seed,
                progress=report,
            )
        fitted = fit_barriers(
            data,
            source_name(data_path),
            form=form,
            members=number,
            epochs=epochs,
            weight_decay=weight_decay,
            seed=seed,
            progress=report,
            name=out_path.stem,
            notes=notes,
            attempt_frequency_Hz=own,
        )
    trained = written(fitted, out_path)
    write_whole(
        out_path.with_suffix(".md"), lambda path: path.write_text(card_of(trained.model, data), encoding="utf-8")
    )
    return trained


def card_of(model: BarrierGNN, data: BarrierData, *, verb: str = "train", errors: Sequence[str] | None = None) -> str:
    """The card of a network in Markdown, from the notes in its file and its data.

    Args:
        model: the network.
        data: what it was trained on.
        verb: of `asemacro barriers`, that made it.
        errors: lines on what was not trained on; default what cross-validation says.
    """
    notes, known = model.notes, data.barrier[data.known()]
    composition = ", ".join(
        f"{s} {data.compositions[:, k].min():.2f} to {data.compositions[:, k].max():.2f}"
        for k, s in enumerate(data.species)
    )
    lines = [
        f"# {model.name}",
        "",
        f"Graph networks of the {model.form} form for {'-'.join(model.species)} on {model.prototype}. Barriers of the "
        f"{data.n_jumps} jumps of a vacancy in eV, exactly invariant under the symmetry of the lattice. Mean of "
        f"{len(model.nets)} networks.",
        "",
        f"- Data: {notes['data']}, {notes['barriers']} barriers of {known.min():.2f} to {known.max():.2f} eV in "
        f"{notes['cells']} cells; {notes['dropped']} of failed calculations left out. Fractions: {composition}. "
        "Outside of these compositions the network extrapolates.",
        f"- Error on the barriers that it was trained on: MAE {notes['train_mae_eV']:.4f} eV.",
        *(_held_out_lines(notes.get("held_out")) if errors is None else errors),
        *_frequency_lines(model),
        f"- Made by `asemacro barriers {verb}` of version {__version__}: form {model.form}, {len(model.nets)} members, "
        f"{notes['epochs']} epochs, weight decay {notes['weight_decay']:g}, seed {notes['seed']}.",
        "- The barriers are no better than the calculator or the code that made the data: say here which it was and "
        "what it is worth for this alloy.",
    ]
    return "\n".join(lines) + "\n"


def _frequency_lines(model: BarrierGNN) -> list[str]:
    """The attempt frequencies, if somebody gave them."""
    if not model.attempt_frequency_Hz:
        return []
    own = ", ".join(f"{symbol} {value:.4g}" for symbol, value in model.attempt_frequency_Hz.items())
    return [f"- Attempt frequencies in Hz, as they were given: {own}; of other species {COMMON_HZ:g}."]


def _held_out_lines(found: dict[str, Any] | None) -> list[str]:
    """What cross-validation says."""
    if found is None:
        return ["- Errors on cells that were not trained on: not measured (`asemacro barriers cross-validate`)."]
    lines = [
        f"- Error on cells that were not trained on ({found['folds']} folds): MAE {found['mae_eV']:.4f} eV, RMS "
        f"{found['rmse_eV']:.4f} eV, bias {found['bias_eV']:+.4f} eV, {found['n']} barriers; a linear regression on "
        f"counts of neighbours has {found['ridge_mae_eV']:.4f} eV."
    ]
    spread = found["calibration"]
    if spread is not None:
        lines.append(
            f"- Spread of the members on them: RMS error = {spread['factor']:.2g} x spread, rank correlation "
            f"{spread['rank_correlation']:.2f}; {100 * spread['share_uncertain']:.0f} % spread by more than 0.1 eV."
        )
    return lines
