"""Shared by all tests: where the data beside the repository lie, if they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


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
