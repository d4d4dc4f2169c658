"""Ctrl-C and SIGTERM: one true line, the right exit code, and no set of files torn apart."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from asemacro.tasks.interrupts import naming_the_file, sigterm_like_ctrl_c, uninterrupted
from asemacro.tasks.run_folder import RunFolder

RECORD = {"asemacro": "0.1.0", "arguments": {}}


@pytest.fixture(autouse=True)
def _listening() -> Iterator[None]:
    """Ctrl-C is heard: a shell starts its background jobs deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def text(content: str):
    """Writes a text file."""
    return lambda path: path.write_text(content)


def interrupted(folder: Path, act=lambda here: None) -> str:
    with pytest.raises(InterruptedError) as stopped, RunFolder(folder, "learn") as here:  # noqa: PT012
        act(here)
        raise KeyboardInterrupt
    return str(stopped.value)


def test_an_interrupt_says_what_stands(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    assert interrupted(folder) == "interrupted; nothing was written"
    assert not folder.exists()

    def keep(here: RunFolder) -> None:
        here.checkpoint.entry("a", {}).save(text("1"))

    goes_on = f"interrupted; what was computed is kept in {folder}, the same command goes on from there"
    assert interrupted(folder, keep) == goes_on
    assert interrupted(folder, lambda here: here.publish({"sde.safetensors": text("1")}, RECORD)) == (
        f"interrupted; all results are in {folder}"
    )
    assert interrupted(folder) == (
        f"interrupted; nothing new was written, {folder} still holds the results of an earlier run"
    )


def test_an_interrupt_of_a_single_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for before, expected in ((None, "was not written"), ("old", "is as it was"), ("old", "is written")):
        if before is not None:
            path.write_text(before)
            os.utime(path, (1, 1))
        said = f"^interrupted; .*a.csv {expected}$"
        with pytest.raises(InterruptedError, match=said), naming_the_file(path):  # noqa: PT012
            if expected == "is written":
                path.write_text("new")
            raise KeyboardInterrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_files_that_belong_together_are_not_torn_apart(number: signal.Signals) -> None:
    done: list[str] = []
    with sigterm_like_ctrl_c() as stop:
        with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012
            signal.raise_signal(number)
            done.append("first")
            signal.raise_signal(number)
            done.append("second")
        assert stop.exit_code == 128 + number
    assert done == ["first", "second"]


def test_sigterm_ends_like_ctrl_c(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*words: object, **options: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("asemacro.studies.learn.sample_command.course", work)
    code, _, err = command("sample", "ising", "--sites", 16, "-o", tmp_path / "a")
    assert code == 143
    assert err.endswith("asemacro: interrupted; nothing was written\n")
    monkeypatch.setattr(
        "asemacro.studies.learn.sample_command.course", lambda *words, **options: signal.raise_signal(2)
    )
    code, _, err = command("sample", "ising", "--sites", 16, "-o", tmp_path / "a")
    assert code == 130
    assert err.endswith("asemacro: interrupted; nothing was written\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_that_a_compiler_swallows_is_no_traceback(command, tmp_path: Path, monkeypatch) -> None:
    def work(*words: object, **options: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:  # numba: "Exception ignored on calling ctypes callback function"
            raise RuntimeError("no compiled object yet") from None

    monkeypatch.setattr("asemacro.studies.learn.sample_command.course", work)
    code, _, err = command("sample", "ising", "--sites", 16, "-o", tmp_path / "a")
    assert code == 143
    assert err.endswith("asemacro: interrupted; nothing was written\n")
    monkeypatch.setattr("asemacro.studies.learn.sample_command.run_sample", work)
    code, _, err = command("sample", "ising", "--sites", 16, "-o", tmp_path / "a")
    assert code == 143
    assert err.endswith("asemacro: interrupted\n")
