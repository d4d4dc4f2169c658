"""The loop in which networks learn, on a parabola with known steps."""

from __future__ import annotations

import threading

import pytest
import torch

from asemacro.tasks.descent import Judge, descend
from asemacro.tasks.interrupts import Stopped, stoppable

TARGET = torch.tensor([1.0, -2.0])


class Parabola:
    """|x - target|^2 / 2 of minibatches of targets; a plain gradient step of rate 1 hits the mean of the minibatch."""

    def __init__(self, rate: float = 0.5) -> None:
        self.x = torch.nn.Parameter(torch.zeros(2))
        self.optimiser = torch.optim.SGD([self.x], lr=rate)
        self.steps = 0

    def loss(self, target: torch.Tensor) -> tuple[torch.Tensor, float]:
        return 0.5 * (self.x - target).square().sum(), 3.0

    def stepped(self) -> None:
        self.steps += 1


def test_steps_losses_and_progress_of_an_epoch() -> None:
    of, told = Parabola(), []
    history = descend(
        of.loss, lambda: [TARGET, TARGET], of.optimiser, epochs=2, stepped=of.stepped,
        progress=lambda *words: told.append(words),
    )  # fmt: skip
    torch.testing.assert_close(of.x.detach(), TARGET * (1 - 0.5**4))
    assert of.steps == 4
    # |target|^2 / 2 = 2.5, a quarter of it after each step
    assert history.training == pytest.approx([2.5 * (1 + 1 / 4) / 2, 2.5 * (1 / 16 + 1 / 64) / 2])
    assert [words[:2] for words in told] == [("descent", f) for f in (0.25, 0.5, 0.75, 1.0, 1.0)]
    assert told[-1][2] == f"loss {history.training[-1]:.4f}"
    assert not history.validation


def test_the_epoch_that_judges_best_is_kept_and_patience_ends_the_descent() -> None:
    of, held_out, kept = Parabola(), iter([3.0, 1.0, 2.0, 1.5, 0.5]), []
    judge = Judge(lambda epoch: next(held_out), lambda: kept.append(of.steps), patience=1)
    history = descend(of.loss, lambda: [TARGET], of.optimiser, epochs=9, stepped=of.stepped, judge=judge)
    assert history.validation == [3.0, 1.0, 2.0, 1.5]
    assert (history.best_epoch, history.stopped_early, kept) == (1, True, [1, 2])


def test_it_looks_now_and_then_and_after_the_last_epoch() -> None:
    of, looked = Parabola(), []

    def held_out(epoch: int) -> float:
        looked.append(epoch)
        return -float(epoch)

    judge = Judge(held_out, lambda: None, every=3)
    descend(of.loss, lambda: [TARGET], of.optimiser, epochs=7, stepped=of.stepped, judge=judge)
    assert looked == [2, 5, 6]


def test_gradients_are_clipped_together() -> None:
    of = Parabola(rate=1.0)
    descend(
        of.loss, lambda: [TARGET], of.optimiser, epochs=1, stepped=of.stepped, clipped=[of.x], largest_gradient=0.1
    )  # fmt: skip
    torch.testing.assert_close(of.x.detach(), 0.1 * TARGET / 5**0.5, atol=1e-6, rtol=0)


def test_a_loss_that_is_not_finite_is_refused() -> None:
    of = Parabola(rate=1e30)
    with pytest.raises(
        ValueError, match=r"^the loss is not finite in epoch 1; look for outliers or lower learning_rate$"
    ):
        descend(of.loss, lambda: [TARGET] * 3, of.optimiser, epochs=5, stepped=of.stepped)


def test_it_stops_when_it_is_told() -> None:
    of, stop = Parabola(), threading.Event()

    def stepped() -> None:
        of.stepped()
        if of.steps == 2:
            stop.set()

    with stoppable((stop,)), pytest.raises(Stopped):
        descend(of.loss, lambda: [TARGET], of.optimiser, epochs=10**6, stepped=stepped)
    assert of.steps == 2
