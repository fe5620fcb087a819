"""Re-ranking and its measures, written as loops over plain lists, candidate by candidate."""

import math
from fractions import Fraction

Person = tuple[int, float, str]
"""Id, score, group."""


def best_first(people: list[Person]) -> list[Person]:
    return sorted(people, key=lambda person: (-person[1], person[0]))


def of_group(people: list[Person], name: str) -> list[Person]:
    return [person for person in people if person[2] == name]


def place_by_place(pool: list[Person], shares: dict[str, Fraction], size: int, rule: str) -> list[Person]:
    """DetGreedy, DetCons or DetRelaxed with exact shares; the pool must suffice."""
    chosen: list[Person] = []
    for k in range(1, size + 1):
        left = best_first([person for person in pool if person not in chosen])
        have = {name: len(of_group(chosen, name)) for name in shares}
        owed = [person for person in left if have[person[2]] < math.floor(k * shares[person[2]])]
        room = [person for person in left if have[person[2]] < math.ceil(k * shares[person[2]])]
        if not owed and rule != "greedy":
            due = {name: math.ceil(k * share) / share for name, share in shares.items() if share}
            if rule == "relaxed":
                due = {name: math.ceil(date) for name, date in due.items()}
            first = min(due[person[2]] for person in room)
            room = [person for person in room if due[person[2]] == first]
        chosen.append((owed or room)[0])
    return chosen


def by_due_date(pool: list[Person], shares: dict[str, Fraction], size: int, slip: int = 0) -> list[Person]:
    """DetConstSort with exact shares; `slip` 1 is the loop test as published. The pool must suffice."""
    chosen: list[Person] = []
    dates: list[int] = []
    k = 0
    while len(chosen) < size:
        k += 1
        nexts = []
        for name, share in shares.items():
            have = len(of_group(chosen, name))
            if math.floor(k * share) > have:
                nexts.append(best_first(of_group(pool, name))[have])
        for person in best_first(nexts):
            chosen.append(person)
            dates.append(k)
            at = len(chosen) - 1
            while at > 0 and dates[at - 1] + slip >= at + 1 and best_first([chosen[at], chosen[at - 1]])[0] is person:
                chosen[at - 1 : at + 1] = chosen[at], chosen[at - 1]
                dates[at - 1 : at + 1] = dates[at], dates[at - 1]
                at -= 1
    return chosen[:size]


def short_groups(names: list[str], shares: dict[str, Fraction]) -> list[int]:
    """For each prefix, how many groups have fewer places than they are owed."""
    return [
        sum(names[:k].count(name) < math.floor(k * share) for name, share in shares.items())
        for k in range(1, len(names) + 1)
    ]


def divergence(names: list[str], shares: dict[str, Fraction]) -> float:
    """NDKL, term by term."""
    total = weight = 0.0
    for k in range(1, len(names) + 1):
        each = 1 / math.log2(k + 1)
        weight += each
        for name, share in shares.items():
            part = names[:k].count(name) / k
            if part:
                total += each * part * math.log(part / share)
    return total / weight
