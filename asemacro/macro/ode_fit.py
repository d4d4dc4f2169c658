"""Fit a macroscopic ODE to what forces say about its rate; all seeds are trained as one batched model."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    FORCE_LABELS,
    ODE,
    above_zero,
    check_fields,
    checked,
    flag_or_report,
    instance,
    number,
    whole,
)
from asemacro.fitted import Fitted, History
from asemacro.macro.splits import held_out_rows
from asemacro.tasks.descent import Judge, descend
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.data import ForceLabels
    from asemacro.macro.ode import NeuralODE


_LOOKS = 200  # at what is held out


@dataclasses.dataclass(frozen=True)
class OdeFitOptions:
    """Settings of `fit_ode`.

    Attributes:
        steps: gradient steps; the learning rate falls along a half cosine over them.
        batch_size: states a step, the same for all seeds; all at once if there are fewer.
        learning_rate: of AdamW, at the start.
        weight_decay: pulls the parameters to zero.
        validation: part of the trajectories that is held out and judges which parameters are kept.
        patience: part of all steps without a lower held-out loss of any seed after which it stops.

    Raises:
        ValueError: a setting is out of range.
    """

    steps: int = 5_000
    batch_size: int = 512
    learning_rate: float = 5e-3
    weight_decay: float = 0.0
    validation: float = 0.1
    patience: float = 0.5

    def __post_init__(self) -> None:
        check_fields(self, steps=whole(1), batch_size=whole(1), learning_rate=above_zero, patience=above_zero)
        check_fields(self, weight_decay=number(0), validation=number(0))
        if not self.validation < 1:
            raise ValueError(f"validation must lie in [0, 1), got {self.validation}")


@dataclasses.dataclass(frozen=True)
class OdeFitReport:
    """What `fit_ode` reached with each seed.

    Attributes:
        losses: mean loss |root g - target|^2 of the trajectories held out, of each seed, in units of the mean
            |target|^2: 1 is that of standing still; what the forces scatter at one z stays. Empty if none is held out.
        best_epochs: the epoch whose parameters were kept, of each seed.
    """

    losses: tuple[float, ...]
    best_epochs: tuple[int, ...]


@checked(
    ode=ODE,
    labels=FORCE_LABELS,
    seeds=whole(1, 1000),
    rng=generator_of,
    options=instance("OdeFitOptions"),
    progress=flag_or_report,
)
@one_thread()
def fit_ode(
    ode: NeuralODE,
    labels: ForceLabels,
    *,
    seeds: int = 1,
    rng: np.random.Generator,
    options: OdeFitOptions | None = None,
    progress: bool | Report = False,
) -> Fitted[NeuralODE, OdeFitReport]:
    """Fit an ODE to the mean loss of labels (L_x,p, L_x or L_z), in place.

    Measures the scales from the labels, draws new parameters for each seed and trains them all as one batched model
    that sees the same minibatches: AdamW (amsgrad), rate along a half cosine. Of each seed the parameters with the
    lowest loss on held-out trajectories are kept.

    Args:
        ode: the model.
        labels: from `force_labels`; states of one group stay together on one side of the split.
        seeds: how many first parameters are tried.
        rng: random generator; the same seed gives the same parameters.
        options: settings.
        progress: True for a bar, or a function called as progress("fit", fraction, text).

    Returns:
        `ode` with the parameters of the seed that is best on what was held out, and the models of all seeds, in their
        order, as members: quote the median over them and their spread.

    Raises:
        ValueError: labels that do not fit the ODE, or a loss that is not finite.
    """
    options = options or OdeFitOptions()
    ode.measure_scales(labels)
    held_out = held_out_rows(labels.group, options.validation, rng)
    members = []
    for stream in rng.spawn(seeds):
        member = copy.deepcopy(ode)
        member.reset(torch.Generator().manual_seed(int(stream.integers(2**62))), labels)
        members.append(member)
    order = torch.Generator().manual_seed(int(rng.integers(2**62)))
    together = Batched(members)
    with reporting(progress, {"fit": 1.0}) as report:
        history = _descend(together, ode, labels, held_out, options, order, part_of(report, "fit"))
    best = int(np.argmin(together.lowest))
    losses = tuple(together.lowest.tolist()) if held_out.any() else ()
    ode.load_state_dict(members[best].state_dict())
    found = {"loss of the rate": losses[best]} if losses else {}
    return Fitted(ode, found, OdeFitReport(losses, tuple(together.best_epoch.tolist())), (history,), tuple(members))


def _descend(
    together: Batched,
    ode: NeuralODE,
    labels: ForceLabels,
    held_out: NDArray[np.bool_],
    options: OdeFitOptions,
    generator: torch.Generator,
    report: Report,
) -> History:
    """AdamW with a half-cosine rate; each model keeps the parameters that did best on the held-out states."""
    y, root, target = in_units(ode, labels)
    rows, check = (torch.from_numpy(np.flatnonzero(chosen)) for chosen in (~held_out, held_out))
    per_epoch = max(1, math.ceil(len(rows) / options.batch_size))
    epochs = max(1, math.ceil(options.steps / per_epoch))
    parameters = list(together.parameters.values())
    optimiser = torch.optim.AdamW(
        parameters, lr=options.learning_rate, weight_decay=options.weight_decay, amsgrad=True, fused=True
    )
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * per_epoch)
    now, looked = np.full(together.size, math.inf), -1

    def losses(part: Tensor) -> Tensor:
        residual = torch.einsum("nri,sni->snr", root[part], together(y[part])) - target[part]
        return residual.square().sum(2).mean(1)

    def loss(part: Tensor) -> tuple[Tensor, float]:
        each = losses(part)
        return each.sum(), float(len(part))  # the sum: how many there are shall not change what each learns

    def batches() -> Sequence[Tensor]:
        return rows[torch.randperm(len(rows), generator=generator)].split(options.batch_size)

    def of_held_out(epoch: int) -> float:
        nonlocal now, looked
        looked = epoch
        if not len(check):
            now = np.full(together.size, -float(epoch))  # nothing judges: the last epoch is kept
        else:
            with torch.no_grad():
                now = losses(check).double().numpy()
        return float(np.fmin(now, together.lowest).mean())

    judge = Judge(
        of_held_out,
        lambda: together.keep(now, looked),
        options.patience * epochs,
        every=max(1, epochs // _LOOKS),
    )
    history = descend(
        loss,
        batches,
        optimiser,
        epochs=epochs,
        stepped=rate.step,
        judge=judge,
        state=(generator, rate, together),
        progress=report,
    )
    together.put_best()
    history.training = [value / together.size for value in history.training]
    return history


def in_units(ode: NeuralODE, labels: ForceLabels) -> tuple[Tensor, Tensor, Tensor]:
    """y (N, d), root (N, r, d) and target (N, r) for rates dy/dt', over the root mean square of the targets."""
    scale, tau = ode.z_scale.numpy(), float(ode.time_scale()[0])
    unit = np.sqrt((labels.target**2).sum(axis=1).mean())
    columns = ((labels.z - ode.z_mean.numpy()) / scale, labels.root * (scale / tau / unit), labels.target / unit)
    y, root, target = (torch.from_numpy(column).to(ode.dtype) for column in columns)
    return y, root, target


class Batched:
    """The drifts of several models of one shape as one: their parameters stacked, and the best of each so far.

    Args:
        models: whose parameters are drawn; `put_best` changes them.
    """

    def __init__(self, models: list[NeuralODE]) -> None:
        self._drifts = [model.drift_network for model in models]
        drift, self.size = self._drifts[0], len(models)
        stacked, buffers = torch.func.stack_module_state(list(self._drifts))  # type: ignore[arg-type]
        # tables of indices are the same in all: they stay as they are
        real = {name: value for name, value in buffers.items() if value.is_floating_point()}
        self.parameters = {name: value.detach().requires_grad_() for name, value in stacked.items()}
        self._best = {name: value.detach().clone() for name, value in self.parameters.items()}
        self.lowest = np.full(len(models), math.inf)
        self.best_epoch = np.full(len(models), -1)

        def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], y: Tensor, c: Tensor) -> Tensor:
            return torch.func.functional_call(drift, (parameters, buffers), (y, c))  # type: ignore[no-any-return]

        all_of_them = torch.func.vmap(one, in_dims=(0, 0, None, None))
        self._call = lambda y: all_of_them(self.parameters, real, y, y.new_zeros(len(y), 0))

    def __call__(self, y: Tensor) -> Tensor:
        """Drifts (S, N, d) of normalised variables y (N, d)."""
        return self._call(y)

    def keep(self, losses: Floats, epoch: int) -> None:
        """Keep the parameters of the models whose loss (S,) is the lowest so far."""
        better = losses < self.lowest
        self.lowest, self.best_epoch = np.where(better, losses, self.lowest), np.where(better, epoch, self.best_epoch)
        for name, value in self.parameters.items():
            self._best[name][better] = value.detach()[better]

    def state_dict(self) -> dict[str, Any]:
        """All that changes beside the parameters."""
        return {"best": self._best, "lowest": self.lowest, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Inverse of `state_dict`."""
        self._best, self.lowest, self.best_epoch = state["best"], state["lowest"], state["best_epoch"]

    @torch.no_grad()
    def put_best(self) -> None:
        """Give each model its best parameters."""
        for k, drift in enumerate(self._drifts):
            for name, parameter in drift.named_parameters():
                parameter.copy_(self._best[name][k])
