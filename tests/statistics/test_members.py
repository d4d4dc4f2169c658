"""Error bars of few members hold as many further ones as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from asemacro.statistics.members import error_of_members
from asemacro.testing import ALPHA


@pytest.mark.parametrize(("members", "noise"), [(2, 0.0), (3, 0.0), (10, 0.0), (2000, 0.2)])
def test_one_more_member_lies_within_the_bar_in_as_many_cases_as_of_a_normal_error(members: int, noise: float) -> None:
    rng = np.random.default_rng(members)
    cases = 1000
    values = rng.normal(2.0, 0.3, (members + 1, cases))
    mean, truth = values[:-1].mean(axis=0), values[-1]
    seen = values[:-1] + noise * rng.standard_normal((members, cases))
    held = int((np.abs(truth - mean) <= error_of_members(seen, noise)).sum())
    # what sampling adds to the spread is taken out again: that of many members is as wide as without
    slack = 0.005 * cases if noise else 0.0
    low, high = stats.binom.ppf([ALPHA / 2, 1 - ALPHA / 2], cases, stats.norm.cdf(1) - stats.norm.cdf(-1))
    assert low - slack <= held <= high + slack


def test_factors_are_those_that_the_text_gives() -> None:
    for members, factor in ((2, 2.25), (3, 1.53), (3000, 1.0)):
        values = np.linspace(-1, 1, members)
        assert error_of_members(values) / values.std(ddof=1) == pytest.approx(factor, abs=0.005)


def test_what_is_not_known_is_nan_and_noise_alone_is_nothing() -> None:
    assert np.isnan(error_of_members(np.ones((1, 4)))).all()
    assert error_of_members(np.empty((0, 4))).shape == (4,)
    found = error_of_members(np.array([[1.0, np.nan, 1.0], [2.0, 1.0, 1.1]]), 0.5)
    assert found[0] > 0
    assert np.isnan(found[1])
    assert found[2] == 0
