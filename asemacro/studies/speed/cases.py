"""What `asemacro bench` measures: the kernels, and their sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from asemacro.arguments.checks import bound_of_memory, choice_of
from asemacro.micro.spins.kac_coupling import top_hat
from asemacro.studies.speed.alloy_cases import COLD_K, HOT_K, kmc_case, order_case, swap_case
from asemacro.studies.speed.alloys import Alloy, alloy
from asemacro.studies.speed.macro_cases import sde_case
from asemacro.studies.speed.spin_cases import ising_case, kac_case, pairs_case
from asemacro.studies.speed.timing import Case

KERNELS = ("kmc", "kmc-sizes", "kmc-vacancies", "swap", "ising", "kac", "order", "pairs", "sde")
"""Words of `--only`."""
MODELS = ("pair", "nbmota", "refractory")
SMALL, MIDDLE = 1024, 65_536
SIZES = (1024, 8192, MIDDLE, 10**6, 10**7)
LARGE = 10**8
DENSE = (1, 64, 1024, 8192)
"""Vacancies on 65,536 sites, up to one in eight: what it costs that they see each other."""
SPARSE = (1, 10, 100, 1000, 10_000)
"""Vacancies on 10^7 sites, where they rarely meet: what their number costs."""
QUICK_SITES = 100_000
"""Most sites of the cases of a quick run."""
BYTES_PER_SITE = 10.0
"""Of the largest system while it is made ready: its random start, copies, and checks of them."""


def kernels_of(text: str | None) -> tuple[str, ...]:
    """The kernels that a comma-separated list names, in the order of `KERNELS`; all if there is none.

    Raises:
        ValueError: another word.
    """
    if text is None:
        return KERNELS
    words = [choice_of(word.strip(), "--only", KERNELS) for word in text.split(",")]
    return tuple(kernel for kernel in KERNELS if kernel in words)


def cases_of(
    kernels: Sequence[str], barriers: str | Path | None = None, *, quick: bool = False, large: bool = False
) -> list[Case]:
    """The cases of some kernels.

    Args:
        kernels: of `KERNELS`.
        barriers: name or file of one more barrier model.
        quick: small systems only.
        large: systems of 10^8 sites too.

    Raises:
        ValueError: a barrier model that cannot be measured, or systems beyond the memory.
    """
    names = [*MODELS, *([] if barriers is None or str(barriers) in MODELS else [barriers])]
    wanted = bool({"kmc", "swap"} & set(kernels))
    alloys = [alloy(name) for name in (names if wanted or barriers is not None else MODELS[:1])]
    found = [case for kernel in kernels for case in _cases(kernel, alloys) if large or not case.large]
    found = [case for case in found if not quick or (case.sites or 0) <= QUICK_SITES]
    most = max((case.sites or 0 for case in found), default=0)
    bound_of_memory(BYTES_PER_SITE * most, f"a state of {most:,} sites and its copies")
    return found


def _cases(kernel: str, alloys: Sequence[Alloy]) -> Iterator[Case]:
    """All cases of a kernel; the first alloy is that of pair energies."""
    pair = alloys[0]
    if kernel == "kmc":
        for one in alloys:
            yield from _kinetics(one)
    elif kernel == "kmc-sizes":
        for sites in SIZES:
            yield _without_cache(kernel, pair, sites, 1)
        for vacancies in (1, 1000):
            yield _without_cache(kernel, pair, LARGE, vacancies, large=True)
    elif kernel == "kmc-vacancies":
        for vacancies in DENSE:
            yield _without_cache(kernel, pair, MIDDLE, vacancies)
        for vacancies in SPARSE:
            yield _without_cache(kernel, pair, SIZES[-1], vacancies)
        for vacancies in (1, 100_000):
            yield _without_cache(kernel, pair, LARGE, vacancies, large=True)
    elif kernel == "swap":
        yield swap_case(pair, SMALL, 1_000_000, plain_attempts=3000, both_cores=True)
        yield swap_case(pair, MIDDLE, 1_000_000)
        for one in alloys[1:]:
            if one.model.has_energy:
                yield swap_case(one, SMALL, 30_000, seconds=2)
    elif kernel == "ising":
        for side in (64, 256, 1024):
            yield ising_case(side, 4e7, plain_attempts=20_000, both_cores=side == 256, seconds=5)
    elif kernel == "kac":
        yield kac_case(128, top_hat(8), 40.0, plain_attempts=10_000, seconds=2)
        yield kac_case(256, top_hat(8), 10.0, both_cores=True, seconds=2)
        yield kac_case(1024, top_hat(32), 0.5, seconds=3)
    elif kernel == "order":
        yield order_case(pair, MIDDLE)
        yield order_case(pair, 10**6)
        yield order_case(pair, 10**7, both_cores=True)
        yield order_case(pair, LARGE, large=True, seconds=20)
    elif kernel == "pairs":
        yield pairs_case(64, 16, 1.0, 2000, plain_batch=200, both_cores=True)
    elif kernel == "sde":
        yield sde_case(2000, 400, plain_steps=20, both_cores=True, seconds=4)


def _kinetics(one: Alloy) -> Iterator[Case]:
    """KMC of a barrier model, hot and cold, one vacancy and many."""
    fast = one.name == "pair"
    hops = 200_000 if fast else 40_000
    for sites, vacancies, plain_hops in ((SMALL, 1, 1000 if fast else 100), (MIDDLE, 64, 100 if fast else 10)):
        for temperature_K in (COLD_K, HOT_K):
            both = temperature_K == HOT_K and sites == MIDDLE
            yield kmc_case(
                one, sites, vacancies, temperature_K, hops, plain_hops=plain_hops, both_cores=both,
                seconds=3 if fast or temperature_K == COLD_K else 10,
            )  # fmt: skip


def _without_cache(kernel: str, one: Alloy, sites: int, vacancies: int, *, large: bool = False) -> Case:
    """KMC at 2000 K with the cache off: what a hop costs by size and by the number of vacancies alone."""
    seconds = 2 + sites / 3e6
    return kmc_case(one, sites, vacancies, HOT_K, 200_000, cache_entries=1, kernel=kernel, large=large, seconds=seconds)
