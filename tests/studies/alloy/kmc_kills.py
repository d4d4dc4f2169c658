"""Kill the command kmc again and again and start it again: python kmc_kills.py FOLDER KILLS.

Half of the kills come at a random moment, half while a file comes into place. At the end the results must be those of a
run that was never killed, byte for byte. Prints the number of kills and how often a run went on.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from asemacro.cli.app import app
from asemacro.tasks import keeper

STRUCTURES = Path(__file__).parents[3] / "structures"
RESULTS = ("sro.csv", "final.extxyz", "trajectory.amz.zip")
GOES_ON = "goes on after"


def run(folder: Path) -> str:
    """The command; what it prints."""
    words = ["kmc", STRUCTURES / "NiCoCr.cif", "-T", 1200, "--barriers", STRUCTURES / "NiCoCr_pair.json"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        app([str(word) for word in (*words, "--sites", 500, "--hops", 1000000, "-o", folder)], standalone_mode=False)
    return said.getvalue()


def killed_while_publishing(folder: Path, moment: int) -> None:
    """The command, which kills itself before or after file number `moment` comes into place."""
    replace, count = os.replace, [moment]

    def replaced(*paths: str) -> None:
        for act in (lambda: None, lambda: replace(*paths)):
            act()
            count[0] -= 1
            if count[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replaced  # type: ignore[assignment]
    run(folder)


def main(folder: Path, most_kills: int) -> None:
    """Kill and start again, then let it come to its end."""
    keeper.Keeper.__init__.__defaults__ = (0.0,)  # kept at every record point
    rng = np.random.default_rng(int(os.environ.get("KILLS_SEED", "0")))
    folder.mkdir(parents=True)
    log = folder / "log"
    whole, here = folder / "whole", folder / "killed"
    run(whole)  # compiles, too
    begin = time.monotonic()
    run(folder / "timed")
    took = time.monotonic() - begin
    kills, finished = 0, 0
    while kills < most_kills or finished == 0:
        moment = int(rng.integers(0, 250))
        child = os.fork()
        if child == 0:
            if kills < most_kills and kills % 2:
                killed_while_publishing(here, moment)
            else:
                with log.open("a") as file:
                    file.write(run(here))
            os._exit(0)
        if kills < most_kills and kills % 2 == 0:
            time.sleep(rng.uniform(0, took))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        kills += os.WIFSIGNALED(status)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            finished += 1
            for name in RESULTS:
                assert (here / name).read_bytes() == (whole / name).read_bytes(), f"{name} differs"
            assert not (here / ".checkpoint").exists()
    print(f"{kills} kills, {finished} runs to the end, {log.read_text().count(GOES_ON)} of them went on from a pause")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
