"""Train and evaluate graph networks on barrier data."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from asemacro.barriers.gnn import BarrierGNN
from asemacro.barriers.gnn_layers import Coded

MEMBERS = 2
EPOCHS = {"direct": 20, "consistent": 20}
WIDTHS = {"direct": {"width": 32, "hidden": 64}, "consistent": {"width": 24, "hidden": 64, "energy_width": 32}}
HUBER_EV = 0.03
"""Errors above this count linearly: a few labels of the DFT set are wrong by 0.2 eV and more."""


def fit_gnn(
    model: BarrierGNN,
    env: NDArray[np.int8],
    barrier: NDArray[np.floating],
    *,
    epochs: int,
    learning_rate: float = 4e-3,
    weight_decay: float = 0.3,
    batch: int = 64,
    seed: int = 0,
    progress: bool = False,
) -> None:
    """Train every member by itself from its own start and order of the data: AdamW, one cycle, Huber loss.

    Args:
        model: edited in place; its weights are made anew from `seed`.
        env: (n, n_env) environments in the model's species.
        barrier: (n, 8) eV, nan where unknown.
        epochs: passes over the data.
        learning_rate: peak of the cycle.
        weight_decay: of the matrices, not of the biases.
        batch: vacancies per step.
        seed: of the weights and of the order.
        progress: show a bar.
    """
    from tqdm import tqdm

    known = np.isfinite(barrier)
    if not known.any():
        raise ValueError("there is no barrier to train on")
    features = model.features(env)
    target = torch.as_tensor(np.asarray(barrier, dtype=np.float32))
    steps = math.ceil(len(env) / batch)
    bar = tqdm(total=len(model.nets) * epochs * steps, unit="step", disable=not progress)
    for m, net in enumerate(model.nets):
        generator = torch.Generator().manual_seed(seed * 1009 + m)
        reset(net, generator)
        with torch.no_grad():
            net.last.bias.fill_(float(barrier[known].mean()))
        matrices = [p for p in net.parameters() if p.dim() > 1]
        vectors = [p for p in net.parameters() if p.dim() <= 1]
        optimiser = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=learning_rate,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=epochs * steps)
        for _ in range(epochs):
            for rows in torch.randperm(len(env), generator=generator).split(batch):
                wanted = target[rows]
                use = torch.isfinite(wanted)
                loss = F.smooth_l1_loss(net(features[rows])[use], wanted[use], beta=HUBER_EV)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                bar.update()
        bar.set_postfix(member=m + 1, loss=f"{loss.item():.4f}")
    bar.close()
    model.eval()


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
