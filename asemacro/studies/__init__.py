"""Whole answers to whole questions: from a structure or a system to tables and figures.

phase_diagram       order of an alloy over temperature, at equilibrium and annealed
equilibrium         order, energy, heat capacity and temperature of order of an alloy
diffusion           how fast the species of an alloy diffuse, over temperature
learn_from_rates    a learned model from exact rates
learn_from_pairs    a learned model from pairs
Learned             a learned model: save, load, simulate, plot
learn_from_moments  a learned model from labels
learn_alloy         a learned model of an alloy at several temperatures
reproduce           a figure of the paper, run again
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.alloy.diagram import phase_diagram as phase_diagram
    from asemacro.studies.alloy.learning import learn_alloy as learn_alloy
    from asemacro.studies.learn.learned import Learned as Learned
    from asemacro.studies.learn.learned import learn_from_moments as learn_from_moments
    from asemacro.studies.learn.learned import learn_from_pairs as learn_from_pairs
    from asemacro.studies.learn.learned import learn_from_rates as learn_from_rates
    from asemacro.studies.ordering.calculation import equilibrium as equilibrium
    from asemacro.studies.paper.runner import reproduce as reproduce
    from asemacro.studies.transport.study import diffusion as diffusion
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
