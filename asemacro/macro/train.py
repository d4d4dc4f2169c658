"""Fit an SDE to pairs: maximum likelihood by minibatches, early stopping, bootstrap ensembles."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

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
from asemacro.fitted import Fitted, History
from asemacro.macro.splits import held_out_rows
from asemacro.tasks.descent import Judge, descend, import_optimisers
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.data import Pairs
    from asemacro.macro.sde import NeuralSDE


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
) -> Fitted[NeuralSDE, None]:
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
        The model with its history, whose best epoch is the one that the model now holds, and the mean negative
        log-likelihood of the pairs held out, in normalised units.

    Raises:
        ValueError: fewer than 10 pairs, or the loss is not finite (says what to look at).
    """
    options = options or FitOptions()
    start = _first(sde, pairs, rng, options, keep_parameters)
    with reporting(progress, {"fit": 1.0}) as report:
        return _fitted(start, _descend(start, pairs, options, report))


@checked(
    sde=SDE,
    pairs=PAIRS,
    members=whole(1, 1000),
    rng=generator_of,
    options=instance("FitOptions"),
    progress=flag_or_report,
    workers=optional(whole(1)),
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
    workers: int | None = None,
) -> Fitted[NeuralSDE, None]:
    """Fit `sde`, and `members` copies to bootstrap samples of the pairs; the spread of the copies is the error.

    Whole groups are drawn with replacement (pairs without a group are their own); those not drawn serve as the
    copy's validation set. Copies start from new parameters, so the spread holds the optimiser's share too.
    All are fitted side by side, by as many `workers` at once, default one for each core; the results do not depend on
    how many.

    Returns:
        `sde` as the model and the copies as its members: quote what the model gives, with the standard deviation over
        the members as its standard error.

    Raises:
        ValueError: members < 1, or as `fit`.
    """
    if members < 1:
        raise ValueError(f"an ensemble needs at least 1 member, got {members}")
    options = options or FitOptions()
    starts = [_first(sde, pairs, rng, options)]
    starts += [_resampled(copy.deepcopy(sde), pairs, rng, options) for _ in range(members)]
    import_optimisers()
    with reporting(progress, {"fit": 1.0}) as report:
        tasks = [Task(f"fit {k}", functools.partial(_fit_one, start, pairs, options)) for k, start in enumerate(starts)]
        fits = run_tasks(tasks, progress=part_of(report, "fit", tasks=len(tasks)), workers=workers)
    for start, (_, parameters) in zip(starts, fits, strict=True):  # fitted in place, or a copy in another process
        start.sde.load_state_dict(parameters)
    histories = [history for history, _ in fits]
    models = [start.sde for start in starts]
    own = _fitted(starts[0], histories[0])
    return dataclasses.replace(own, histories=tuple(histories), members=tuple(models[1:]), _before=models)


@dataclasses.dataclass(frozen=True)
class _Start:
    """A model before its descent.

    Attributes:
        sde: with new parameters.
        multiplicity: (N,) how often each pair counts.
        held_out: (N,) the pairs that judge it.
        generator: of the order in which the pairs are seen.
    """

    sde: NeuralSDE
    multiplicity: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    generator: torch.Generator


def _first(
    sde: NeuralSDE, pairs: Pairs, rng: np.random.Generator, options: FitOptions, keep_parameters: bool = False
) -> _Start:
    """A model that is fitted to the pairs themselves.

    Raises:
        ValueError: fewer than 10 pairs.
    """
    if len(pairs) < 10:
        raise ValueError(f"{len(pairs)} pairs are too few to fit an SDE; make at least 10")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    if not keep_parameters:
        sde.measure_scales(pairs, options.noise_scale)
        sde.reset(generator, pairs)
    held_out = held_out_rows(pairs.group, options.validation, rng)
    return _Start(sde, np.where(held_out, 0.0, 1.0), held_out, generator)


def _resampled(sde: NeuralSDE, pairs: Pairs, rng: np.random.Generator, options: FitOptions) -> _Start:
    """A model that is fitted to a bootstrap sample of the pairs, by groups."""
    names, group = np.unique(pairs.group, return_inverse=True)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    drawn = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
    multiplicity = drawn[group].astype(float)
    sde.reset(generator, dataclasses.replace(pairs, weight=pairs.weight * multiplicity))
    held_out = multiplicity == 0 if len(names) > 1 else held_out_rows(pairs.group, options.validation, rng)
    return _Start(sde, multiplicity, held_out, generator)


def _fitted(start: _Start, history: History) -> Fitted[NeuralSDE, None]:
    losses = {"negative log-likelihood": min(history.validation)} if start.held_out.any() else {}
    return Fitted(start.sde, losses, None, (history,), _before=history)


def _fit_one(start: _Start, pairs: Pairs, options: FitOptions, report: Report) -> tuple[History, dict[str, Tensor]]:
    """The history of a fit, and what the model has become."""
    history = _descend(start, pairs, options, report)
    return history, start.sde.state_dict()


@one_thread()
def _descend(start: _Start, pairs: Pairs, options: FitOptions, report: Report) -> History:
    """Adam with a half-cosine rate; keeps the averaged parameters that did best on the held-out pairs."""
    sde, multiplicity, held_out = start.sde, start.multiplicity, start.held_out
    weight = torch.from_numpy(pairs.weight * multiplicity / pairs.weight.mean()).float()
    everything = sde.batch(pairs)
    rows, check = (torch.from_numpy(np.flatnonzero(chosen)) for chosen in (multiplicity > 0, held_out))
    judged = everything.rows(check)
    check_weight = torch.from_numpy(pairs.weight[held_out]).float()
    per_epoch = max(1, math.ceil(len(rows) / options.batch_size))
    epochs = min(
        max(options.max_epochs, math.ceil(options.min_steps / per_epoch)), max(1, options.max_steps // per_epoch)
    )
    optimiser, rate = _optimiser(sde, options, epochs * per_epoch)
    mean = _RunningMean(list(sde.parameters()), options.averaging * max(per_epoch, 20))

    def batches() -> Sequence[Tensor]:
        return rows[torch.randperm(len(rows), generator=start.generator)].split(options.batch_size)

    def loss(part: Tensor) -> tuple[Tensor, float]:
        w = weight[part]
        return (w * sde.nll(everything.rows(part), options.noise_scale)).sum() / w.sum(), float(w.sum())

    def stepped() -> None:
        rate.step()
        mean.follow()

    def of_held_out(epoch: int) -> float:
        if not len(check):
            return -float(epoch)  # nothing judges: the last epoch is kept
        with torch.no_grad(), mean.in_place():
            losses = check_weight * sde.nll(judged, options.noise_scale)
        return float(losses.double().sum() / check_weight.double().sum())

    history = descend(
        loss,
        batches,
        optimiser,
        epochs=epochs,
        stepped=stepped,
        clipped=sde.parameters(),
        largest_gradient=10.0,
        # tiny epochs are not all worth a look at the held-out pairs
        judge=Judge(of_held_out, mean.keep, options.patience * epochs, every=max(1, epochs // 60)),
        state=(start.generator, rate, mean),
        progress=part_of(report, "fit"),
    )
    mean.put_best()
    return history


def _optimiser(
    sde: NeuralSDE, options: FitOptions, steps: int
) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.LambdaLR]:
    """Adam that pulls the weights (not the biases) to zero, and its rate: 50 steps up, then a half cosine down to 0."""
    decayed = [p for name, p in sde.named_parameters() if name.endswith("weight")]
    others = [p for name, p in sde.named_parameters() if not name.endswith("weight")]
    groups = [{"params": decayed, "weight_decay": options.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=options.learning_rate)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1.0, (k + 1) / 50) * 0.5 * (1 + math.cos(math.pi * min(k / steps, 1.0)))
    )
    return optimiser, rate


class _RunningMean:
    """A running mean of parameters over the last steps, and the best one so far.

    Args:
        parameters: followed.
        steps: that it reaches back, once so many were made.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], steps: float) -> None:
        self._parameters, self._steps, self._step = parameters, steps, 0
        self._mean = [p.detach().clone() for p in parameters]
        self._best = [p.clone() for p in self._mean]

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the parameters after a step."""
        self._step += 1
        kept = min(1 - 1 / self._steps, self._step / (self._step + 10))
        for mean, parameter in zip(self._mean, self._parameters, strict=True):
            mean.lerp_(parameter, 1 - kept)

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        return {"step": self._step, "mean": self._mean, "best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._step, self._mean, self._best = state["step"], state["mean"], state["best"]

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the parameters are the mean."""
        now = [p.detach().clone() for p in self._parameters]
        self._put(self._mean)
        try:
            yield
        finally:
            self._put(now)

    def keep(self) -> None:
        """The mean as it is now is the best."""
        self._best = [mean.clone() for mean in self._mean]

    def put_best(self) -> None:
        """Make the best mean the parameters."""
        self._put(self._best)

    @torch.no_grad()
    def _put(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.copy_(value)
