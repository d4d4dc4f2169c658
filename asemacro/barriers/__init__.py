"""How high a jump is: barrier models of vacancies, pretrained, from a file, or analytic.

load_barriers     a barrier model by its name or from a file
available         names of the pretrained models that are installed
card              what a pretrained model was made from and how good it is
PRETRAINED        names of the models that come with the package
BarrierModel      what every barrier model gives, for models of your own
PairBarrier       barriers from pair energies, on any lattice
CallableBarriers  barriers from a Python function, on any lattice
CalculatorBarriers  barriers from a band of every jump, by a calculator of ASE, of tiny cells
ClusterExpansionBarriers  barriers from a cluster expansion of icet
Clusters          a cluster expansion as energies of clusters of sites
BarrierGNN        graph networks of alloys
JumpNetwork       the crystal and the jumps that a graph network is made for
PublishedNetwork  the published network of NbMoTa
CompiledBarriers  a model on a lattice, as compiled loops read it
vacancy_binding   binding energy of two vacancies
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel as BarrierModel
    from asemacro.barriers.binding import vacancy_binding as vacancy_binding
    from asemacro.barriers.calculated import CalculatorBarriers as CalculatorBarriers
    from asemacro.barriers.callable import CallableBarriers as CallableBarriers
    from asemacro.barriers.cluster_expansion import ClusterExpansionBarriers as ClusterExpansionBarriers
    from asemacro.barriers.clusters import Clusters as Clusters
    from asemacro.barriers.compiled import CompiledBarriers as CompiledBarriers
    from asemacro.barriers.gnn.crystal import JumpNetwork as JumpNetwork
    from asemacro.barriers.gnn.model import BarrierGNN as BarrierGNN
    from asemacro.barriers.load import PRETRAINED as PRETRAINED
    from asemacro.barriers.load import available as available
    from asemacro.barriers.load import card as card
    from asemacro.barriers.load import load_barriers as load_barriers
    from asemacro.barriers.pair import PairBarrier as PairBarrier
    from asemacro.barriers.published import PublishedNetwork as PublishedNetwork
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
