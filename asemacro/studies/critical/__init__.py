"""Critical points: finite sizes, exponents, collapse.

order_parameter              moments of the magnetisation from stationary runs
OrderParameter               what it gives
susceptibility               of magnetisations
binder_cumulant              of magnetisations
critical_exponents           beta/nu and gamma/nu from several sizes
binder_slope                 slope of the cumulant at a temperature
correlation_length_exponent  nu from these slopes
Curve                        one size's values over temperature
collapse_residual            how far scaled curves are from one
optimise_collapse            the exponents of the best collapse
data_collapse                the scaled curves as a figure
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.critical.collapse import Curve as Curve
    from asemacro.studies.critical.collapse import collapse_residual as collapse_residual
    from asemacro.studies.critical.collapse import optimise_collapse as optimise_collapse
    from asemacro.studies.critical.criticality import OrderParameter as OrderParameter
    from asemacro.studies.critical.criticality import binder_cumulant as binder_cumulant
    from asemacro.studies.critical.criticality import binder_slope as binder_slope
    from asemacro.studies.critical.criticality import correlation_length_exponent as correlation_length_exponent
    from asemacro.studies.critical.criticality import critical_exponents as critical_exponents
    from asemacro.studies.critical.criticality import order_parameter as order_parameter
    from asemacro.studies.critical.criticality import susceptibility as susceptibility
    from asemacro.studies.critical.figures import data_collapse as data_collapse
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
