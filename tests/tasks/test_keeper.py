"""Where a run is, kept now and then: what is newer replaces what is older, and at no moment is neither there."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

import pytest

from asemacro.tasks.checkpoint import Checkpoint, Entry
from asemacro.tasks.keeper import Keeper


@dataclasses.dataclass
class Counted:
    value: int

    def write(self, path: Path) -> None:
        path.write_text(str(self.value))

    @classmethod
    def read(cls, path: Path) -> Counted:
        return cls(int(path.read_text()))


def entry(folder: Path) -> Entry:
    return Checkpoint(folder).entry("run", {"seed": 1}, ".txt")


def keeper_of(folder: Path, n_bytes: float = 1.0) -> Keeper[Counted]:
    return Keeper(entry(folder), Counted.read, n_bytes, "7 sites", 30.0)


def there(folder: Path) -> int | None:
    found = entry(folder).load(Counted.read)
    return None if found is None else found.value


def test_kept_now_and_then_and_when_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("asemacro.tasks.keeper.time.monotonic", lambda: now[0])
    with keeper_of(tmp_path) as keeper:
        for second in (10, 29, 31, 45, 60, 62):
            now[0] = second
            keeper.take(Counted(second))
            assert there(tmp_path) == {10: None, 29: None, 31: 31, 45: 31, 60: 31, 62: 62}[second]
        now[0] = 70
        keeper.take(Counted(70))
    assert there(tmp_path) == 62, "a run that came to its end needs no pause"
    with pytest.raises(KeyboardInterrupt), keeper_of(tmp_path) as keeper:  # noqa: PT012
        keeper.take(Counted(71))
        raise KeyboardInterrupt
    assert there(tmp_path) == 71
    assert len(list((tmp_path / ".checkpoint").iterdir())) == 2


def test_what_is_too_large_is_not_kept_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry(tmp_path).save(Counted(1).write)
    assert keeper_of(tmp_path).before == Counted(1)
    assert capsys.readouterr().out == ""
    with pytest.raises(KeyboardInterrupt), keeper_of(tmp_path, 1e9) as keeper:  # noqa: PT012
        assert keeper.before is None
        keeper.take(Counted(2))
        raise KeyboardInterrupt
    assert there(tmp_path) == 1
    assert capsys.readouterr().out == "7 sites are too many to keep the run on the way: killed, it begins anew\n"


@pytest.mark.parametrize("moment", range(6))
def test_killed_while_it_is_kept_the_older_or_the_newer_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    # before and after each of the two files comes into place, and before and after the older one is removed
    entry(tmp_path).save(Counted(0).write)
    replace, unlink, left = os.replace, Path.unlink, [moment]

    def step() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SystemError("killed")

    def replaced(*paths: Path) -> None:
        step()
        replace(*paths)
        step()

    def removed(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".txt" and path.exists():
            step()
        unlink(path, missing_ok=missing_ok)

    for value in range(1, 6):
        left[0] = moment
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", replaced)
            patched.setattr(Path, "unlink", removed)
            with contextlib.suppress(SystemError):
                entry(tmp_path).save(Counted(value).write)
        assert there(tmp_path) in (value - 1, value)
        entry(tmp_path).save(Counted(value).write)
        assert there(tmp_path) == value
    assert len(list((tmp_path / ".checkpoint").glob("*.txt"))) == 1
    checkpoint = Checkpoint(tmp_path)
    checkpoint.entry("run", {"seed": 1}, ".txt", lasting=True)
    checkpoint.settle()
    assert there(tmp_path) == 5
