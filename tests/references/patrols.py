"""One run of a patrol, day by day and incident by incident, in plain numbers."""

import random


def poisson(rate: float, draws: random.Random) -> int:
    """Arrivals within a day, by the gaps between them."""
    time, count = draws.expovariate(rate), 0
    while time < 1:
        time += draws.expovariate(rate)
        count += 1
    return count


def patrol(rates: list[float], prior: list[float], days: int, forgetting: float, reject: bool, seed: int) -> float:
    """The first area's share of the belief at the end, under visits in proportion to beliefs."""
    draws = random.Random(seed)
    belief = list(prior)
    for _ in range(days):
        total = sum(belief)
        area = draws.choices(range(len(belief)), belief)[0]
        count = poisson(rates[area], draws)
        unlikely = [1 - each / total for each in belief]
        if reject and draws.random() >= unlikely[area] / max(unlikely):
            count = 0
        belief[area] += count
        belief = [max(each * (1 - forgetting), 1.0) for each in belief]
    return belief[0] / sum(belief)
