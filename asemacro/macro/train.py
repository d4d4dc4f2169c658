"""The only training loop: maximum likelihood of pairs, minibatches, early stopping, bootstrap ensembles."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    PAIRS,
    SDE,
    above_zero,
    check_fields,
    checked,
    flag,
    flag_or_report,
    instance,
    number,
    optional,
    whole,
)
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.data import Pairs
    from asemacro.macro.sde import Batch, NeuralSDE


@dataclasses.dataclass
class History:
    """What a training run did; losses are mean negative log-likelihoods in normalised units.

    Attributes:
        training: loss of each epoch.
        validation: loss of the averaged parameters on held-out pairs after each epoch.
        best_epoch: the epoch whose parameters were kept.
        stopped_early: True if `patience` epochs brought nothing before `max_epochs`.
    """

    training: list[float] = dataclasses.field(default_factory=list)
    validation: list[float] = dataclasses.field(default_factory=list)
    best_epoch: int = -1
    stopped_early: bool = False


@dataclasses.dataclass(frozen=True)
class FitOptions:
    """Settings of `fit`.

    Attributes:
        max_epochs: most passes over the pairs; the learning rate falls along a half cosine over them.
        min_steps: at least this many gradient steps: few pairs get more epochs.
        max_steps: so many pairs that an epoch has more steps than this get one epoch, else at most this many steps.
        batch_size: pairs a step; all at once if there are fewer.
        learning_rate: of Adam, at the start.
        weight_decay: pulls the networks' weights (not biases) to zero.
        validation: fraction of the pairs (or of their groups) held out.
        patience: epochs without improvement before it stops, as a fraction of all epochs.
        averaging: the parameters kept are a running mean over this fraction of an epoch's steps and more.
        noise_scale: lambda of the likelihood; None: the K of each pair.

    Raises:
        ValueError: a setting is out of range.
    """

    max_epochs: int = 12
    min_steps: int = 800
    max_steps: int = 20_000
    batch_size: int = 2048
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    validation: float = 0.1
    patience: float = 0.4
    averaging: float = 1.0
    noise_scale: float | None = None

    def __post_init__(self) -> None:
        for names, check in (
            (("max_epochs", "batch_size"), whole(1)),
            (("min_steps", "max_steps"), whole()),
            (("learning_rate", "patience", "averaging"), above_zero),
        ):
            check_fields(self, **dict.fromkeys(names, check))
        check_fields(self, weight_decay=number(0), validation=number(), noise_scale=optional(above_zero))
        if not 0 <= self.min_steps <= self.max_steps:
            raise ValueError(f"0 <= min_steps <= max_steps is needed, got {self.min_steps} and {self.max_steps}")
        if not 0 <= self.validation < 1:
            raise ValueError(f"validation must lie in [0, 1), got {self.validation}")


@checked(
    sde=SDE,
    pairs=PAIRS,
    rng=generator_of,
    options=instance("FitOptions"),
    keep_parameters=flag,
    progress=flag_or_report,
)
@one_thread()
def fit(
    sde: NeuralSDE,
    pairs: Pairs,
    *,
    rng: np.random.Generator,
    options: FitOptions | None = None,
    keep_parameters: bool = False,
    progress: bool | Report = False,
) -> History:
    """Fit an SDE to pairs, in place.

    Measures the model's scales from the pairs, draws new parameters and minimises the weighted mean of `sde.nll`.

    Args:
        sde: the model; its networks are trained in float32.
        pairs: the data; groups of pairs are kept together on one side of the validation split.
        rng: random generator; the same seed gives the same parameters.
        options: settings.
        keep_parameters: start from the model's parameters and scales instead of new ones.
        progress: True for a bar, or a function called as progress("fit", fraction, text) after an epoch.

    Returns:
        The history; its best epoch is the one the model now holds.

    Raises:
        ValueError: fewer than 10 pairs, or the loss is not finite (says what to look at).
    """
    options = options or FitOptions()
    if len(pairs) < 10:
        raise ValueError(f"{len(pairs)} pairs are too few to fit an SDE; make at least 10")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    if not keep_parameters:
        sde.measure_scales(pairs, options.noise_scale)
        sde.reset(generator, pairs)
    held_out = _held_out(pairs.group, options.validation, rng)
    multiplicity = np.where(held_out, 0.0, 1.0)
    with reporting(progress, {"fit": 1.0}) as report:
        return _descend(sde, pairs, multiplicity, held_out, options, generator, report)


@checked(
    sde=SDE,
    pairs=PAIRS,
    members=whole(1, 1000),
    rng=generator_of,
    options=instance("FitOptions"),
    progress=flag_or_report,
)
@one_thread()
def fit_ensemble(
    sde: NeuralSDE,
    pairs: Pairs,
    members: int,
    *,
    rng: np.random.Generator,
    options: FitOptions | None = None,
    progress: bool | Report = False,
) -> list[NeuralSDE]:
    """Fit `sde`, then `members` copies to bootstrap samples of the pairs; the spread of the copies is the error.

    Whole groups are drawn with replacement (pairs without a group are their own); those not drawn serve as the
    copy's validation set. Copies start from new parameters, so the spread holds the optimiser's share too.

    Returns:
        [sde, copy 1, ...]; quote the first, with the standard deviation over the others as its standard error.

    Raises:
        ValueError: members < 1, or as `fit`.
    """
    if members < 1:
        raise ValueError(f"an ensemble needs at least 1 member, got {members}")
    options = options or FitOptions()
    share = 1 / (1 + members)
    with reporting(progress, {"fit": 1.0}) as report:
        fit(sde, pairs, rng=rng, options=options, progress=part_of(report, "fit", 0.0, share))
        models = [sde]
        names, group = np.unique(pairs.group, return_inverse=True)
        for k in range(members):
            member = copy.deepcopy(sde)
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
            multiplicity = drawn[group].astype(float)
            member.reset(generator, dataclasses.replace(pairs, weight=pairs.weight * multiplicity))
            held_out = multiplicity == 0 if len(names) > 1 else _held_out(pairs.group, options.validation, rng)
            here = part_of(report, "fit", (k + 1) * share, share)
            _descend(member, pairs, multiplicity, held_out, options, generator, here)
            models.append(member)
    return models


def _held_out(group: NDArray[np.int64], fraction: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Rows of a random `fraction` of the groups; none if there is only one group or the fraction is 0."""
    names, index = np.unique(group, return_inverse=True)
    count = min(len(names) - 1, max(1, round(fraction * len(names)))) if fraction > 0 else 0
    chosen = np.zeros(len(names), dtype=bool)
    chosen[rng.choice(len(names), size=count, replace=False)] = True
    return chosen[index]


def epochs_of(rows: int, options: FitOptions) -> int:
    """Epochs of one fit to so many pairs, unless it stops early."""
    per_epoch = max(1, math.ceil(rows / options.batch_size))
    affordable = max(1, options.max_steps // per_epoch)
    return min(max(options.max_epochs, math.ceil(options.min_steps / per_epoch)), affordable)


def _descend(
    sde: NeuralSDE,
    pairs: Pairs,
    multiplicity: NDArray[np.float64],
    held_out: NDArray[np.bool_],
    options: FitOptions,
    generator: torch.Generator,
    report: Report,
) -> History:
    """Adam with a half-cosine rate; keeps the averaged parameters that did best on the held-out pairs."""
    weight = torch.from_numpy(pairs.weight * multiplicity / pairs.weight.mean()).float()
    everything = sde.batch(pairs)
    rows = torch.from_numpy(np.flatnonzero(multiplicity > 0))
    check = torch.from_numpy(np.flatnonzero(held_out))
    check_weight = torch.from_numpy(pairs.weight[held_out]).float()
    per_epoch = max(1, math.ceil(len(rows) / options.batch_size))
    epochs = epochs_of(len(rows), options)
    steps = epochs * per_epoch
    decayed = [p for name, p in sde.named_parameters() if name.endswith("weight")]
    others = [p for name, p in sde.named_parameters() if not name.endswith("weight")]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=options.learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1.0, (k + 1) / 50) * 0.5 * (1 + math.cos(math.pi * min(k / steps, 1.0)))
    )
    parameters = list(sde.parameters())
    mean = [p.detach().clone() for p in parameters]
    best = [p.clone() for p in mean]
    history, lowest, step = History(), math.inf, 0
    look_every = max(1, epochs // 60)  # tiny epochs are not all worth a look at the held-out pairs
    for epoch in range(epochs):
        order = rows[torch.randperm(len(rows), generator=generator)]
        total, total_weight = 0.0, 0.0
        for part in order.split(options.batch_size):
            optimiser.zero_grad(set_to_none=True)
            w = weight[part]
            loss = (w * sde.nll(everything.rows(part), options.noise_scale)).sum() / w.sum()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 10.0)
            optimiser.step()
            rate.step()
            step += 1
            keep = min(1 - 1 / (options.averaging * max(per_epoch, 20)), step / (step + 10))
            with torch.no_grad():
                for m, p in zip(mean, parameters, strict=True):
                    m.lerp_(p, 1 - keep)
            total, total_weight = total + float(loss.detach()) * float(w.sum()), total_weight + float(w.sum())
        history.training.append(total / total_weight)
        if not math.isfinite(total):
            raise ValueError(
                f"the loss is not finite in epoch {epoch + 1}; look for outliers in z or lower learning_rate"
            )
        if (epoch + 1) % look_every and epoch + 1 < epochs:
            continue
        value = _loss_of(sde, mean, everything.rows(check), check_weight, options) if len(check) else -float(epoch)
        history.validation.append(value)
        report("fit", (epoch + 1) / epochs, f"loss {history.training[-1]:.4f}, held out {value:.4f}")
        if value < lowest:
            lowest, history.best_epoch = value, epoch
            best = [m.clone() for m in mean]
        elif epoch - history.best_epoch > options.patience * epochs:
            history.stopped_early = True
            break
    report("fit", 1.0, "")
    _set(parameters, best)
    return history


@torch.no_grad()
def _loss_of(sde: NeuralSDE, values: list[Tensor], batch: Batch, weight: Tensor, options: FitOptions) -> float:
    """Loss with other parameters put in for a moment; the sum is accumulated in float64."""
    parameters = list(sde.parameters())
    kept = [p.detach().clone() for p in parameters]
    _set(parameters, values)
    loss = (weight * sde.nll(batch, options.noise_scale)).double().sum() / weight.double().sum()
    _set(parameters, kept)
    return float(loss)


@torch.no_grad()
def _set(parameters: list[torch.nn.Parameter], values: list[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
