"""The programme of a furnace: temperatures held and ramps between them, read from one line of text."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from ase.units import kB
from numpy.typing import ArrayLike
from scipy.special import hyperu

from asemacro.arguments.checks import positive, shown, temperature_of, time_of
from asemacro.arguments.door import array, check_fields, checked, many, number, text, whole
from asemacro.plot.written_numbers import written
from asemacro.typing import Floats

ZERO_C = 273.15
LONGEST_S = 1e18  # of a programme: twice the age of the universe
MOST_STAGES = 1000
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
EXAMPLE = "1200K 1h; cool 5K/s to 900K; 900K 100h"
_NUMBER = r"(?P<value>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_TEMPERATURE = re.compile(_NUMBER + r"\s*(?P<unit>K|°C|C)(?![A-Za-z/])")
_DURATION = re.compile(_NUMBER + r"\s*(?P<unit>min|s|h|d)(?![A-Za-z/])")
_RATE = re.compile(_NUMBER + r"\s*(?:K|°C|C)\s*/\s*(?P<unit>min|s|h|d)(?![A-Za-z/])")
_BLANK = re.compile(r"\s*")
_WORD = re.compile(r"(heat|cool|to)(?![A-Za-z])")


class Stage(NamedTuple):
    """A part of a programme in which the temperature is constant or linear in time.

    Attributes:
        start_s: when it begins.
        duration_s: how long it lasts.
        from_K: temperature at its beginning.
        to_K: temperature at its end.
    """

    start_s: float
    duration_s: float
    from_K: float
    to_K: float

    @property
    def holds(self) -> bool:
        """Whether the temperature is constant."""
        return self.from_K == self.to_K

    @property
    def end_s(self) -> float:
        """When it ends."""
        return self.start_s + self.duration_s

    @property
    def rate_K_per_s(self) -> float:
        """dT/dt."""
        return (self.to_K - self.from_K) / self.duration_s

    def __str__(self) -> str:
        if self.holds:
            return f"{self.from_K:g} K {in_words(self.duration_s)}"
        verb = "heat" if self.to_K > self.from_K else "cool"
        return f"{verb} {written(abs(self.rate_K_per_s))} K/s to {self.to_K:g} K"


def stage_of(value: Any, name: str) -> Stage:
    """A stage, with numbers that make sense."""
    if not isinstance(value, (tuple, list)) or len(value) != len(Stage._fields):
        raise TypeError(f"{name} must be a Stage of start, duration and two temperatures, got {shown(value)}")
    start, duration, first, last = value
    return Stage(
        time_of(start, f"the start of {name}"),
        positive(duration, f"duration of {name}", "seconds"),
        temperature_of(first, f"the first temperature of {name}"),
        temperature_of(last, f"the last temperature of {name}"),
    )


def in_words(seconds: float) -> str:
    """A duration in the unit that people would use: 90 s, 30 min, 100 h, 12 d."""
    unit = next((u for u, least in (("d", 10 * 86400), ("h", 3600), ("min", 120)) if seconds >= least), "s")
    return f"{written(seconds / SECONDS[unit])} {unit}"


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Temperature T(t) of a furnace programme, piecewise constant or linear.

    Between two stages the temperature may jump: a quench that takes no time.

    Attributes:
        stages: one after the other in time, at least one.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        check_fields(self, stages=many(stage_of, least=1))
        now = 0.0
        for stage in self.stages:
            if abs(stage.start_s - now) > 1e-9 * max(now, 1.0):
                raise ValueError(f"stages must follow each other: one begins at {stage.start_s:g} s, not at {now:g} s")
            now = stage.end_s
        if now > LONGEST_S:
            raise ValueError(f"a programme lasts at most {LONGEST_S:g} s, this one {now:.3g} s")

    @classmethod
    @checked(words=text)
    def parse(cls, words: str) -> Schedule:
        """The programme in a line of text, stages separated by semicolons.

        A stage is a temperature that is held, "1200K 1h", or a ramp, "cool 5K/s to 900K", "heat 10K/min to 1400K".
        Temperatures are in K or C (degrees Celsius), durations in s, min, h or d, rates in K/s, K/min, K/h or K/d. The
        first stage is held, or is a temperature alone, from which the next ramp starts. Two temperatures that are held
        one after the other are a quench.

        Args:
            words: the text, as in "1200K 1h; cool 5K/s to 900K; 900K 100h".

        Raises:
            ValueError: one line that names the position of what cannot be read and says what belongs there.
        """
        stages: list[Stage] = []
        now, kelvin, begin = 0.0, math.nan, 0
        parts = words.split(";")
        if len(parts) > MOST_STAGES:
            raise ValueError(f"schedule: {len(parts)} stages, at most {MOST_STAGES} are taken")
        for k, part in enumerate(parts):
            reader = _Reader(words, begin, begin + len(part))
            begin += len(part) + 1
            if reader.empty and k == len(parts) - 1 and stages:
                break  # a semicolon at the end
            duration, target, held = reader.stage(kelvin)
            start = target if held else kelvin
            if duration > 0:
                stages.append(Stage(now, duration, start, target))
            kelvin, now = target, now + duration
            if now > LONGEST_S:
                raise reader.error(f"the programme lasts {now:.3g} s by then, at most {LONGEST_S:g} s are taken")
        if not stages:
            raise ValueError(f"schedule: nothing lasts any time; give stages as in {EXAMPLE!r}")
        return cls(tuple(stages))

    @property
    def duration_s(self) -> float:
        """Length of the programme."""
        return self.stages[-1].end_s

    @property
    def lowest_K(self) -> float:
        """Lowest temperature."""
        return min(min(stage.from_K, stage.to_K) for stage in self.stages)

    @property
    def highest_K(self) -> float:
        """Highest temperature."""
        return max(max(stage.from_K, stage.to_K) for stage in self.stages)

    @property
    def jumps(self) -> list[tuple[float, float]]:
        """Temperatures before and after each quench."""
        pairs = zip(self.stages, self.stages[1:], strict=False)
        return [(before.to_K, after.from_K) for before, after in pairs if before.to_K != after.from_K]

    @checked(times_s=array())
    def temperature(self, times_s: ArrayLike) -> Floats:
        """Temperatures in K at times in s (any shape); at a quench that after it.

        Raises:
            ValueError: a time before the beginning or after the end.
        """
        times = np.asarray(times_s, dtype=float)
        if times.size and not (times.min() >= 0 and times.max() <= self.duration_s * (1 + 1e-12)):
            raise ValueError(f"times must lie in the programme, from 0 to {self.duration_s:g} s")
        starts = np.array([stage.start_s for stage in self.stages])
        which = np.searchsorted(starts, times, side="right") - 1
        first, last, length = (
            np.array([getattr(stage, name) for stage in self.stages])[which]
            for name in ("from_K", "to_K", "duration_s")
        )
        return first + (last - first) * ((times - starts[which]) / length).clip(0, 1)

    @checked(energy_eV=number(0.0), stage=whole(0))
    def boltzmann_time(self, energy_eV: float, stage: int) -> float:
        r"""Integral of exp(-E / kT) over a stage, in seconds, exactly.

        Of a ramp with the rate r it is the integral of exp(-a/T) dT / r, a = E / k, of which
        T exp(-a/T) (1 - x U(1, 1, x)), x = a/T, is a primitive; U(1, 1, x) = exp(x) E_1(x) is a confluent
        hypergeometric function (DLMF 13.6.6), which does not overflow.

        Args:
            energy_eV: E, not negative.
            stage: its number, from 0.

        Raises:
            ValueError: no such stage.
        """
        if stage >= len(self.stages):
            raise ValueError(f"the programme has {len(self.stages)} stages, counted from 0; there is no {stage}")
        of, a = self.stages[stage], energy_eV / kB
        if of.holds or energy_eV == 0:
            return of.duration_s * math.exp(-a / of.from_K)

        def primitive(kelvin: float) -> float:
            x = a / kelvin
            return kelvin * math.exp(-x) * (1.0 - x * float(hyperu(1, 1, x)))

        return (primitive(of.to_K) - primitive(of.from_K)) / of.rate_K_per_s

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __str__(self) -> str:
        return "; ".join(map(str, self.stages))


class _Reader:
    """Reads one stage of a text, from `at` to `end`."""

    def __init__(self, words: str, at: int, end: int) -> None:
        self._words, self._at, self._end = words, at, end
        self._skip()

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return self._at >= self._end

    def stage(self, before_K: float) -> tuple[float, float, bool]:
        """Duration, temperature at the end, and whether that is held all the time.

        Args:
            before_K: temperature at the end of the stage before; nan for the first stage.
        """
        first = math.isnan(before_K)
        verb = self._word("heat", "cool")
        if verb is None:
            target = self._temperature()
            if first and self.empty:
                return 0.0, target, True
            length = self._quantity(_DURATION, "a duration as in 30min or 100h")
            self._finish()
            return length, target, True
        if first:
            raise self.error("the first stage must say where the programme starts, as in '1200K 1h'")
        rate = self._quantity(_RATE, "a rate as in 5K/s or 10K/min", per=True)
        if self._word("to") is None:
            raise self.error("expected 'to' and a temperature, as in 'cool 5K/s to 900K'")
        place = self._at
        target = self._temperature()
        if (target - before_K) * (1 if verb == "heat" else -1) <= 0:
            self._at = place
            raise self.error(f"'{verb}' from {before_K:g} K to {target:g} K leads the other way or nowhere")
        self._finish()
        return abs(target - before_K) / rate, target, False

    def error(self, what: str) -> ValueError:
        """One line with the position."""
        rest = self._words[self._at : self._end].rstrip()
        shown = f"{rest[:24]!r}" if rest else "the end of a stage"
        return ValueError(f"schedule, character {self._at + 1}, at {shown}: {what}")

    def _temperature(self) -> float:
        place = self._at
        found = self._match(_TEMPERATURE)
        if found is None:
            raise self.error(f"expected a temperature as in 1200K or 927C; a schedule is written {EXAMPLE!r}")
        kelvin = float(found["value"]) + (0.0 if found["unit"] == "K" else ZERO_C)
        try:
            return temperature_of(kelvin, "a temperature")
        except ValueError as error:
            self._at = place
            raise self.error(str(error)) from None

    def _quantity(self, pattern: re.Pattern[str], what: str, *, per: bool = False) -> float:
        place = self._at
        found = self._match(pattern)
        value = math.nan if found is None else float(found["value"])
        if found is None or not (math.isfinite(value) and value > 0):
            self._at = place
            raise self.error(f"expected {what}, above zero")
        unit = SECONDS[found["unit"]]
        return value / unit if per else value * unit

    def _word(self, *words: str) -> str | None:
        found = _WORD.match(self._words, self._at, self._end)
        if found is None or found[1] not in words:
            return None
        self._move(found.end())
        return str(found[1])

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._words, self._at, self._end)
        if found is not None:
            self._move(found.end())
        return found

    def _finish(self) -> None:
        if not self.empty:
            raise self.error("a stage ends here; stages are separated by ';'")

    def _move(self, at: int) -> None:
        self._at = at
        self._skip()

    def _skip(self) -> None:
        blank = _BLANK.match(self._words, self._at, self._end)
        assert blank is not None
        self._at = blank.end()
