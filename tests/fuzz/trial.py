"""One damaged file, read: what came of it, how long it took, how much memory, and whether code was run."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import logging
import resource
import signal
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fuzz.damage import Damage

LIMIT_S = 10.0
"""CPU time of one file."""
LIMIT_BYTES = 10**9
"""Memory that one file may take."""
_CEILING = 4 * 10**9  # of address space beyond what is taken: the machine is spared
_LONGEST_LINE = 1500
_MOST_TRIES = 20
_ROOT = Path(__file__).resolve().parents[2] / "asemacro"


class Hang(BaseException):
    """Reading took too long; no reader may take it for an error of the file."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of file, or of folder.

    Attributes:
        make: writes whole ones into a folder.
        read: reads that folder, of which one file was damaged, as a user would: by public functions or a command, whose
            refusal it returns.
        victims: which of the files are damaged; all by default.
        seal: mends checksums in the folder after the damage, half of the times.
    """

    make: Callable[[Path], object]
    read: Callable[[Path, Path, np.random.Generator], object]
    victims: Callable[[str], bool] = lambda name: True
    seal: Callable[[Path, Path], object] | None = None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one file.

    Attributes:
        number: which one it is of its kind.
        victim: the damaged file.
        said: the line with which it was refused; empty if it was read.
        fault: what may not be; empty if all is well.
        seconds: CPU time.
        megabytes: of memory.
    """

    number: int
    victim: str
    said: str
    fault: str
    seconds: float
    megabytes: float


class Trials:
    """Damaged files of one kind.

    Args:
        name: of the kind; with the number of a file the seed of its damage.
        kind: what it is.
        folder: where everything happens.
    """

    def __init__(self, name: str, kind: Kind, folder: Path) -> None:
        self.name, self._kind = name, kind
        self._folder, self._canary = folder / "case", folder / "canary"
        self._folder.mkdir(parents=True)
        kind.make(self._folder)
        self._whole = _contents(self._folder)
        self._names = [name for name in sorted(self._whole) if kind.victims(name)]
        self._damage = Damage(self._canary)
        logging.getLogger().addHandler(logging.NullHandler())  # or the command would add one for standard error

    def read_whole(self) -> None:
        """Whole files must be read; what has to be compiled is compiled."""
        for name in self._names:
            for seed in itertools.count():
                try:  # among the options that are drawn some fit no file
                    self._kind.read(self._folder, self._folder / name, np.random.default_rng(seed))
                    break
                except ValueError:
                    if seed == _MOST_TRIES:
                        raise
            self._restore()

    def outcome(self, number: int) -> Outcome:
        """What comes of the damaged file of this number."""
        victim, content, rng = self._case(number)
        path = self._folder / victim
        path.write_bytes(content)
        if self._kind.seal is not None and rng.random() < 0.7:
            self._kind.seal(self._folder, path)
        try:
            return self._judged(number, victim, lambda: self._kind.read(self._folder, path, rng))
        finally:
            self._restore()

    def damaged(self, number: int) -> bytes:
        """The damaged file of this number."""
        return self._case(number)[1]

    def _case(self, number: int) -> tuple[str, bytes, np.random.Generator]:
        rng = np.random.default_rng([zlib.crc32(self.name.encode()), number])
        victim = self._names[rng.integers(len(self._names))]
        return victim, self._damage.damaged(victim, self._whole[victim], rng), rng

    def _judged(self, number: int, victim: str, read: Callable[[], object]) -> Outcome:
        said, faults = "", []
        before, begun = _reset_peak(), time.process_time()
        err = io.StringIO()
        with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("always")
            with contextlib.redirect_stderr(err), _limited():
                try:
                    given = read()
                    said = given if isinstance(given, str) else ""
                except (ValueError, OSError) as error:
                    said = str(error)
                    faults += _faults_of_line(error)
                except Hang:
                    faults.append(f"no end after {LIMIT_S:g} s\n{_last_lines()}")
                except Exception:
                    faults.append(traceback.format_exc(limit=-8))
        seconds, megabytes = time.process_time() - begun, (_peak() - before) / 1e6
        if seconds > LIMIT_S:
            faults.append(f"took {seconds:.1f} s")
        if megabytes * 1e6 > LIMIT_BYTES:
            faults.append(f"took {megabytes:.0f} MB of memory")
        if self._canary.exists():
            faults.append("ran code from the file")
            self._canary.unlink()
        if "Traceback" in err.getvalue():
            faults.append(f"printed {err.getvalue()[-2000:]}")
        faults += sorted({f"warned: {w.category.__name__}: {w.message}" for w in warned if _is_heard(w)})
        return Outcome(number, victim, said, "; ".join(faults), seconds, megabytes)

    def _restore(self) -> None:
        """The folder as it was made."""
        now = {p for p in self._folder.rglob("*") if not p.is_dir()}
        for path in now:
            if path.relative_to(self._folder).as_posix() not in self._whole:
                path.unlink()
        for name, content in self._whole.items():
            path = self._folder / name
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _is_heard(warning: warnings.WarningMessage) -> bool:
    """Whether a user would see it: not what Python hides by default."""
    return not issubclass(warning.category, DeprecationWarning | PendingDeprecationWarning | ResourceWarning)


def _faults_of_line(error: Exception) -> list[str]:
    """What is wrong with the line of an error."""
    line = str(error)
    if not line.strip():
        return [f"says nothing: {error!r}"]
    frames = traceback.extract_tb(error.__traceback__)
    faults = []
    if not Path(frames[-1].filename).is_relative_to(_ROOT):
        ours = [f for f in frames if Path(f.filename).is_relative_to(_ROOT)]
        where = f"{ours[-1].filename}:{ours[-1].lineno}" if ours else "nowhere of ours"
        faults.append(f"in the words of a library, from {where}: {type(error).__name__}: {line[:200]!a}")
    if "\n" in line or len(line) > _LONGEST_LINE or not line.isprintable():
        faults.append(f"is no printable line: {line[:300]!a}")
    return faults


def _last_lines() -> str:
    return traceback.format_exc(limit=-6)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Within the block CPU time and address space are bounded."""

    def ring(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + _CEILING, hard))
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _status(name: str) -> int:
    """A number of bytes that Linux tells of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _reset_peak() -> int:
    """The memory taken now, after which the highest is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")
