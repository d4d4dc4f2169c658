"""Alloys on a lattice: vacancies that jump (kinetic Monte Carlo) and atoms that change places (Monte Carlo).

VacancyKMC       kinetic Monte Carlo of vacancies in an alloy
KMCRun           what its run gives
Displacements    how far every atom and vacancy of a run has come
SwapMC           equilibrium of an alloy by swaps of atoms
SwapRun          what its run gives
ReplicaExchange  swaps at several temperatures whose states change places
ExchangeRun      what its run gives
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.micro.alloy.displacements import Displacements as Displacements
    from asemacro.micro.alloy.exchange import ExchangeRun as ExchangeRun
    from asemacro.micro.alloy.exchange import ReplicaExchange as ReplicaExchange
    from asemacro.micro.alloy.kmc_run import KMCRun as KMCRun
    from asemacro.micro.alloy.swap import SwapMC as SwapMC
    from asemacro.micro.alloy.swap import SwapRun as SwapRun
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC as VacancyKMC
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
