"""Train and evaluate graph networks on barrier data."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.data.barrier_file import BarrierSource, read_barriers, source_name
from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.gnn.inputs import Inputs
from asemacro.barriers.gnn.layers import Coded
from asemacro.barriers.gnn.model import BarrierGNN, Form, Surroundings
from asemacro.files.store import output_file
from asemacro.fitted import Fitted
from asemacro.tasks.descent import descend
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

MEMBERS = {"direct": 2, "consistent": 2}
"""Networks that are averaged; extrapolation to new compositions differs from one to the next."""
EPOCHS = {"direct": 12, "consistent": 8}
WEIGHT_DECAY = {"direct": 0.2, "consistent": 0.12}
WIDTHS: dict[str, dict[str, Any]] = {
    "direct": {"width": 48, "hidden": 96},
    "consistent": {"width": 16, "hidden": 64, "energy_width": 24},
}
LEAST_STEPS = 800
"""Of a descent on labels of single jumps: a few hundred of them are passed over more often."""
BATCH = 32
HUBER_EV = 0.03
"""Errors above this count linearly: a few labels of the DFT set are wrong by 0.2 eV and more."""


@one_thread()
def fit_gnn(
    model: BarrierGNN,
    around: Surroundings,
    barrier: NDArray[np.floating],
    *,
    epochs: int,
    learning_rate: float = 1e-2,
    weight_decay: float | None = None,
    batch: int = BATCH,
    seed: int = 0,
    fresh: bool = True,
    progress: bool | Report = False,
) -> Fitted[BarrierGNN, None]:
    """Train every member by itself from its own start and order of the data: AdamW, one cycle, Huber loss.

    Args:
        model: edited in place.
        around: (n, n_env) environments in the model's species, see `BarrierGNN.features`.
        barrier: (n, Z) eV in the order of the graph, nan where unknown.
        epochs: passes over the data.
        learning_rate: peak of the cycle.
        weight_decay: of the matrices, not of the biases; default WEIGHT_DECAY of the form.
        batch: vacancies per step.
        seed: of the weights and of the order.
        fresh: start from new weights; else go on from those the model has.
        progress: True for a bar, or a function called as progress("train", fraction, text).

    Returns:
        The model with the history of each member; nothing is held out.
    """
    if weight_decay is None:
        weight_decay = WEIGHT_DECAY[model.form]
    known = np.isfinite(barrier)
    if not known.any():
        raise ValueError("there is no barrier to train on")
    inputs = model.inputs(around, known)
    target = inputs.asked(torch.as_tensor(np.asarray(barrier, dtype=np.float32)))
    # vacancies of which no barrier is known are passed over
    of_vacancy = list(itertools.compress(inputs.of_rows(len(barrier)), known.any(axis=1)))
    share, histories = 1 / len(model.nets), []
    with reporting(progress, {"train": 1.0}) as report:
        for m, net in enumerate(model.nets):
            generator = torch.Generator().manual_seed(seed * 1009 + m)
            if fresh:
                reset(net, generator)
                with torch.no_grad():
                    net.last.bias.fill_(float(barrier[known].mean()))
            optimiser = _optimiser(net, learning_rate, weight_decay)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, learning_rate, total_steps=epochs * math.ceil(len(of_vacancy) / batch)
            )
            history = descend(
                partial(_loss, net, inputs, target),
                partial(_batches, of_vacancy, batch, generator),
                optimiser,
                epochs=epochs,
                stepped=schedule.step,
                state=(generator, schedule),
                progress=part_of(report, "train", m * share, share),
            )
            histories.append(history)
    model.eval()
    return Fitted(model, {}, None, tuple(histories))


def _optimiser(net: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Adam that pulls the matrices, not the biases, to zero."""
    matrices = [p for p in net.parameters() if p.dim() > 1]
    vectors = [p for p in net.parameters() if p.dim() <= 1]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=learning_rate,
    )


def _batches(of_vacancy: Sequence[Tensor], size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """Inputs of the minibatches of an epoch, those of `size` vacancies in each."""
    parts = torch.randperm(len(of_vacancy), generator=generator).split(size)
    return [torch.cat([of_vacancy[k] for k in part.tolist()]) for part in parts]


def _loss(net: nn.Module, inputs: Inputs, target: Tensor, rows: Tensor) -> tuple[Tensor, float]:
    """Huber loss of the known barriers among some inputs, and how many they are."""
    wanted = target[rows]
    use = torch.isfinite(wanted)
    found = net(inputs.take(rows))[use]
    if not len(found):
        return found.sum(), 0.0
    return F.smooth_l1_loss(found, wanted[use], beta=HUBER_EV), float(len(found))


def reset(net: nn.Module, generator: torch.Generator) -> None:
    """New weights of all linear layers, uniform in +-1/sqrt(inputs)."""
    for layer in net.modules():
        if isinstance(layer, Coded):
            layer.reset(generator)
        elif isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)


def members_of(form: Form, data: BarrierData) -> int:
    """Networks of an ensemble unless a number is asked for; of labels three, so that their spread means something."""
    return 3 if data.by_cell else MEMBERS[form]


def epochs_of(form: Form, data: BarrierData) -> int:
    """Passes over the data unless a number is asked for."""
    steps = math.ceil(len(data.env) / BATCH)
    return max(EPOCHS[form], math.ceil(LEAST_STEPS / steps)) if data.by_cell else EPOCHS[form]


@dataclasses.dataclass(frozen=True)
class TrainingReport:
    """What `train_barriers` did.

    Attributes:
        path: file of the model.
        mean_error_eV: mean absolute error on the barriers that it was trained on, eV.
    """

    path: Path
    mean_error_eV: float


@one_thread()
def train_barriers(
    data_path: BarrierSource,
    out_path: str | Path,
    *,
    form: Form = "direct",
    members: int | None = None,
    epochs: int | None = None,
    weight_decay: float | None = None,
    seed: int = 0,
    progress: bool | Report = False,
    name: str | None = None,
    **settings: Any,
) -> Fitted[BarrierGNN, TrainingReport]:
    """Train a network on a data file and write it.

    Args:
        data_path: npz in the layout of `asemacro.barriers.data.table`, or one or several databases of labels.
        out_path: file to write, by convention .safetensors.
        form: "direct" (more accurate) or "consistent" (detailed balance, a lattice energy).
        members: networks averaged, default `members_of`.
        epochs: passes over the data, default `epochs_of`.
        weight_decay: pulls the weights to zero, default WEIGHT_DECAY of the form.
        seed: of everything random.
        progress: True for a bar, or a function called as progress("train", fraction, text).
        name: of the model, default the name of the file.
        **settings: width, hidden, energy_width of `BarrierGNN`, default WIDTHS of the form; attempt_frequency_Hz, kept
            in the file: barriers say nothing about it.

    Returns:
        The model, the history of each member, and where it was written; nothing is held out, see
        `asemacro.barriers.data.evaluation`.

    Raises:
        ValueError: in one line, if the data are not such a file.
        OSError: if a file cannot be read or written.
    """
    out_path = output_file(out_path)
    _check_training(form, members, epochs)
    fitted = fit_barriers(
        read_barriers(data_path),
        source_name(data_path),
        form=form,
        members=members,
        epochs=epochs,
        weight_decay=weight_decay,
        seed=seed,
        progress=progress,
        name=out_path.stem if name is None else name,
        **settings,
    )
    return written(fitted, out_path)


def written(fitted: Fitted[BarrierGNN, float], path: Path) -> Fitted[BarrierGNN, TrainingReport]:
    """What `fit_barriers` gave, in a file."""
    from asemacro.barriers.gnn.file import save_gnn

    place = save_gnn(fitted.model, path)
    return Fitted(fitted.model, {}, TrainingReport(place, fitted.report), fitted.histories, _before=place)


def _check_training(form: str, members: int | None, epochs: int | None) -> None:
    if form not in EPOCHS:
        raise ValueError(f"the form of a graph network is direct or consistent, not {form!r}")
    if min(1 if members is None else members, 1 if epochs is None else epochs) < 1:
        raise ValueError(f"members and epochs must be at least 1, not {members} and {epochs}")


@one_thread()
def fit_barriers(
    data: BarrierData,
    source: str,
    *,
    form: Form = "direct",
    members: int | None = None,
    epochs: int | None = None,
    weight_decay: float | None = None,
    seed: int = 0,
    progress: bool | Report = False,
    name: str = "gnn",
    notes: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Fitted[BarrierGNN, float]:
    """What `train_barriers` gives, without files.

    Args:
        data: barriers.
        source: where they come from, kept with the model.
        form, members, epochs, weight_decay, seed, progress, name, **settings: as of `train_barriers`.
        notes: more facts that are kept with the model.

    Returns:
        The model, the history of each member, and the mean absolute error on the barriers that it was trained on, eV.
    """
    _check_training(form, members, epochs)
    epochs, members = epochs or epochs_of(form, data), members or members_of(form, data)
    weight_decay = WEIGHT_DECAY[form] if weight_decay is None else weight_decay
    model = BarrierGNN(data.species, form, members=members, jumps=data.jumps, **{**WIDTHS[form], **settings})
    model.name = name
    fitted = fit_gnn(
        model, data.around, data.barrier, epochs=epochs, weight_decay=weight_decay, seed=seed, progress=progress
    )
    train_mae = float(np.nanmean(np.abs(model.predict(data.around, only=data.known()) - data.barrier)))
    model.notes = {
        "data": source,
        "cells": len(data.names),
        "barriers": int(data.known().sum()),
        "dropped": data.dropped,
        "epochs": epochs,
        "weight_decay": weight_decay,
        "seed": seed,
        "train_mae_eV": round(train_mae, 5),
        **(notes or {}),
    }
    return Fitted(model, {}, train_mae, fitted.histories)
