"""Claim: detectors became faster by sharing the features, first among the regions, then with what proposes them.

Source: Girshick 2015, "Fast R-CNN", table 4 (47 s for an image with R-CNN, 0.32 s with Fast R-CNN, proposals not
counted: 146 times); Ren et al. 2015, "Faster R-CNN", table 5 (selective search 1.5 s and Fast R-CNN 0.32 s, together
0.2 s with the proposal network).

Three detectors on VGG-16 with a quarter of its channels, random weights: R-CNN crops each region and runs all of the
network on it; Fast R-CNN runs the convolutions once and the linear layers on each region; Faster R-CNN proposes the
regions from the same features. The first two get their regions from selective search, all three as many. Measured:
seconds an image, with what proposals take.

    python -m experiments.sharing_features

Takes about 2 minutes on 2 cores: 5 images of 240 x 320 pixels, 100 regions each. An image is the seed here.
"""

import math
import time

import torch
from torch import Tensor, nn

from experiments.arguments import arguments, read
from experiments.intervals import t_interval, verdict
from experiments.object_scenes import draw_object_scenes
from experiments.outcome import write_chart, write_table
from pixelwise.backbones import vgg16
from pixelwise.data.pasture import Knobs
from pixelwise.drawing import bar_chart
from pixelwise.models.detection.batching import Preparation
from pixelwise.models.detection.box_head import BINS, BoxPredictor
from pixelwise.models.detection.decode import decode
from pixelwise.models.detection.fast_rcnn import LastConvolution, fast_rcnn_vgg16
from pixelwise.models.detection.faster_rcnn import FasterRCNN
from pixelwise.models.detection.outputs import BoxOutputs
from pixelwise.models.detection.parts import rpn_on_one_level
from pixelwise.models.detection.proposals import selective_search
from pixelwise.models.detection.propose import propose
from pixelwise.models.detection.rcnn import rcnn_outputs, rcnn_vgg16
from pixelwise.models.detection.region_reader import RegionReader
from pixelwise.models.detection.resize import Resize
from pixelwise.models.detection.roi_heads import RoiHeads

CLASSES = 5

WAYS = ("R-CNN", "Fast R-CNN", "Faster R-CNN")


def faster_rcnn_vgg16(num_classes: int, width: int, hidden: int) -> FasterRCNN:
    """The paper's network: Fast R-CNN on VGG-16 with a proposal network on its last convolution."""
    body = vgg16(width=width, hidden=hidden)
    backbone = LastConvolution(body)
    head = nn.Sequential(nn.Flatten(), *list(body.classifier)[:-1])
    heads = RoiHeads(RegionReader(backbone.strides, BINS, "pool"), head, BoxPredictor(hidden, num_classes))
    return FasterRCNN(Preparation(Resize.of(None)), backbone, rpn_on_one_level(backbone.channels[0]), heads)


class Contestants:
    """The three detectors, each from an image to its objects."""

    def __init__(self, width: int, hidden: int, regions: int) -> None:
        """Builds them.

        Args:
            width: channels of VGG's first stage.
            hidden: of its linear layers.
            regions: proposals of an image.
        """
        self.regions = regions
        self.rcnn = rcnn_vgg16(CLASSES, width=width, hidden=hidden).eval()
        self.fast = fast_rcnn_vgg16(CLASSES, width=width, hidden=hidden, resize=None).eval()
        self.faster = faster_rcnn_vgg16(CLASSES, width, hidden).eval()

    @torch.inference_mode()
    def seconds(self, way: str, image: Tensor, seed: int) -> tuple[float, float]:
        """What the proposals take, and the rest; features are counted with the rest, whoever reads them."""
        clock = [time.perf_counter()]
        if way == "Faster R-CNN":
            features = self.faster.features([image])
            clock.append(time.perf_counter())
            proposals = propose(self.faster.rpn(features), after=self.regions)
            clock.append(time.perf_counter())
            decode(BoxOutputs(proposals, self.faster.box_scores(features, proposals), features.frames))
            clock.append(time.perf_counter())
            return clock[2] - clock[1], clock[1] - clock[0] + clock[3] - clock[2]
        boxes = [selective_search(image, self.regions, seed=seed)]
        clock.append(time.perf_counter())
        decode(self.fast([image], boxes) if way == "Fast R-CNN" else rcnn_outputs(self.rcnn, [image], boxes))
        return clock[1] - clock[0], time.perf_counter() - clock[1]


def print_gain(name: str, slow: list[float], quick: list[float]) -> None:
    """How many times as fast, with the interval of the geometric mean."""
    gain = t_interval([math.log(a / b) for a, b in zip(slow, quick, strict=True)])
    mean, low, high = (math.exp(value) for value in (gain.mean, gain.low, gain.high))
    print(f"{name}: {mean:.1f} times as fast ({low:.1f} to {high:.1f}); the claim {verdict(gain)}")


def main(words: list[str] | None = None) -> None:
    """Measures, prints and writes."""
    chosen = read(arguments(__doc__, seeds=5), words)
    size, width, hidden, regions = ((64, 64), 2, 8, 5) if chosen.quick else ((240, 320), 16, 1024, 100)
    torch.manual_seed(0)
    detectors = Contestants(width, hidden, regions)
    images = draw_object_scenes(Knobs(size=size), chosen.seeds, seed=0).images
    rows = []
    for way in WAYS:
        detectors.seconds(way, images[0], 0)  # the first run chooses kernels
    for seed, image in enumerate(images):
        for way in WAYS:
            proposals, rest = detectors.seconds(way, image, seed)
            rows.append({"way": way, "seed": seed, "proposals": proposals, "rest": rest, "seconds": proposals + rest})
    write_table(chosen.out / "sharing_features.csv", rows)
    found = {
        way: {
            part: [float(row[part]) for row in rows if row["way"] == way] for part in ("proposals", "rest", "seconds")
        }
        for way in WAYS
    }
    for way, parts in found.items():
        shown = ", ".join(f"{part} {t_interval(values)}" for part, values in parts.items())
        print(f"{way:14} seconds an image: {shown}")
    crops, fast, faster = (found[way] for way in WAYS)
    print_gain("Fast R-CNN over R-CNN, proposals not counted", crops["rest"], fast["rest"])
    print_gain("Faster R-CNN over Fast R-CNN with its proposals", fast["seconds"], faster["seconds"])
    print_gain("Faster R-CNN over R-CNN with its proposals", crops["seconds"], faster["seconds"])
    means = {way: math.log10(t_interval(parts["seconds"]).mean) for way, parts in found.items()}
    chart = bar_chart(means, "Seconds an image, proposals counted", "log10 of seconds")
    write_chart(chosen.out / "sharing_features.svg", chart)


if __name__ == "__main__":
    main()
