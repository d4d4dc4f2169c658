"""Learn the macroscopic dynamics of a known system, keep it, simulate it.

learn_from_rates    a learned model from exact rates
learn_from_pairs    a learned model from pairs
Learned             a learned model: save, load, simulate, plot
load_learned        a learned model of any kind, from its folder
learn_from_moments  a learned model from labels
polynomial_sde      the equation that is fitted to labels
setup               a system by name, as the verbs run it
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.learn.learned import Learned as Learned
    from asemacro.studies.learn.learned import learn_from_moments as learn_from_moments
    from asemacro.studies.learn.learned import learn_from_pairs as learn_from_pairs
    from asemacro.studies.learn.learned import learn_from_rates as learn_from_rates
    from asemacro.studies.learn.learned import polynomial_sde as polynomial_sde
    from asemacro.studies.learn.loading import load_learned as load_learned
    from asemacro.studies.learn.systems import setup as setup
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
