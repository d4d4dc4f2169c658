"""A connection to a Dask scheduler, by its address or the file that it writes."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import dask
from distributed import Client

from asemacro.tasks.processes import WorkersLost

CONNECT_S = 30.0
FILE_S = 60.0
"""For a scheduler to answer, and for one that starts to write its file: seconds are usual."""
MOST_BYTES = 1 << 20
"""Of such a file."""


@contextlib.contextmanager
def connected(scheduler: str) -> Iterator[Client]:
    """A client of the scheduler.

    Args:
        scheduler: an address, or the name of a file that ends in .json.

    Raises:
        ValueError: the address is none.
        WorkersLost: nothing answers there.
    """
    address = _address_in(Path(scheduler)) if scheduler.endswith(".json") else scheduler
    if "://" not in address:
        address = f"tcp://{address}"
    # what goes wrong is said by asemacro, in one line
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        try:
            client = Client(address, timeout=CONNECT_S, set_as_default=False, name="asemacro")
        except OSError:
            raise WorkersLost(
                f"no Dask scheduler answers at {address}; start one with `dask scheduler`, or leave --scheduler away"
            ) from None
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"--scheduler {scheduler} is no address such as tcp://HOST:8786 and no FILE.json ({error})"
            ) from None
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):  # the scheduler may be gone
                client.close(timeout=5)


def _address_in(path: Path) -> str:
    """The address in the file of a scheduler, which may be about to be written.

    Raises:
        ValueError: it is another file, or it does not come.
    """
    until = time.monotonic() + FILE_S
    if not path.exists():
        logging.getLogger("asemacro").warning("waiting up to %g s for %s", FILE_S, path)
    while True:
        try:
            with path.open("rb") as file:
                return str(json.loads(file.read(MOST_BYTES))["address"])
        except FileNotFoundError:
            problem = f"{path} does not come; `dask scheduler --scheduler-file {path}` writes it"
        except (ValueError, KeyError, TypeError):
            problem = f"{path} is no file of a Dask scheduler; `dask scheduler --scheduler-file FILE.json` writes one"
            until = min(until, time.monotonic() + 2)  # it may be half-written
        if time.monotonic() >= until:
            raise ValueError(problem)
        time.sleep(0.2)
