"""Claim: one error rate hides whom a system fails, and a printed table can be checked without its data.

Sources: Buolamwini, Gebru 2018, "Gender Shades" (error rates of three vendors; the four group sizes used here sum to
the paper's 1,270 faces and have its shares, and were not read in the paper); Angwin, Larson, Mattu, Kirchner
(ProPublica) 2016, "Machine bias" (COMPAS scores and what happened within two years).

    python -m experiments.disaggregated_rates --data ../shared/data

Without --data only Gender Shades is shown. Takes seconds.
"""

from pathlib import Path
from typing import Any

from experiments.arguments import arguments, read
from experiments.outcome import write_chart, write_table
from pixelwise.audits.published import (
    Cell,
    Printed,
    Row,
    count_decisions,
    difference,
    disaggregate,
    read_columns,
    readings,
    suspects,
)
from pixelwise.drawing import bar_chart

SIZES = {"darker female": 271, "darker male": 318, "lighter female": 296, "lighter male": 385}
PRINTED = {
    "Microsoft": (6.3, (20.8, 6.0, 1.7, 0.0)),
    "Face++": (10.0, (34.5, 0.7, 6.0, 0.8)),
    "IBM": (12.1, (34.7, 12.0, 7.1, 0.3)),
}
"""Errors of all faces and of the four groups, percent."""

OTHER_COPY = 9.8
"""Face++'s lighter females in other copies of the table."""

UNDETECTED = (0, 1, 5, 15, 25)
"""At most so many faces of each group without an answer."""


def figures(vendor: str) -> list[Printed]:
    """The printed rates of one vendor."""
    overall, cells = PRINTED[vendor]
    singles = [Printed(name, value, (name,)) for name, value in zip(SIZES, cells, strict=True)]
    return [Printed("all", overall, tuple(SIZES)), *singles]


def checked(quick: bool) -> None:
    """Prints how many ways there are to fill each vendor's row with whole faces, and which figures may be wrong."""
    for vendor in PRINTED:
        ways = {most: len(readings(SIZES, figures(vendor), most)) for most in UNDETECTED}
        print(f"{vendor}: ways to fill its row, by undetected faces in each group at most: {ways}")
    if quick:
        return
    found = suspects(SIZES, figures("Face++"), unanswered=UNDETECTED[-1])
    print(f"Face++: figures of which one alone would have to be wrong, with what it could be: {found}")
    mended = [figure for figure in figures("Face++") if figure.name != "lighter female"]
    mended.append(Printed("lighter female", OTHER_COPY, ("lighter female",)))
    print(f"Face++ with {OTHER_COPY} for lighter females: {len(readings(SIZES, mended, UNDETECTED[-1]))} ways")


def gender_shades() -> list[Row]:
    """IBM's row as counts: of the three ways to fill it, the one with the most answers."""
    way = max(readings(SIZES, figures("IBM"), 1), key=lambda each: sum(answers for _, answers in each.values()))
    cells = [
        Cell(dict(zip(("skin", "gender"), name.split(), strict=True)), SIZES[name], wrong, SIZES[name] - answered)
        for name, (wrong, answered) in way.items()
    ]
    return disaggregate(cells, "gender")


def compas(path: Path) -> list[dict[str, Any]]:
    """Both errors of the two largest groups."""
    columns = read_columns(path, ["race", "score_text", "two_year_recid"])
    flagged = [text != "Low" for text in columns["score_text"]]
    found = count_decisions(columns["race"], flagged, [int(value) for value in columns["two_year_recid"]])
    rows = []
    for group, decisions in list(found.items())[:2]:
        for measure, interval in (
            ("false positives", decisions.false_positive_rate()),
            ("false negatives", decisions.false_negative_rate()),
            ("precision", decisions.precision()),
            ("base rate", decisions.base_rate()),
        ):
            print(f"COMPAS {group} (n = {decisions.total}) {measure}: {interval}")
            ends = {"low": interval.lo, "high": interval.hi, "of": interval.n}
            rows.append({"group": group, "measure": measure, "rate": interval.value, **ends})
    return rows


def main(words: list[str] | None = None) -> None:
    """Counts, prints and writes."""
    parser = arguments(__doc__, seeds=1)
    parser.add_argument("--data", type=Path, help="folder with compas/compas-scores-two-years.csv")
    chosen = read(parser, words)
    checked(chosen.quick)
    table = gender_shades()
    rows: list[dict[str, Any]] = []
    for row in table:
        found = row.interval()
        ends = {"low": found.lo, "high": found.hi, "of": found.n}
        rows.append({"group": row.group, "measure": row.measure, "rate": found.value, **ends})
        print(f"IBM {row.group}: {row.measure} {found} of {row.of}")
    gap = difference(table, "error", "darker female", "lighter male")
    print(f"IBM darker female minus lighter male: {gap}")
    if chosen.data is not None:
        rows += compas(chosen.data / "compas" / "compas-scores-two-years.csv")
    write_table(chosen.out / "disaggregated_rates.csv", rows)
    errors = {row.group: row.interval() for row in table if row.measure == "error"}
    chart = bar_chart(
        {group: found.value for group, found in errors.items()},
        "IBM 2017: gender errors, 95 % intervals",
        "error rate",
        reference=("all", errors["all"].value),
        intervals={group: (found.lo, found.hi) for group, found in errors.items()},
    )
    write_chart(chosen.out / "disaggregated_rates.svg", chart)


if __name__ == "__main__":
    main()
