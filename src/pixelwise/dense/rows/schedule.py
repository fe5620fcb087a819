"""In which order the rows of a traced network are computed from top to bottom, each once, and what must be kept.

Bands of the result are asked for one after the other. Each asks every node for the rows it lacks, and no more; a node's
rows are kept until the last of its readers has moved past them. So features that wait for a deeper branch wait by
themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pixelwise.dense.graph.steps import Graph
from pixelwise.dense.rows.reads import Rows, rows_read


@dataclass(frozen=True)
class Work:
    """Rows of one node to compute now; afterwards its inputs keep their rows from `kept` on."""

    position: int
    rows: Rows
    kept: tuple[tuple[int, int], ...]
    """Pairs of an input's position and its first row that is needed still."""


class RowSchedule:
    """The rows done so far of each node, and the work for each band of the result."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = graph.nodes
        self._readers = graph.users
        self._done = [0] * len(graph.nodes)

    def band(self, stop: int) -> Iterator[Work]:
        """The work that gives the result's rows up to `stop`; the last one is the result's own."""
        for position, wanted in enumerate(self._wanted(stop)):
            done = self._done[position]
            if wanted > done:
                self._done[position] = wanted
                sources = dict.fromkeys(self._nodes[position].inputs)
                yield Work(position, (done, wanted), tuple((each, self._needed(each)) for each in sources))

    def _wanted(self, stop: int) -> list[int]:
        """How many rows of each node the result's first rows depend on."""
        wanted = [0] * len(self._nodes)
        wanted[-1] = stop
        for position in range(len(self._nodes) - 1, 0, -1):
            rows = wanted[position]
            if rows == 0:
                continue
            node = self._nodes[position]
            for source in node.inputs:
                height = self._nodes[source].shape[1]
                # A node whose first rows see padding alone still waits for one row of its input.
                read = min(max(rows_read(node, (rows - 1, rows), height)[1], 1), height)
                wanted[source] = max(wanted[source], read)
        return wanted

    def _needed(self, position: int) -> int:
        """The first row of a node that a reader's next row depends on."""
        height = self._nodes[position].shape[1]
        starts = [height]
        for reader in self._readers[position]:
            done = self._done[reader]
            if done < self._nodes[reader].shape[1]:
                starts.append(max(0, rows_read(self._nodes[reader], (done, done + 1), height)[0]))
        return min(starts)


def peak_values(graph: Graph, band: int) -> int:
    """The most numbers held at once while the result is computed in bands, found without computing any.

    Args:
        graph: a traced network.
        band: rows of the result per band.
    """
    row = [node.shape[0] * node.shape[2] for node in graph.nodes]
    held = [(0, 0)] * len(graph.nodes)
    schedule, height = RowSchedule(graph), graph.nodes[-1].shape[1]
    peak = total = 0
    for start in range(0, height, band):
        for work in schedule.band(min(start + band, height)):
            node, (first, stop) = work.position, work.rows
            waiting = (held[node][1] - held[node][0]) * row[node]
            new = (stop - first) * row[node]
            # Rows that wait are copied together with the new ones.
            peak = max(peak, total + new + (waiting + new if waiting else 0))
            held[node] = (held[node][0], stop)
            total += new
            for source, kept in work.kept:
                above, below = held[source]
                held[source] = (max(above, min(kept, below)), below)
                total -= (held[source][0] - above) * row[source]
        held[-1], total = (min(start + band, height),) * 2, total - new
    return peak
