"""Variables that the observables lack, learned so that together they follow an equation of their own.

fit_closure            variables that the observables lack, learned from snapshots
save_closure           write such variables
load_closure           read such variables
ClosureOptions         settings of `fit_closure`
Closure                learned variables, an observable like any other
SpinClosure            of spins
FieldClosure           of fields
SpinPseudoLikelihood   an objective: a spin from its neighbours
FieldPseudoLikelihood  an objective: a field from its neighbours
OneStepLikelihood      an objective: the next step
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.closure.file import load_closure as load_closure
    from asemacro.closure.file import save_closure as save_closure
    from asemacro.closure.fit import ClosureOptions as ClosureOptions
    from asemacro.closure.fit import fit_closure as fit_closure
    from asemacro.closure.objectives import FieldPseudoLikelihood as FieldPseudoLikelihood
    from asemacro.closure.objectives import OneStepLikelihood as OneStepLikelihood
    from asemacro.closure.objectives import SpinPseudoLikelihood as SpinPseudoLikelihood
    from asemacro.closure.variables import Closure as Closure
    from asemacro.closure.variables import FieldClosure as FieldClosure
    from asemacro.closure.variables import SpinClosure as SpinClosure
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
