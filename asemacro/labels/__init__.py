"""What a part of a large system does next: pairs of states, or the exact rates of change.

partial_evolution      a random part of the carriers moves, the rest is frozen
pairs_from_runs        pairs from small runs alone
choose_dt              the duration of pairs, from a few trials
patch_moments          exact drift and covariance rates from a part of each state
infinitesimal_moments  the same of carriers that you name
force_labels           what forces on a few carriers say about the rate of the observables
with_attraction        the same, and states beside those, from which a learned equation leads back
Attraction             where they are and how fast they come back
Transitions            what `partial_evolution` gives
pair_time_needed       how much time of pairs an accuracy needs
DtReport               what `choose_dt` gives
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.labels.attraction import Attraction as Attraction
    from asemacro.labels.attraction import with_attraction as with_attraction
    from asemacro.labels.duration import DtReport as DtReport
    from asemacro.labels.duration import choose_dt as choose_dt
    from asemacro.labels.forces import force_labels as force_labels
    from asemacro.labels.moments import infinitesimal_moments as infinitesimal_moments
    from asemacro.labels.moments import patch_moments as patch_moments
    from asemacro.labels.transitions import Transitions as Transitions
    from asemacro.labels.transitions import pair_time_needed as pair_time_needed
    from asemacro.labels.transitions import pairs_from_runs as pairs_from_runs
    from asemacro.labels.transitions import partial_evolution as partial_evolution
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
