"""Evaluating a flow network on a folder of pairs: scores, and a report to look at."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pixelwise.data.flow import FlowFolder, FlowItem, open_flow, read_pair
from pixelwise.errors import InputError
from pixelwise.evaluation.asked import Asked, Progress, chosen_split
from pixelwise.evaluation.flow_report import flow_sections
from pixelwise.evaluation.flow_scores import CLASSICAL, LEARNED, STILL, FlowScores, FlowStatistics
from pixelwise.files import write_text
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.metrics.flow import flow_sums
from pixelwise.models.flow.classical import dis_flow, dis_installed
from pixelwise.reports import Command, Section, write_page
from pixelwise.shapes import Image

Method = Callable[[Image, Image], Tensor]


def evaluate_flow(predictor: FlowEstimator, data: Path | FlowFolder, asked: Asked) -> FlowScores:
    """The scores of a flow network on a folder, written where they are asked for.

    Raises:
        InputError: no such folder or split, no pair with its truth, or files that cannot be read.
    """
    folder = data if isinstance(data, FlowFolder) else open_flow(data, asked.splits)
    chosen = asked.split or chosen_split(folder.splits)
    items = [item for item in (folder if chosen == "all" else folder.only(chosen)).items if item.flow is not None]
    if not items:
        raise InputError(f"pairs of split {chosen} with their flow", f"none in {folder.root}", "choose another --split")
    scores = score_pairs(predictor, items, chosen, asked.progress)
    if asked.out is not None:
        sections = flow_sections(scores, predictor, items)
        write_flow_evaluation(asked.out, scores, sections, f"{predictor.record.model} on {folder.root.name}")
    return scores


def score_pairs(
    predictor: FlowEstimator, items: Sequence[FlowItem], split: str, progress: Progress | None = None
) -> FlowScores:
    """The scores of a flow network on some pairs, beside those of methods that learn nothing.

    Args:
        predictor: the network.
        items: pairs with their truth.
        split: what to call them.
        progress: called with (pairs done, pairs in all).

    Raises:
        InputError: a file cannot be read.
    """
    methods = methods_beside(predictor)
    images = []
    for number, item in enumerate(items, start=1):
        pair = read_pair(item)
        answers = {name: method(pair.image, pair.second) for name, method in methods.items()}
        sums = {name: flow_sums(flow, pair.flow, pair.valid, pair.occluded) for name, flow in answers.items()}
        images.append(FlowStatistics(item.name, sums))
        if progress is not None:
            progress(number, len(items))
    return FlowScores(tuple(images), split)


def methods_beside(predictor: FlowEstimator) -> dict[str, Method]:
    """The network, no motion, and a classical method where its package is installed."""
    methods: dict[str, Method] = {
        LEARNED: lambda first, second: predictor.predict(first, second).vectors,
        STILL: lambda first, _: torch.zeros_like(first[:2]),
    }
    return methods | ({CLASSICAL: dis_flow} if dis_installed() else {})


def write_flow_evaluation(out: Path, scores: FlowScores, sections: list[Section], title: str) -> None:
    """Writes report.html, scores.json and images.csv into a folder."""
    write_text(out / "images.csv", scores.table())
    write_text(out / "scores.json", json.dumps(scores.to_json(), indent=2) + "\n")
    how = Section("How to repeat this", [Command("pixelwise evaluate RUN DATA --out REPORT")])
    write_page(out / "report.html", title, f"{len(scores.images)} pairs, split {scores.split}", [*sections, how])
