"""The log of a run: all that is said, beside its results; and how much of it is shown."""

from __future__ import annotations

import io
import logging
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from asemacro.tasks import progress as progress_module
from asemacro.tasks import run_log
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.run_log import Loudness, set_loudness

STRUCTURES = Path(__file__).parents[2] / "structures"
RUN = ("kmc", STRUCTURES / "NiCoCr.cif", "-T", 1200, "--barriers", STRUCTURES / "NiCoCr_pair.json", "--sites", 108)


@pytest.fixture(autouse=True)
def ordinary() -> Iterator[None]:
    yield
    set_loudness(Loudness.ORDINARY)


def lines_of(folder: Path) -> list[str]:
    """The log without its times of day, which are there."""
    lines = (folder / "run.log").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", line) for line in lines)
    return [line[21:] for line in lines]


def test_all_that_a_command_says_is_in_the_log(command, tmp_path: Path) -> None:
    code, out, _ = command(*RUN, "--hops", 400, "-o", tmp_path)
    assert code == 0
    lines = lines_of(tmp_path)
    assert lines[0].startswith("asemacro ")
    assert "kmc" in lines[0]
    assert lines[-1] == "done"
    printed = [line for line in out.splitlines() if line]
    assert len(printed) >= 3
    assert [line for line in lines if line in printed] == printed
    assert sys.stdout is sys.__stdout__ or not isinstance(sys.stdout, run_log._Tee)


def test_quiet_shows_nothing_and_logs_the_same(command, tmp_path: Path) -> None:
    code, out, err = command(*RUN, "--hops", 400, "-q", "-o", tmp_path)
    assert (code, out, err) == (0, "", "")
    assert any("400 hops" in line for line in lines_of(tmp_path))
    # errors are shown all the same, and the next command is not quiet
    code, out, err = command("kmc", "absent.cif", "-T", 1200, "-q", "-o", tmp_path / "b")
    assert (code, out) == (2, "")
    assert "absent.cif" in err
    assert not (tmp_path / "b").exists()
    assert command(*RUN, "--hops", 400, "-o", tmp_path)[1]


def test_notes_failures_and_later_runs_are_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunFolder(tmp_path / "a", "kmc") as here:
        print("half a ", end="")
        print("line")
        logging.getLogger("asemacro").warning("a %s", "warning")
        here.publish({"sro.csv": lambda path: path.write_text("1")}, {"asemacro": "0"})
    with pytest.raises(ValueError, match="bad"), RunFolder(tmp_path / "a", "kmc"):
        raise ValueError("bad input")
    print("said afterwards")
    lines = lines_of(tmp_path / "a")
    assert lines[1:4] == ["half a line", "a warning", "done"]
    assert lines[5:] == ["ValueError: bad input"]
    assert capsys.readouterr().out == "half a line\nsaid afterwards\n"
    # a run that came to nothing leaves nothing
    with pytest.raises(ValueError, match="bad"), RunFolder(tmp_path / "b", "kmc"):
        raise ValueError("bad input")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("loudness", list(Loudness))
def test_progress_is_logged_and_shown_as_loud_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loudness: Loudness
) -> None:
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", 0.02 if loudness is not Loudness.LOUD else 60.0)
    monkeypatch.setattr(progress_module, "LOUD_EVERY_S", 0.02 if loudness is Loudness.LOUD else 60.0)
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    set_loudness(loudness)
    with RunFolder(tmp_path / "a", "kmc") as here, progress_bar({"kmc": 1.0}) as report:
        deadline = time.monotonic() + 20
        while "delta" not in (tmp_path / "a" / "run.log").read_text() and time.monotonic() < deadline:
            report("kmc", 0.3, "1e+05 hops at 2e+05/s, 3e-06 s, delta Mo-Ta +0.3")
            time.sleep(0.01)
        here.publish({"sro.csv": lambda path: path.write_text("1")}, {"asemacro": "0"})
    shown = "delta Mo-Ta" in screen.getvalue()
    assert shown is (loudness is not Loudness.QUIET)
    line = next(line for line in lines_of(tmp_path / "a") if "delta" in line)
    assert re.search(r"\d+ % done, .* elapsed, .*left.*, 1e\+05 hops at 2e\+05/s, 3e-06 s, delta Mo-Ta", line)


def test_the_line_of_kmc_tells_rate_time_and_order(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    real = progress_module.Progress.__call__

    def tell(self: progress_module.Progress, task: str, fraction: float, text: str) -> None:
        told.append(text)
        real(self, task, fraction, text)

    monkeypatch.setattr(progress_module.Progress, "__call__", tell)
    assert command(*RUN, "--hops", 400, "-o", tmp_path)[0] == 0
    assert re.fullmatch(r"4\.00e\+02 hops at \S+/s, \S+ s, delta C[or]-(Co|Ni) [-+]\d\.\d{3}", told[-1])


def test_a_log_that_cannot_be_written_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run.log").mkdir()
    with RunFolder(tmp_path, "kmc") as here:
        here.publish({"sro.csv": lambda path: path.write_text("1")}, {"asemacro": "0"})
    assert "no log is written" in caplog.text
    assert (tmp_path / "sro.csv").exists()
