"""Draws flow_answers.jpg: what trained networks and DIS say of pairs that none has seen. See docs/guides/flow.md.

python docs/pictures/flow_answers.py far ../shared/data/flyingchairs_examples ../shared/data/middlebury_flow \
    --run run_c --run run_s
"""

import argparse
from pathlib import Path

import pixelwise as pw
from pixelwise.data.flow import open_flow, read_pair
from pixelwise.drawing import contact_sheet, flow_with_key, largest_motion, to_uint8, write_picture
from pixelwise.inference.flow_estimator import FlowEstimator
from pixelwise.models.flow.classical import dis_flow
from pixelwise.ops import resize

HEIGHT = 240
"""Of every picture, so that rows are alike; motions keep their colours."""


def main() -> None:
    """One row for the first test pair of each folder, else its first pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--run", type=Path, action="append", required=True)
    chosen = parser.parse_args()
    estimators = {run.name: pw.load(run) for run in chosen.run}
    pictures, captions = [], []
    for folder in chosen.folders:
        items = [item for item in open_flow(folder).items if item.flow is not None]
        pair = read_pair(next((item for item in items if item.split == "test"), items[0]))
        answers = {"truth": pair.flow}
        for name, estimator in estimators.items():
            assert isinstance(estimator, FlowEstimator), f"{name} is a run of flow"
            answers[name] = estimator.predict(pair.image, pair.second).vectors
        answers["DIS"] = dis_flow(pair.image, pair.second)
        largest = largest_motion(pair.flow)
        rows, columns = pair.flow.shape[1:]
        size = (HEIGHT, round(HEIGHT * columns / rows))
        image, *flows = (resize(each, size, "bilinear", antialias=True) for each in (pair.image, *answers.values()))
        pictures += [to_uint8(image), *(flow_with_key(flow, largest) for flow in flows)]
        captions += [folder.name, *answers]
    sheet = contact_sheet(pictures, columns=3 + len(estimators), captions=captions)
    write_picture(Path(__file__).with_name("flow_answers.jpg"), sheet)


if __name__ == "__main__":
    main()
