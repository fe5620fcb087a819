"""On which grid a dense map keeps the features of each node, so that a stride loses nothing.

A patch classifier with strides multiplies them up: neighbouring cells of a node lie `cell` pixels apart. A dense map
with an output every `stride` pixels needs these cells at every multiple of gcd(stride, cell), its `grid`: a convolution
then reads every `rate`-th sample, rate = cell / grid. This is the filter rarefaction of Long et al. 2015, section 3.2,
for every output stride.
"""

import math
from dataclasses import dataclass

from pixelwise.dense.graph.steps import Graph, Pair, own_stride


@dataclass(frozen=True)
class Rate:
    """The grid of a node's features along both axes.

    `cell`: pixels between neighbouring cells of one patch. `grid`: pixels between neighbouring samples of the dense
    features.
    """

    cell: Pair
    grid: Pair

    @property
    def dilation(self) -> Pair:
        """Samples between neighbouring cells of one patch."""
        return self.cell[0] // self.grid[0], self.cell[1] // self.grid[1]


def rates(graph: Graph, stride: Pair) -> tuple[Rate, ...]:
    """The rate of each node for a dense map with this output stride.

    Args:
        graph: a traced network without upsampling.
        stride: pixels between neighbouring outputs.
    """
    found: list[Rate] = []
    for node in graph.nodes:
        before = found[node.inputs[0]].cell if node.inputs else (1, 1)
        step = own_stride(node)
        cell = before[0] * step[0], before[1] * step[1]
        found.append(Rate(cell, (math.gcd(stride[0], cell[0]), math.gcd(stride[1], cell[1]))))
    return tuple(found)
