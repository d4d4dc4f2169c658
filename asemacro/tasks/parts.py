"""Finished parts of a long run, kept as they come, from which the same command goes on after it was killed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from asemacro.files.arrays import Expected, read_arrays
from asemacro.files.plain_tree import Arrays, arrays_of_tree, tree_of_arrays
from asemacro.tasks.checkpoint import Checkpoint, Entry, write_arrays
from asemacro.tasks.generator_state import restore, spawned, state_text
from asemacro.tasks.keeper import EVERY_S, MOST_BYTES, Keeper, P

T = TypeVar("T")
LEAST_S = 0.02
"""What took less is made again."""
_MOST_ARRAYS = 4000  # of a file
_KEYS = {"keys": Expected("text", ("parts",))}


class Parts:
    """What a run has finished, by name, in the order in which it came; written every half minute and at an interrupt.

    A run that goes on does again what it did before, in the same order; what is found here is not made again. So names
    need not say what a part depends on: the inputs of the run do, and parts of other inputs are not found.

    Args:
        checkpoint: where they are kept.
        inputs: all that the run depends on, in named parts, see `content.digest`.

    Attributes:
        store: for results that are kept under their own inputs (`Task.kept`); none of them lasts.
        goes_on: whether something of the same run was kept.
    """

    def __init__(self, checkpoint: Checkpoint, inputs: Mapping[str, Any]) -> None:
        self._checkpoint, self._inputs = checkpoint, dict(inputs)
        self.store = Checkpoint(None)
        self.store.directory = checkpoint.directory
        self._run = checkpoint.entry("run", inputs, ".txt")
        self._lock = threading.RLock()
        self._asked: Counter[str] = Counter()
        self._waiting: dict[str, Arrays] = {}
        self._bytes, self._written = 0.0, time.monotonic()
        self._found: dict[str, int] = {}  # the file that each part is in
        self._read: tuple[int, dict[str, Arrays]] = (-1, {})
        self._files = 0
        self.goes_on = self._run.load(lambda path: path.read_text(encoding="utf-8")) is not None
        while self.goes_on and (entry := self._entry(self._files)).there:
            for key in entry.load(lambda path: read_arrays(path, "checkpoint", _KEYS)["keys"].tolist()) or ():
                self._found[key] = self._files
            self._files += 1

    def numbered(self, label: str) -> str:
        """A name that no other part has: the label, and how often it was asked for."""
        with self._lock:
            self._asked[label] += 1
            return f"{label}.{self._asked[label]}"

    def get(self, key: str, kinds: Sequence[type] = ()) -> Any:
        """What a part gave, None if it is not there; dataclasses of some kinds in it."""
        with self._lock:
            number = self._found.get(key)
            if number is None:
                return None
            if self._read[0] != number:
                self._read = number, self._entry(number).load(_parts_of) or {}
            arrays = self._read[1].get(key)
            return None if arrays is None else tree_of_arrays(arrays, kinds)

    def put(self, key: str, value: Any, kinds: Sequence[type] = ()) -> None:
        """A part is finished; what is no plain value or of these kinds, or would be too large, is not kept."""
        try:
            arrays = arrays_of_tree(value, kinds)
        except TypeError:
            return
        if len(arrays) > _MOST_ARRAYS:
            return
        with self._lock:
            self._bytes += sum(array.nbytes for array in arrays.values())
            if self._bytes > MOST_BYTES:
                self._checkpoint.say_once("what is finished has become too large to be kept: killed, the run goes back")
                return
            for inner in [name for name in self._waiting if name.startswith(f"{key}/")]:
                del self._waiting[inner]
            self._waiting[key] = arrays
            many = sum(len(arrays) for arrays in self._waiting.values()) > _MOST_ARRAYS
            if many or time.monotonic() - self._written >= EVERY_S:
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            if self._waiting:
                waiting = self._waiting
                self.begin()
                self._entry(self._files).save(lambda path: _write_parts(path, waiting))
                self._files += 1
            self._waiting, self._written = {}, time.monotonic()

    def leave(self, error: BaseException | None) -> None:
        """The run ends, with an error or without: what waits is written if it is `worth_keeping`."""
        if worth_keeping(error):
            self.flush()

    def begin(self) -> None:
        """Something of this run is about to be kept."""
        if not self._run.there:
            self._run.save(lambda path: path.write_text("parts of a run\n", encoding="utf-8"))

    def keeper(self, key: str, read: Callable[[Path], P], n_bytes: float, what: str) -> Keeper[P]:
        """Of a part on its way."""
        name = f"on-the-way-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        entry = _Begun(self._checkpoint, name, {**self._inputs, "part": key}, ".npz", lasting=False)
        entry.parts = self
        return Keeper(entry, read, n_bytes, what, EVERY_S)

    def _entry(self, number: int) -> Entry:
        return self._checkpoint.entry(f"parts-{number:05d}", self._inputs)


class Unfinished(ValueError):
    """Something of the user failed in the middle of a run, as a calculator does now and then: it may work next time."""


def worth_keeping(error: BaseException | None) -> bool:
    """Whether the same command could go on after an error; after one that says what is wrong with it it could not."""
    return error is not None and (isinstance(error, Unfinished) or not isinstance(error, ValueError | TypeError))


class _Begun(Entry):
    """Place of a part on its way; before it is kept, the run is."""

    parts: Parts

    def save(self, write: Callable[[Path], Any]) -> None:
        self.parts.begin()
        super().save(write)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in a run a thread is.

    Attributes:
        parts: of the run.
        path: the parts inside of which it is.
    """

    parts: Parts
    path: str = ""

    def key(self, label: str) -> str:
        """Name of the next part here of some label."""
        return self.parts.numbered(f"{self.path}{label}")

    @property
    def result(self) -> str:
        """Name of what all that is done here gives."""
        return self.path.removesuffix("/")

    def inside(self, key: str) -> Place:
        """Inside of a part."""
        return Place(self.parts, f"{key}/")


class _Thread(threading.local):
    place: Place | None = None


_thread = _Thread()


def place_here() -> Place | None:
    """Where this thread is; None where no run keeps parts."""
    return _thread.place


@contextlib.contextmanager
def at_place(place: Place | None) -> Iterator[None]:
    """Within the block this thread is there."""
    before = place_here()
    _thread.place = place
    try:
        yield
    finally:
        _thread.place = before


def store_here() -> Checkpoint:
    """Where the run of this thread keeps results under their own inputs; one that keeps nothing outside of a run."""
    place = place_here()
    return Checkpoint(None) if place is None else place.parts.store


def part(label: str, make: Callable[[], T], *, rng: np.random.Generator | None = None, kinds: Sequence[type] = ()) -> T:
    """What `make` gives; where a run keeps its parts (`RunFolder.keep_parts`), it is kept and found again.

    Args:
        label: what it is; the same one may come several times, in the same order in each run.
        make: gives plain values (`plain_tree`), changes nothing else, and draws from nothing but `rng`.
        rng: goes on as if `make` had been called.
        kinds: dataclasses that it may give.
    """
    place = place_here()
    if place is None:
        return make()
    key = place.key(label)
    if (found := place.parts.get(key, kinds)) is not None:
        value, state, children = found
        if rng is not None:
            rng.spawn(children)
            restore(rng, state)
        return value  # type: ignore[no-any-return]
    begun, before = time.monotonic(), 0 if rng is None else spawned(rng)
    with at_place(place.inside(key)):
        made = make()
    if time.monotonic() - begun >= LEAST_S:
        after = ("", 0) if rng is None else (state_text(rng), spawned(rng) - before)
        place.parts.put(key, (made, *after), kinds)
    return made


def _write_parts(path: Path, parts: Mapping[str, Arrays]) -> None:
    arrays = {f"{k}.{name}": array for k, part in enumerate(parts.values()) for name, array in part.items()}
    write_arrays(path, {"keys": np.array(list(parts)), **arrays})


def _parts_of(path: Path) -> dict[str, Arrays]:
    """Inverse of `_write_parts`.

    Raises:
        ValueError: it is no such file.
    """
    arrays = read_arrays(path, "checkpoint")
    found: list[Arrays] = [{} for _ in arrays.pop("keys")]
    keys = read_arrays(path, "checkpoint", _KEYS)["keys"].tolist()
    for name, array in arrays.items():
        place, _, inner = name.partition(".")
        found[int(place)][inner] = array
    return dict(zip(keys, found, strict=True))
