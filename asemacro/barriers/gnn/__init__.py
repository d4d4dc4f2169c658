"""Barriers from a graph network of the atoms around a jump, and its kernels for kinetic Monte Carlo.

BarrierGNN     the mean of a few networks of one form
DirectNet      a network of the direct form
ConsistentNet  a network with exact detailed balance
JumpNetwork    the crystal and the jumps of a vacancy that a network is made for
graph_of       the sites and edges around a vacancy
save_gnn       write a model
load_gnn       read a model
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.barriers.gnn.consistent import ConsistentNet as ConsistentNet
    from asemacro.barriers.gnn.crystal import JumpNetwork as JumpNetwork
    from asemacro.barriers.gnn.direct import DirectNet as DirectNet
    from asemacro.barriers.gnn.file import load_gnn as load_gnn
    from asemacro.barriers.gnn.file import save_gnn as save_gnn
    from asemacro.barriers.gnn.graph import graph_of as graph_of
    from asemacro.barriers.gnn.model import BarrierGNN as BarrierGNN
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
