"""Streams by name: the same for equal labels, independent for others, whatever was asked for before."""

from __future__ import annotations

import itertools

import numpy as np
from scipy import stats

from asemacro.tasks.streams import Streams
from asemacro.testing import ALPHA


def test_a_name_is_a_stream() -> None:
    one, two = (Streams.of(np.random.default_rng(7)) for _ in range(2))
    two("other", 1).random(100)
    assert one("small", 1500, 3).random() == two("small", np.float64(1500.0), 3).random()


def test_other_names_other_streams() -> None:
    rng = np.random.default_rng(7)
    first, again = Streams.of(rng), Streams.of(rng)
    labels = [(), ("a",), ("a", ""), ("a", "b"), ("ab",), ("b", "a"), ("a", 1), ("a", 1, 2), ("a", 12), ("a", "1")]
    drawn = [streams(*words).random() for streams in (first, again) for words in labels]
    assert len(set(drawn)) == len(drawn)


def test_a_stream_is_the_same_on_any_machine() -> None:
    assert Streams((1, 2))("small", 1500.0, 0).integers(1000, size=5).tolist() == [919, 849, 316, 780, 999]


def test_streams_are_independent() -> None:
    drawn = np.array([Streams((0,))(stage, n).standard_normal(400) for stage in ("a", "b") for n in range(20)])
    pairs = np.array([drawn[i] @ drawn[j] for i, j in itertools.combinations(range(40), 2)]) / np.sqrt(400)
    # 780 correlations of unit variance: none beyond what one in 1e5 such sets has, and their mean square is 1
    assert np.abs(pairs).max() < stats.norm.isf(ALPHA / 2 / len(pairs))
    assert stats.chi2.sf(float(pairs @ pairs), len(pairs)) > ALPHA
    assert stats.kstest(drawn.ravel(), "norm").pvalue > ALPHA
