"""A valid, small call of every public function and method: what `test_public_arguments` spoils argument by argument."""

from __future__ import annotations

from calls import (
    of_blocks,
    of_field_equations,
    of_labels,
    of_lattice,
    of_macro_and_closure,
    of_micro,
    of_observables,
    of_odes,
    of_states,
    of_statistics_and_critical,
    of_studies,
    of_upsampling,
    of_vector_spins,
)
from calls.given import Call


def public_calls() -> dict[str, Call]:
    """Name to call; "Class.method" for methods."""
    rooms = (
        of_lattice,
        of_states,
        of_observables,
        of_micro,
        of_blocks,
        of_vector_spins,
        of_upsampling,
        of_labels,
        of_macro_and_closure,
        of_odes,
        of_field_equations,
        of_statistics_and_critical,
        of_studies,
    )
    return {name: call for room in rooms for name, call in room.calls().items()}
