"""The folder of a run: one process at a time, results of one kind, and a word on what stands when it is interrupted."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from asemacro.files.json_text import read_json
from asemacro.files.store import CannotWrite, output_directory, remove_leftovers
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.interrupts import interrupted
from asemacro.tasks.lock import Lock
from asemacro.tasks.parts import Parts, Place, Unfinished, at_place
from asemacro.tasks.publication import RECORD, Files, listed_files, publish
from asemacro.tasks.run_log import RunLog

RESULTS = {
    "equilibrium": ("order.csv", "thermodynamics.csv", "long_range_order.csv", "equilibrium.png"),
    "phase-diagram": (
        *("sro.csv", "sro.png", "ttt.csv", "ttt.png", "thermodynamics.csv"),
        *("final.extxyz", "courses.npz", "sde.safetensors"),
    ),
    "anneal": ("anneal.csv", "anneal.png", "cooling.csv"),
    "kmc": ("sro.csv", "final.extxyz", "trajectory.amz.zip", "trajectory.extxyz"),
    "sample": ("observables.csv", "final.extxyz", "trajectory.amz.zip", "trajectory.extxyz"),
    "sro": ("sro.csv", "average.csv", "sro.png", "order.extxyz", "scattering.csv", "scattering.png"),
    "diffusion": ("diffusion.csv", "onsager.csv", "arrhenius.csv", "diffusion.png"),
    "bench": ("bench.csv",),
    "barriers learn": ("model.safetensors", "model.md", "rounds.csv", "learning.png"),
    "learn": (
        *("sde.safetensors", "training.safetensors", "closure.safetensors", "diagnostics.png"),
        *("ode.safetensors", "encoder.safetensors"),
        *("spde.safetensors", "kernel.csv", "mobility.csv"),
    ),
}
"""What each verb may write beside run.json, or has written in earlier versions."""
PAGE = "report.html"
"""The page that `asemacro report` makes of any of them; of older results it goes with them."""
_ONLY_IN = {"copies": "phase-diagram", "hops_per_second": "kmc", "path_pull": "learn"}
"""How the records of version 0.1, which do not name their verb, are told apart."""
LOCK = ".asemacro.lock"


def verb_of(record: Mapping[str, Any]) -> str:
    """The verb whose results a run record describes; version 0.1 did not name it."""
    return str(record.get("verb") or next((_ONLY_IN[key] for key in record if key in _ONLY_IN), "sample"))


class RunFolder:
    """A folder for the results of one run, to be used as `with RunFolder(path, "kmc") as folder:`.

    On entering, the folder is made and locked, what dead processes left is removed, and a folder with results of
    another verb is refused; those of the same verb are replaced, which `keep_parts` says. What is said from then on is
    kept in `run.log`. Results appear together (`publish`). An interrupt leaves as one line that says what stands.

    Args:
        path: the folder.
        verb: who writes, a key of RESULTS; another word for results that lie beside each other (`reproduce`).
        force: replace the results of another verb, and keep nothing but the new results.

    Raises:
        ValueError: the folder holds other results, or its run record is damaged.
        OSError: it cannot be written, or another process writes in it.
        InterruptedError: on leaving, in place of KeyboardInterrupt.
    """

    def __init__(self, path: str | Path, verb: str, *, force: bool = False) -> None:
        self.path = Path(path)
        self.checkpoint = Checkpoint(path)
        self._verb = verb
        self._force = force
        self._new = not self.path.exists()
        self._lock = Lock(self.path / LOCK, f"in {self.path}", "give another folder with -o")
        self._log = RunLog(self.path, verb)
        self._stale: tuple[str, ...] = ()
        self._replaces = False
        self._published = False
        self._parts: Parts | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        output_directory(self.path)
        self._lock.take()
        try:
            self._stale = self._older_results()
            remove_leftovers(self.path)
            self._log.open()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parts is not None:
            self._parts.leave(error)
        self._closing.close()
        stands = self._what_stands()
        stopped = interrupted(error)
        self._log.shut(
            "done" if error is None else f"interrupted; {stands}" if stopped else f"{type(error).__name__}: {error}"
        )
        self._release()
        inner = isinstance(error, InterruptedError) and str(error)  # a run in a folder of this one says what it keeps
        if stopped and not (inner and not self._published and not self.checkpoint.holds_results):
            raise InterruptedError(f"interrupted; {stands}") from None
        if isinstance(error, Unfinished) and self.checkpoint.holds_results:
            raise Unfinished(f"{error}; {stands}") from None

    def keep_parts(self, inputs: Mapping[str, Any]) -> None:
        """From here on, what the run finishes is kept (`parts.part`, `Task.part`, `descend`); the same run goes on.

        Args:
            inputs: all that the run depends on, in named parts, contents and not names.
        """
        self._parts = Parts(self.checkpoint, inputs)
        self._closing.enter_context(at_place(Place(self._parts)))
        if self._parts.goes_on:
            print(f"goes on from what is kept in {self.path}, of the same run that was stopped")
        elif self._replaces:
            print(
                f"{self.path} holds the results of an earlier `asemacro {self._verb}`: they are replaced when this one "
                "is finished; -o gives another folder"
            )

    def publish(self, files: Files, record: Mapping[str, Any], record_name: str = RECORD) -> list[Path]:
        """Put results in place and forget what was kept for them, but for what lasts; see `publication.publish`.

        Finished simulations last, so that the next command in this folder goes on from them; with `force` nothing does.

        Args:
            files: names and what writes each.
            record: of the run; the verb is added, and the command line that the process was started with.
            record_name: file of the record.
        """
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        content = {"verb": self._verb, "command": command, **record}
        try:
            written = publish(self.path, files, content, record_name=record_name, stale=self._stale)
        except CannotWrite as error:
            if self._parts is not None:
                self._parts.leave(error)
            if self.checkpoint.holds_results:
                raise error.with_advice("what was computed is kept, the same command goes on from there") from None
            raise
        self._published = True
        if self._force:
            self.checkpoint.clear()
        else:
            self.checkpoint.settle()
        return written

    def _older_results(self) -> tuple[str, ...]:
        """Names of older results that go when the new ones are published; refuses those of another verb."""
        own = RESULTS.get(self._verb)
        if own is None:
            return ()
        if not (self.path / RECORD).is_file():
            foreign = {name for names in RESULTS.values() for name in names if (self.path / name).is_file()} - set(own)
            if foreign and not self._force:
                raise ValueError(
                    f"{self.path} holds {', '.join(sorted(foreign))} of another kind of run; give another folder "
                    "with -o, or --force to write there all the same"
                )
            return own
        record = read_json(self.path / RECORD, "run record")
        held = verb_of(record)
        if held == self._verb:
            self._replaces = True
            return (*own, PAGE, *listed_files(self.path / RECORD))
        if not self._force:
            raise ValueError(
                f"{self.path} holds the results of `asemacro {held}`; give another folder with -o, or --force to "
                "replace them"
            )
        return (*own, PAGE, *(listed_files(self.path / RECORD) or RESULTS.get(held, ())))

    def _what_stands(self) -> str:
        """What an interrupted run leaves."""
        if self._published:
            return f"all results are in {self.path}"
        old = (self.path / RECORD).is_file()
        if self.checkpoint.holds_results:
            beside = " beside the results of an earlier run" if old else ""
            return f"what was computed is kept in {self.path}{beside}, the same command goes on from there"
        if old:
            return f"nothing new was written, {self.path} still holds the results of an earlier run"
        return "nothing was written"

    def _release(self) -> None:
        """Give the lock back; a log of nothing and a folder that was made for nothing go."""
        self._lock.release()
        if self._log.new and not self._published and not self.checkpoint.holds_results:
            self._log.path.unlink(missing_ok=True)
        if self._new and not any(self.path.iterdir()):
            self.path.rmdir()
