"""Every wrong argument is one line: a TypeError for another kind of thing, a ValueError for a value out of range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asemacro.arguments import checks


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: checks.generator_of(3), TypeError, "rng must be a numpy.random.Generator, got int"),
        (lambda: checks.generator_of(None), TypeError, "rng must be a numpy.random.Generator, got None"),
        (lambda: checks.count_of(0.5, "sweeps"), ValueError, "of sweeps must be a whole number >= 0, got 0.5"),
        (lambda: checks.count_of(-1, "sweeps"), ValueError, "the number of sweeps must be a whole number >= 0, got -1"),
        (lambda: checks.count_of(1e29, "copies"), ValueError, "got 1e+29"),
        (lambda: checks.count_of(10**400, "copies"), ValueError, "from 0 to"),
        (lambda: checks.count_of(np.nan, "copies"), ValueError, "got nan"),
        (lambda: checks.count_of(np.float64(np.inf), "copies"), ValueError, "got inf"),
        (lambda: checks.count_of(True, "copies"), TypeError, "the number of copies must be a number, got True"),
        (lambda: checks.count_of("x", "copies"), TypeError, "the number of copies must be a number, got 'x'"),
        (lambda: checks.count_of(7, "", least=1, most=3, name="shell"), ValueError,
         "shell must be a whole number from 1 to 3, got 7"),
        (lambda: checks.positive(0, "temperature", "K"), ValueError,
         "the temperature must be a finite number of K above 0, got 0"),
        (lambda: checks.positive([1], "temperature", "K"), TypeError, "the temperature must be a number, got [1]"),
        (lambda: checks.positive(1j, "temperature", "K"), TypeError, "got 1j"),
        (lambda: checks.time_of(np.inf), ValueError, "a duration must be a finite time >= 0, got inf"),
        (lambda: checks.times_of([1.0, 2.0, 3.0], 2), ValueError, "one number or (2,) numbers, got the shape (3,)"),
        (lambda: checks.times_of([1.0, np.nan], 2), ValueError, "a duration must be a finite time >= 0, got nan"),
        (lambda: checks.fraction_of(1.5, "fraction"), ValueError, "fraction must lie in (0, 1], got 1.5"),
        (lambda: checks.number_of(9.0, "size", least=1, most=3), ValueError,
         "size must be a finite number >= 1 and <= 3, got 9.0"),
        (lambda: checks.choice_of("z", "form", ("a", "b")), ValueError, "form must be one of a, b, got 'z'"),
        (lambda: checks.array_of([[1], [1, 2]], "z"), TypeError, "array of real numbers, got [[1], [1, 2]]"),
        (lambda: checks.array_of([1, np.nan], "z"), ValueError, "z must be finite, got nan in it"),
        (lambda: checks.array_of([1.0, 2.5], "z", kind="i"), ValueError, "z must be whole numbers, got 2.5"),
        (lambda: checks.array_of(np.ones(3), "z", (2, None)), ValueError, "z must have the shape (2, any), got (3,)"),
        (lambda: checks.array_of(np.ones(3, complex), "z"), TypeError, "complex128 with the shape (3,)"),
        (lambda: checks.bound_of_memory(1e29, "1e29 copies"), ValueError, "1e29 copies would take 1e+20 GB of memory"),
        (lambda: checks.bound_of_memory(np.nan, "it"), ValueError, "it would take"),
    ],
)  # fmt: skip
def test_one_line_that_names_argument_and_value(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as failed:
        make()
    assert message in str(failed.value)
    assert "\n" not in str(failed.value)


def test_good_values_pass_unchanged() -> None:
    rng = np.random.default_rng(0)
    assert checks.generator_of(rng) is rng
    assert checks.count_of(2.0, "sweeps") == 2
    assert checks.count_of(np.int8(3), "sweeps") == 3
    assert checks.count_of(2**60 + 1, "sweeps") == 2**60 + 1  # not by way of a float
    assert checks.positive(np.float32(2), "temperature", "K") == 2.0
    assert checks.time_of(np.array(1.5)) == 1.5
    assert checks.times_of(2, 3).tolist() == [2.0, 2.0, 2.0]
    assert checks.array_of([1.0, 2.0], "z", (2,), kind="i").dtype == np.int64
    checks.bound_of_memory(1e6, "a little")
    assert checks.memory_bytes() > 1e6
