"""Calculators of ASE by the words that commands take: emt, lj, eam:FILE, lammps:FILE, chgnet, MODULE:FACTORY.

calculator_named   a calculator by its word
calculator_of      a calculator by its word or from a factory, made once in each process
identity_of        what tells two calculators apart, for files
CheckedCalculator  a calculator whose failures and wrong numbers are one line
CALCULATORS        the words, for messages
imported           what MODULE:NAME stands for
called             what a function of the user gives
lammps_module      LAMMPS, with the MPI library that its loader does not find
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.calculators.checked_calculator import CheckedCalculator as CheckedCalculator
    from asemacro.calculators.foreign import called as called
    from asemacro.calculators.foreign import imported as imported
    from asemacro.calculators.lammps_file import lammps_module as lammps_module
    from asemacro.calculators.named import CALCULATORS as CALCULATORS
    from asemacro.calculators.named import calculator_named as calculator_named
    from asemacro.calculators.named import calculator_of as calculator_of
    from asemacro.calculators.named import identity_of as identity_of
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
