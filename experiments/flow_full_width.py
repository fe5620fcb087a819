"""Claim: FlowNetCorr finds large motions better than FlowNetSimple, at the published width as at a narrow one.

Source: Dosovitskiy et al. 2015, "FlowNet: Learning Optical Flow with Convolutional Networks", section 5 and table 2.

All networks are trained on the same batches of flying shapes, which other processes make while training goes on, for a
given time; their end-point errors on pairs made apart are printed as they go, and at the end those on real data sets in
given folders. Needs a GPU to say anything at width 64; --device cpu shows that it runs.

    python -m experiments.flow_full_width --minutes 8 --data ../shared/data/flyingchairs_examples

Ends by itself after --minutes. Leaves metrics.csv and a chart (the curves), scores.csv, pictures of predicted flow, and
the weights of networks that take less than 16 MiB in half precision.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from experiments.arguments import arguments
from experiments.flow_contest import Contest, still_sums
from experiments.flow_pool import Arrivals, Pool, loader
from experiments.outcome import write_chart, write_table
from pixelwise.data.flow import FlowPair, open_flow, read_pair
from pixelwise.data.flying import FlyingPairs, Recipe
from pixelwise.drawing import contact_sheet, flow_with_key, largest_motion, line_chart, to_uint8, write_picture
from pixelwise.files import write_bytes
from pixelwise.metrics import FLOW_GROUPS, flow_scores
from pixelwise.models import catalog
from pixelwise.training.metrics_file import Row, write_rows

HELD_OUT_SEED, HELD_OUT = 1_000_003, 32
"""Pairs of another seed than those of training."""

EVERY = 30.0
"""Seconds between two looks at the pairs made apart."""

STILL = "no motion"
LARGEST_FILE = 16 * 2**20
RATES = {64: 2e-4, 32: 4e-4, 16: 8e-4}
"""Highest learning rates by width: twice the published 1e-4, for some thousand steps instead of a million; narrower
networks take more."""


@dataclass
class Log:
    """What has been seen so far, written anew each time."""

    out: Path
    started: float = field(default_factory=time.perf_counter)
    rows: list[Row] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self.started

    def note(self, step: int, pool: Pool, errors: dict[str, Tensor], losses: dict[str, Tensor]) -> None:
        """Adds a row of the error of each network on each group of pixels, and prints a line."""
        row: Row = {"seconds": round(self.seconds, 1), "step": float(step), "pairs_made": float(pool.made)}
        row |= {f"loss/{name}": float(loss) for name, loss in losses.items()}
        for name, scores in errors.items():
            row |= {f"{name}/{group}": float(value) for group, value in zip(FLOW_GROUPS, scores, strict=True)}
        self.rows.append(row)
        write_rows(self.out / "metrics.csv", self.rows)
        parts = (f"{name} {float(scores[0]):.2f} (40+ {float(scores[3]):.1f})" for name, scores in errors.items())
        print(f"{self.seconds:6.0f} s  step {step}  {pool.made} pairs  EPE: {', '.join(parts)}", flush=True)


def pooled(sums: Tensor) -> Tensor:
    """The end-point error of each group of pixels, all pairs together."""
    return flow_scores(sums.sum(0))[:, 0]


def trained(chosen: argparse.Namespace, log: Log) -> Contest:
    """Trains until the time is over, with looks at the pairs made apart."""
    recipe = Recipe(size=(chosen.height, chosen.width), motion=chosen.motion)
    arrivals = Arrivals(loader(recipe, 0, 10**7, chosen.workers))  # processes start before the GPU is touched
    apart = list(FlyingPairs(recipe, HELD_OUT_SEED, 4 if chosen.quick else HELD_OUT))
    device = torch.device(chosen.device)
    torch.manual_seed(0)
    names = chosen.networks.split(",")
    widths = {name: int(name.partition(":")[2]) for name in names}
    networks = {name: catalog[name.partition(":")[0]](width=widths[name]) for name in names}
    contest = Contest(networks, {name: RATES.get(widths[name], 1e-3) for name in names}, device, chosen.bf16)
    pool, draws = Pool(recipe.size, chosen.pool, device), torch.Generator(device).manual_seed(0)
    still = pooled(still_sums(apart))
    began, looked, step, losses = log.seconds, log.seconds, 0, {}
    while log.seconds < chosen.minutes * 60 * (1 - chosen.ending):
        for batch in arrivals.now():
            pool.add(*batch)
        if len(pool) < chosen.batch:
            time.sleep(0.1)
            began = log.seconds
            continue
        done = (log.seconds - began) / (chosen.minutes * 60 * (1 - chosen.ending) - began)
        losses = contest.step(pool.draw(chosen.batch, draws), done)
        step += 1
        if log.seconds - looked > EVERY:
            looked = log.seconds
            errors = {name: pooled(contest.sums(name, apart)) for name in names}
            log.note(step, pool, errors | {STILL: still}, losses)
    arrivals.end()
    log.note(step, pool, {name: pooled(contest.sums(name, apart)) for name in names} | {STILL: still}, losses)
    return contest


def curves(rows: list[Row], group: str = "all") -> str:
    """The error of every network on pairs made apart, over the steps, as an SVG chart."""
    names = [column.removesuffix(f"/{group}") for column in rows[0] if column.endswith(f"/{group}")]
    lines = {name: [(row["step"], row[f"{name}/{group}"]) for row in rows] for name in names}
    return line_chart(lines, "steps", "pixels", "End-point error on flying shapes made apart")


def judged(contest: Contest, folders: list[Path], out: Path) -> None:
    """Prints and writes the errors on real data, by group of pixels, and draws a few answers."""
    rows = []
    for folder in folders:
        pairs = [read_pair(item) for item in open_flow(folder).items]
        sums = {STILL: still_sums(pairs)} | {name: contest.sums(name, pairs) for name in contest.models}
        for name, table in sums.items():
            errors = dict(zip(FLOW_GROUPS, pooled(table).tolist(), strict=True))
            rows.append({"data": folder.name, "network": name, **errors, "per pair": _listed(table)})
            print(f"{folder.name} {name}: EPE {errors['all']:.3f}, 40+ {errors['40+']:.2f}; by pair {_listed(table)}")
        draw(contest, pairs[:3], out / f"{folder.name}.jpg")
    if rows:
        write_table(out / "scores.csv", rows)


def _listed(table: Tensor) -> str:
    return " ".join(f"{float(value):.2f}" for value in flow_scores(table)[:, 0, 0])


def draw(contest: Contest, pairs: list[FlowPair], path: Path) -> None:
    """First image, truth and answers of some pairs, side by side."""
    pictures, captions = [], []
    for pair in pairs:
        truth = pair.flow.masked_fill(~pair.valid, float("nan"))
        largest = max(1.0, largest_motion(truth))
        answers = {name: contest.flow(name, pair) for name in contest.models}
        pictures += [to_uint8(pair.image), flow_with_key(truth, largest)]
        pictures += [flow_with_key(answer, largest) for answer in answers.values()]
        captions += ["first image", "true motion", *answers]
    write_picture(path, contact_sheet(pictures, columns=2 + len(contest.models), captions=captions))


def keep_small(contest: Contest, out: Path) -> None:
    """Writes the weights of networks that fit a small file, in half precision."""
    for name, model in contest.models.items():
        halves = {key: value.detach().cpu().half().contiguous() for key, value in model.model.state_dict().items()}
        content = safetensors.torch.save(halves)
        if len(content) < LARGEST_FILE:
            write_bytes(out / f"{name.replace(':', '_')}.safetensors", content)


def main(words: list[str] | None = None) -> None:
    """Trains, prints and writes."""
    parser = arguments(__doc__, seeds=1)
    parser.add_argument("--minutes", type=float, default=8.0, help="in all, the evaluation included")
    parser.add_argument("--ending", type=float, default=0.08, help="share of the time left for the evaluation")
    parser.add_argument("--networks", default="flownet_c:64,flownet_s:64,flownet_c:16,flownet_s:16")
    parser.add_argument("--data", type=Path, action="append", default=[], help="folder of real pairs; several times")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 in convolutions; else TF32 where there is a GPU")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--motion", type=float, default=1.5, help="factor of the recipe's ways")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pool", type=int, default=50_000, help="pairs kept, 0.8 MB each at 256 x 320")
    parser.add_argument("--workers", type=int, default=14, help="processes that make pairs")
    chosen = parser.parse_args(words)
    torch.set_num_threads(chosen.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    log = Log(chosen.out)
    contest = trained(chosen, log)
    write_chart(chosen.out / "flow_full_width.svg", curves(log.rows))
    judged(contest, chosen.data, chosen.out)
    keep_small(contest, chosen.out)
    print(f"done in {log.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
