"""Runs every benchmark in turn: python -m benchmarks."""

from benchmarks import augmentation, pasture, unet
from benchmarks.audits import average_precision, groups, whole
from benchmarks.dense import arrangements, densify, large_image, row_stream, statistics, tiling
from benchmarks.detection import inference as detector_inference
from benchmarks.detection import training as detector_training
from benchmarks.flow import data as flow_data
from benchmarks.flow import networks as flow_networks
from benchmarks.ops import correlation, deform_conv, masks, nms, roi_align
from benchmarks.segmentation import inference, training

SUBJECTS = (
    *(pasture, augmentation, unet),
    *(densify, arrangements, tiling, large_image, statistics, row_stream),
    *(inference, training),
    *(detector_inference, detector_training),
    *(flow_data, flow_networks),
    *(groups, average_precision, whole),
    *(nms, roi_align, deform_conv, correlation, masks),
)


def main() -> None:
    for subject in SUBJECTS:
        print(f"\n== {subject.__name__} ==")
        subject.main()


if __name__ == "__main__":
    main()
