"""How fast the species of an alloy diffuse by vacancies.

diffusion      tracer and vacancy diffusion, correlation factors, Onsager coefficients, Arrhenius fits
Diffusion      what it gives: tables, figure, files
AtTemperature  what is known of one temperature
Arrhenius      D0 and Q of one species
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.transport.arrhenius import Arrhenius as Arrhenius
    from asemacro.studies.transport.coefficients import AtTemperature as AtTemperature
    from asemacro.studies.transport.result import Diffusion as Diffusion
    from asemacro.studies.transport.study import diffusion as diffusion
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
