"""Tables of computed barriers, and what barrier networks are trained on and measured against.

BarrierData        environments of vacancies and their barriers
load_barrier_data  read them from a file
train_barriers     train a network on a file
fit_gnn            train a network on arrays
evaluate_barriers  errors of a network on a file
cross_validate     errors on compositions that it has not seen
Ridge              the yardstick: linear regression on counts
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.barriers.data.evaluation import cross_validate as cross_validate
    from asemacro.barriers.data.evaluation import evaluate_barriers as evaluate_barriers
    from asemacro.barriers.data.ridge import Ridge as Ridge
    from asemacro.barriers.data.table import BarrierData as BarrierData
    from asemacro.barriers.data.table import load_barrier_data as load_barrier_data
    from asemacro.barriers.data.training import fit_gnn as fit_gnn
    from asemacro.barriers.data.training import train_barriers as train_barriers
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
