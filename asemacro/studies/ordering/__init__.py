"""Equilibrium of an alloy over temperature by swaps alone: order, energy, heat capacity, temperature of order.

equilibrium       all of it, for a structure and a model with an energy
AlloyEquilibrium  what it gives: tables, figure, files
Ordering          what is known of one kind of long-range order
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.ordering.calculation import equilibrium as equilibrium
    from asemacro.studies.ordering.result import AlloyEquilibrium as AlloyEquilibrium
    from asemacro.studies.ordering.transition import Ordering as Ordering
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
