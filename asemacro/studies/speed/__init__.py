"""How fast the kernels are on this machine, beside plain NumPy versions of the same laws.

benchmark            speeds of all kernels, or of some
Speeds               what it gives: the machine, and a row for each kernel and size
Speed                one of these rows
residence_time_kmc   vacancy kinetic Monte Carlo, step by step
metropolis_swaps     canonical swaps of pair energies, attempt by attempt
warren_cowley_delta  short-range order by a grid that is rolled along its neighbours
glauber              spins with any couplings, flip by flip
patch_pairs          pairs of Ising squares from patches that move
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.studies.speed.plain_alloy import metropolis_swaps as metropolis_swaps
    from asemacro.studies.speed.plain_alloy import residence_time_kmc as residence_time_kmc
    from asemacro.studies.speed.plain_alloy import warren_cowley_delta as warren_cowley_delta
    from asemacro.studies.speed.plain_spins import glauber as glauber
    from asemacro.studies.speed.plain_spins import patch_pairs as patch_pairs
    from asemacro.studies.speed.speeds import Speed as Speed
    from asemacro.studies.speed.speeds import Speeds as Speeds
    from asemacro.studies.speed.speeds import benchmark as benchmark
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
