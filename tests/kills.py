"""Kill commands again and again and start them again: python kills.py FOLDER KILLS [CASE...], see `kill_cases`.

Half of the kills come at a random moment, half at a moment of publication (`fault_points`). After each, what is kept
must be whole, results and labels that were told of must be there, and no label may have been made twice; at the end of
each run the results must be those of a run that was never killed, byte for byte. Prints, for each case, the number of
kills and how often a run went on.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fault_points import kill_at_publication, tell_of_publication
from kill_cases import CASES, Case, make_small, write_inputs

import asemacro
from asemacro.barriers.labelling.database import LabelDatabase, read_labels
from asemacro.cli.app import app
from asemacro.files.content import digest, file_digest
from asemacro.studies.labelling import label as labelling

LABELS = "labels.db"
GOING_ON = ("goes on", "taken from", "learned before")
OVER_ITS_RESULTS = 0.2
"""How often a run that came to its end is made again in its folder; else the folder goes."""
SOONER, LATER = 0.8, 1.2
"""The next kill after a run that came to its end, or that did not: about half of the runs are killed."""


class Killed:
    """A command that is killed in a folder.

    Attributes:
        moments: of publication, in a run that is not killed.
        went_on: runs that went on where one was killed.
    """

    def __init__(self, case: Case, folder: Path) -> None:
        self._case, self._here, self._whole = case, folder / "killed", folder / "whole"
        self._said, self._labels, self._counted = (folder / name for name in ("said", "labels", "moments"))
        self._published = False
        self.moments = self.went_on = 0

    def run_whole(self) -> float:
        """A run that is not killed; what it takes."""
        told: list[str] = []

        def work() -> None:
            tell_of_publication(told.append)
            self._run(self._whole)
            self._counted.write_text(f"{len(told)}")

        begin = time.monotonic()
        assert waited(child_of(work)) == 0, self._said.read_text()
        self.moments = int(self._counted.read_text())
        self._labels.unlink(missing_ok=True)
        return time.monotonic() - begin

    def run_and_kill(self, after_s: float | None = None, moment: int | None = None) -> bool:
        """One run, to its end or to a kill, after some time or at a moment of publication; whether it was killed."""
        before, begun = self._labels_there(), len(self._noted("begun"))

        def work() -> None:
            if moment is not None:
                kill_at_publication(moment)
            self._run(self._here)

        status = waited(child_of(work), after_s)
        said = self._said.read_text()
        assert os.WIFSIGNALED(status) or status == 0, said
        assert "is damaged" not in said, said
        self.went_on += bool(before) or any(word in said for word in GOING_ON)
        check_store(self._here)
        there = self._labels_there()
        assert not before & set(self._noted("begun")[begun:]), "a label that was there was made again"
        assert before | set(self._noted("there")) <= there, "a label is lost"
        self._check_results(finished=status == 0)
        return os.WIFSIGNALED(status)

    def begin_anew(self) -> None:
        """As if nothing had been done."""
        shutil.rmtree(self._here)
        self._labels.unlink(missing_ok=True)
        self._published = False

    def _run(self, folder: Path) -> None:
        """The command, in this process; what it says goes to a file at once, and so do the names of labels."""
        make_small(self._case)
        self._note_labels()
        words = [str(word) for word in (*self._case.words, "-o", folder / self._case.file)]
        with contextlib.ExitStack() as stack:
            said = stack.enter_context(self._said.open("w", buffering=1))
            stack.enter_context(contextlib.redirect_stdout(said))
            stack.enter_context(contextlib.redirect_stderr(said))
            app(words, standalone_mode=False)

    def _note_labels(self) -> None:
        compute, write = labelling.compute_band, LabelDatabase.write

        def note(what: str, name: str) -> None:
            with self._labels.open("a") as log:
                log.write(f"{what} {name}\n")

        def computed(jump: Any, *rest: Any) -> Any:
            note("begun", jump.name)
            return compute(jump, *rest)

        def written(database: LabelDatabase, band: Any) -> None:
            write(database, band)
            note("there", band.jump.name)

        labelling.compute_band, LabelDatabase.write = computed, written  # type: ignore

    def _noted(self, what: str) -> list[str]:
        lines = self._labels.read_text().splitlines() if self._labels.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]

    def _labels_there(self) -> set[str]:
        path = self._here / LABELS
        names = [label.name for label in read_labels(path, failed=True)] if path.exists() else []
        assert len(names) == len(set(names)), "a label is there twice"
        return set(names)

    def _check_results(self, *, finished: bool) -> None:
        """Those that a run said it had written stay, whatever happens to the same command in the same folder."""
        self._published |= finished
        if self._published:
            for name in self._case.results:
                assert content(self._here / name) == content(self._whole / name), f"{name} differs"
        if finished:
            assert names_in(self._here) == names_in(self._whole)


def child_of(work: Callable[[], None]) -> int:
    """A process of its own for some work; its number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return child


def waited(child: int, after_s: float | None = None) -> int:
    """Status of a process at its end; it is killed if it has not ended after some time."""
    timer = threading.Timer(after_s or 0.0, os.kill, (child, signal.SIGKILL))
    if after_s is not None:
        timer.start()
    status = os.waitpid(child, 0)[1]
    timer.cancel()
    return status


def check_store(folder: Path) -> None:
    """Each record of what is kept has its file."""
    for path in folder.rglob("*checkpoint/[!.]*.json"):
        kept = json.loads(path.read_text())
        assert file_digest(path.with_name(kept["file"])) == kept["sha256"], f"{path} has another file"


def content(path: Path) -> str:
    """What may not differ: all bytes; of labels, whose rows hold the time of day, jumps and barriers in their order."""
    if path.name != LABELS:
        return file_digest(path)
    labels = read_labels(path, failed=True)
    return digest([(one.name, one.x, one.vacancy, one.jumping, one.forward_eV, one.backward_eV) for one in labels])


def names_in(folder: Path) -> list[str]:
    """Files that a run leaves."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def main(folder: Path, most_kills: int, name: str) -> None:
    """Kill and start again, then let it come to its end."""
    rng = np.random.default_rng(int(os.environ.get("KILLS_SEED", "0")))
    folder.mkdir(parents=True)
    os.chdir(folder)
    write_inputs(folder)
    killed = Killed(CASES[name], folder)
    most_s, most_moments = killed.run_whole(), float(killed.moments)
    kills, finished, runs = 0, 0, 0
    while kills < most_kills:
        begin = time.monotonic()
        if kills % 2 == 0:
            died = killed.run_and_kill(after_s=rng.uniform(0, most_s))
            most_s = most_s * LATER if died else min(most_s * SOONER, time.monotonic() - begin)
        else:
            died = killed.run_and_kill(moment=int(rng.uniform(0, most_moments)))
            most_moments = max(most_moments * (LATER if died else SOONER), 2.0)
        runs, kills, finished = runs + 1, kills + died, finished + (not died)
        if not died and rng.uniform() > OVER_ITS_RESULTS:
            killed.begin_anew()
    assert not killed.run_and_kill()
    print(
        f"{name}: {kills} kills, half of them at one of {killed.moments} moments of publication; {runs + 1} runs, "
        f"{finished + 1} to the end, {killed.went_on} went on; {sum(os.times()[2:4]):.0f} s of CPU time",
        flush=True,
    )


if __name__ == "__main__":
    for found in pkgutil.walk_packages(asemacro.__path__, "asemacro."):  # once, here: each run is a fork of this one
        if not found.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):  # Dask is not everywhere
                importlib.import_module(found.name)
    failed = []
    for case in sys.argv[3:] or CASES:
        here = Path(sys.argv[1]).absolute() / case.replace(" ", "-")
        if waited(child_of(partial(main, here, int(sys.argv[2]), case))):
            failed.append(case)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
