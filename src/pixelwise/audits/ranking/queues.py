"""The candidates of each group in a queue, best first: what all re-rankers take from."""

from dataclasses import dataclass

from pixelwise.audits.ranking.candidates import Candidates, check_size
from pixelwise.audits.ranking.targets import Targets, check_targets


@dataclass
class Queues:
    """Queues of ranks: a candidate is its place in the pool sorted by score, so that the smaller rank is the better.

    Groups are numbers here, in the order of the targets. `heads` are the ranks of each group's next candidate (as
    many as there are candidates where a group has run out), `taken` how many each has sent.
    """

    ranked: Candidates
    shares: list[float]
    waiting: list[list[int]]
    heads: list[int]
    taken: list[int]

    def open(self) -> list[int]:
        """The groups that have candidates left."""
        end = len(self.ranked)
        return [group for group, head in enumerate(self.heads) if head < end]

    def spare(self) -> int:
        """Who comes next when nobody is owed a place and nobody has room: share 0 only if nobody else is left."""
        left = self.open()
        return min([group for group in left if self.shares[group] > 0] or left, key=self.heads.__getitem__)

    def take(self, group: int) -> int:
        """Takes the group's next candidate and gives its rank."""
        rank = self.heads[group]
        self.taken[group] += 1
        queue, sent = self.waiting[group], self.taken[group]
        self.heads[group] = queue[sent] if sent < len(queue) else len(self.ranked)
        return rank


def queues(pool: Candidates, targets: Targets, size: int) -> Queues:
    """The pool in queues.

    Raises:
        InputError: targets that do not fit the pool, or a size it cannot fill.
    """
    check_size(pool, size)
    check_targets(targets, pool)
    ranked = pool.at(pool.best_first())
    places = {name: group for group, name in enumerate(targets)}
    waiting: list[list[int]] = [[] for _ in targets]
    for rank, name in enumerate(ranked.groups.tolist()):
        waiting[places[name]].append(rank)
    heads = [queue[0] if queue else len(ranked) for queue in waiting]
    return Queues(ranked, list(targets.values()), waiting, heads, [0] * len(targets))
