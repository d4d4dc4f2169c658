"""Kill a command again and again and start it again: python kills.py CASE FOLDER KILLS.

Half of the kills come at a random moment, half while a file comes into place. At the end the results must be those of a
run that was never killed, byte for byte. Prints the number of kills and how often a run went on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch  # noqa: F401  (once, here: each run below is a fork of this process)
from stopped_runs import kill_at_replacement

from asemacro.cli.app import app
from asemacro.studies.alloy import prediction
from asemacro.tasks import keeper, on_the_way, parts

STRUCTURES = Path(__file__).parents[1] / "structures"
ALLOY = (STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json")
CASES: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "kmc": (
        ("kmc", *ALLOY, "-T", 1200, "--sites", 500, "--hops", 1_000_000),
        ("sro.csv", "final.extxyz", "trajectory.amz.zip"),
    ),
    "learn ising": (
        ("learn", "ising", "--sites", 256, "--small", 64, "--starts", 25),
        ("sde.safetensors", "training.safetensors"),
    ),
    "learn kac-ising": (
        ("learn", "kac-ising", "--sites", 4096, "--range", 4, "--starts", 12, "--field", 0),
        ("spde.safetensors", "kernel.csv", "mobility.csv"),
    ),
    "learn predator-prey-ode": (
        ("learn", "predator-prey-ode", "--sites", 6, "--trajectories", 4, "--fits", 2, "--closure", 1),
        ("ode.safetensors", "encoder.safetensors", "training.safetensors"),
    ),
    "learn alloy": (
        ("learn", "alloy", *ALLOY, "-T", "1000,1500", "--small", 108, "--sites", 432, "--hops", 2000, "--workers", 1),
        ("sde.safetensors", "training.safetensors"),
    ),
    "phase-diagram": (
        (
            *("phase-diagram", *ALLOY, "--temperatures", "1000,1500", "--small", 108, "--sites", 432),
            *("--hops", 2000, "--sweeps", 40, "--workers", 1),
        ),
        ("sro.csv", "sde.safetensors", "ttt.csv", "final.extxyz"),
    ),
    "diffusion": (
        ("diffusion", *ALLOY, "-T", "1200,1600", "--sites", 108, "--runs", 6, "--hops", 4000, "--workers", 1),
        ("diffusion.csv", "onsager.csv", "arrhenius.csv"),
    ),
    "equilibrium": (
        ("equilibrium", *ALLOY, "-T", "900,1500", "--sites", 256, "--sweeps", 80, "--workers", 1),
        ("order.csv", "thermodynamics.csv", "long_range_order.csv"),
    ),
    "reproduce": (("reproduce", "fig4", "--quick"), ("fig4.csv", "fig4.json")),
}
EVERY_S, MOST_MOMENTS = {"kmc": 0.0}, {"kmc": 250}
"""Between two times at which a run on its way is kept, and files that come into place at most before a kill, unless
0.2 s, as short as these runs are, and 40: of kmc it is kept at every record point."""
WORDS_OF_GOING_ON = ("goes on", "taken from")


def run(words: tuple[object, ...], folder: Path) -> str:
    """The command; what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        app([str(word) for word in (*words, "-o", folder)], standalone_mode=False)
    return said.getvalue()


def child_of(work: object) -> int:
    """A process of its own for some work; its number."""
    child = os.fork()
    if child == 0:
        work()  # type: ignore[operator]
        os._exit(0)
    return child


def main(case: str, folder: Path, most_kills: int) -> None:
    """Kill and start again, then let it come to its end."""
    parts.EVERY_S = EVERY_S.get(case, 0.2)
    keeper.Keeper.__init__.__defaults__ = (parts.EVERY_S,)
    parts.LEAST_S = on_the_way.LEAST_S = on_the_way.LOOK_S = 0.0
    prediction.FIT = dataclasses.replace(prediction.FIT, max_epochs=2, min_steps=50)
    words, results = CASES[case]
    rng = np.random.default_rng(int(os.environ.get("KILLS_SEED", "0")))
    folder.mkdir(parents=True)
    log, whole, here = folder / "log", folder / "whole", folder / "killed"
    log.touch()
    begin = time.monotonic()
    assert os.waitpid(child_of(lambda: run(words, whole)), 0)[1] == 0
    took, files = time.monotonic() - begin, 0
    kills, finished = 0, 0
    while kills < most_kills or finished == 0:
        inside, moment = kills < most_kills and kills % 2 == 1, int(rng.integers(0, MOST_MOMENTS.get(case, 40)))

        def work(inside: bool = inside, moment: int = moment) -> None:
            if inside:
                kill_at_replacement(moment)
            said = run(words, here)
            if not inside:
                with log.open("a") as file:
                    file.write(said)

        child = child_of(work)
        if kills < most_kills and not inside:
            time.sleep(rng.uniform(0, took))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        kills += os.WIFSIGNALED(status)
        files = max(files, len(list(here.glob(".checkpoint/*"))))
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            finished += 1
            for name in results:
                assert (here / name).read_bytes() == (whole / name).read_bytes(), f"{name} differs"
            assert case != "kmc" or not (here / ".checkpoint").exists()
    went_on = sum(any(word in line for word in WORDS_OF_GOING_ON) for line in log.read_text().splitlines())
    print(f"{kills} kills, {finished} runs to the end, {files} files at most on the way, {went_on} lines of going on")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
