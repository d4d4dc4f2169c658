"""Finished parts of a run: found again by the same run and by no other; its random numbers go on as if all was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fault_points import kill_at_publication
from hypothesis import given, settings
from hypothesis import strategies as st

from asemacro.files.plain_tree import arrays_of_tree, tree_of_arrays
from asemacro.tasks import parts as module
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.descent import Judge, descend
from asemacro.tasks.on_the_way import OnTheWay
from asemacro.tasks.parts import Parts, Place, at_place, part, place_here
from asemacro.tasks.running import InTurn, Task, run_tasks

INPUTS = {"system": "ising", "seed": 1}
NUMBERS = st.floats(width=64) | st.integers() | st.booleans() | st.none() | st.text(max_size=5)
TREES = st.recursive(
    NUMBERS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def _all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_S", 0.0)


def parts_in(folder: Path, **inputs: Any) -> Parts:
    return Parts(Checkpoint(folder), {**INPUTS, **inputs})


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


@settings(max_examples=150, deadline=None)
@given(tree=TREES)
def test_a_tree_comes_back_as_it_was(tree: Any) -> None:
    assert same(tree_of_arrays(arrays_of_tree(tree)), tree)


def test_arrays_come_back_with_their_type_and_objects_are_refused() -> None:
    held = {"a": np.arange(6, dtype=np.int8).reshape(2, 3), 3: np.float32(0.1), "t": torch.tensor([1.5, 2.0])}
    back = tree_of_arrays(arrays_of_tree(held))
    assert back["a"].dtype == np.int8
    assert np.array_equal(back["a"], held["a"])
    assert (type(back[3]), back[3]) == (np.float32, np.float32(0.1))
    assert torch.equal(back["t"], held["t"])
    for strange in (object(), {1.5: 2}, np.array([None]), Path("x")):
        with pytest.raises(TypeError):
            arrays_of_tree(strange)
    with pytest.raises(ValueError, match="damaged"):
        tree_of_arrays({"tree": np.array('["array", 7]')})


def steps(rng: np.random.Generator, made: list[str]) -> list[float]:
    """Two parts with others inside, numbers drawn between them, and tasks with streams of their own."""

    def inner() -> float:
        made.append("inner")
        return float(rng.normal())

    def outer() -> float:
        made.append("outer")
        rng.spawn(2)
        return part("inner", inner, rng=rng) + part("inner", inner, rng=rng)

    found = [part("outer", outer, rng=rng), float(rng.normal()), part("outer", outer, rng=rng)]

    def work(stream: np.random.Generator) -> Callable[[Any], float]:
        def drawn(progress: Any) -> float:
            made.append("task")
            return float(stream.normal())

        return drawn

    for executor in (InTurn(), None):
        tasks = [Task(f"task {k}", work(stream), part=()) for k, stream in enumerate(rng.spawn(3))]
        found += run_tasks(tasks, executor, workers=2)
    return [*found, float(rng.normal())]


@pytest.mark.parametrize("stop", range(1, 13))
def test_what_goes_on_is_what_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    whole, all_made = steps(np.random.default_rng(5), []), 12
    put, left = Parts.put, [stop]

    def stopping(self: Parts, *given: Any) -> None:
        put(self, *given)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    kept, made = parts_in(tmp_path), []
    monkeypatch.setattr(Parts, "put", stopping)
    with at_place(Place(kept)), pytest.raises(KeyboardInterrupt):
        steps(np.random.default_rng(5), made)
    monkeypatch.setattr(Parts, "put", put)
    kept.flush()
    again, anew = parts_in(tmp_path), []
    assert again.goes_on
    with at_place(Place(again)):
        assert steps(np.random.default_rng(5), anew) == whole
    assert place_here() is None
    assert len(anew) < all_made
    assert len(made) + len(anew) <= all_made + 1, "hardly anything is made twice"


def test_parts_of_other_inputs_are_not_found_and_what_differs_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = parts_in(tmp_path)
    kept.put("a", (1,))
    kept.flush()
    assert parts_in(tmp_path).get("a") == (1,)
    other = parts_in(tmp_path, seed=2)
    assert not other.goes_on
    assert other.get("a") is None
    assert caplog.messages == ["checkpoint of other inputs ignored: seed differs"]


def test_a_damaged_file_counts_as_absent(tmp_path: Path) -> None:
    kept = parts_in(tmp_path)
    for name in ("a", "b"):
        kept.put(name, (name,))
        kept.flush()
    (damaged,) = (tmp_path / ".checkpoint").glob("parts-00000*.npz")
    damaged.write_bytes(b"nothing")
    again = parts_in(tmp_path)
    assert (again.get("a"), again.get("b")) == (None, ("b",))


def test_what_is_too_large_is_said_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000.0)
    kept = parts_in(tmp_path)
    for name in "ab":
        kept.put(name, np.zeros(100))
    kept.flush()
    assert caplog.messages == ["what is finished has become too large to be kept: killed, the run goes back"]
    assert parts_in(tmp_path).get("a") is not None
    assert parts_in(tmp_path).get("b") is None


def fit(epochs: int = 12) -> tuple[list[float], torch.Tensor, Any]:
    """A straight line through points, with momentum, a falling rate, and the best parameters."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(40, generator=generator)
    weights = torch.zeros(2, requires_grad=True)
    best = torch.nn.ParameterList([weights.detach().clone()])
    optimiser = torch.optim.AdamW([weights], lr=0.05)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 4 * epochs)

    def loss(rows: torch.Tensor) -> tuple[torch.Tensor, float]:
        return (weights[0] + weights[1] * x[rows] - 2 * x[rows].sin()).square().mean(), float(len(rows))

    def keep() -> None:
        with torch.no_grad():
            best[0].copy_(weights)

    history = descend(
        loss,
        lambda: torch.randperm(40, generator=generator).split(10),
        optimiser,
        epochs=epochs,
        stepped=rate.step,
        judge=Judge(lambda epoch: float(loss(torch.arange(5))[0].detach()), keep),
        state=(generator, rate, best),
    )
    return history.training, best[0].detach(), history


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_a_descent_goes_on_between_two_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    monkeypatch.setattr("asemacro.tasks.on_the_way.LOOK_S", 0.0)
    monkeypatch.setattr("asemacro.tasks.on_the_way.LEAST_S", 0.0)
    whole = fit()
    look, left = OnTheWay.look, [stop]

    def stopping(self: OnTheWay) -> None:
        look(self)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(OnTheWay, "look", stopping)
    with at_place(Place(parts_in(tmp_path))), pytest.raises(KeyboardInterrupt):
        fit()
    looks: list[int] = []
    monkeypatch.setattr(OnTheWay, "look", lambda self: looks.append(1))
    for expected in (12 - stop, 12 - stop):  # the second time its end is there
        kept = parts_in(tmp_path)
        assert kept.goes_on
        with at_place(Place(kept)):
            again = fit()
        kept.flush()
        assert again[0] == whole[0]
        assert torch.equal(again[1], whole[1])
        assert again[2] == whole[2]
        assert len(looks) == expected


def test_killed_at_any_write_the_parts_before_are_whole(tmp_path: Path) -> None:
    for moment in range(40):  # ten of them at each of four writes: two files come, two temporary ones and an old one go
        folder = tmp_path / str(moment)
        child = os.fork()
        if child == 0:
            kill_at_publication(moment)
            kept = parts_in(folder)
            for number in range(3):
                kept.put(f"{number}", (number,))
                kept.flush()
            os._exit(0)
        os.waitpid(child, 0)
        again = parts_in(folder)
        found = [again.get(f"{number}") for number in range(3)]
        there = [value for value in found if value is not None]
        assert there == [(number,) for number in range(len(there))]
        assert len(there) >= (moment - 5) // 10  # the record comes with the sixth
