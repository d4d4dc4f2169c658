"""Shared by all tests: where the data beside the repository lie, if they are there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asemacro.cli import app as cli
from asemacro.files.format_of_ase import register

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


register()  # ASE finds the format by an entry point, which an older installation does not have


LONG_FILES = (
    "test_same_seed_same_result",
    "test_reproduce_spins",
    "test_examples",
    "test_reproduce_alloy",
    "test_growing",
    "test_checkpoint",
    "test_cli",
    "test_pages",
)
"""Begun first, the longest before all: a file is run by one worker, and the other would wait for it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; tests of a file stay as they are."""
    place = {name: k for k, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture(scope="session")
def structures() -> Path:
    """The folder of example structures."""
    return ROOT / "structures"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that are not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the data folder ../shared/data is absent")
    return SHARED_DATA


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Exit code, standard output and error of `asemacro WORDS`."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["asemacro", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return run
