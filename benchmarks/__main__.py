"""Runs every benchmark in turn: python -m benchmarks."""

from benchmarks import augmentation, pasture, unet
from benchmarks.dense import large_image, tiling

SUBJECTS = (pasture, augmentation, unet, tiling, large_image)


def main() -> None:
    for subject in SUBJECTS:
        print(f"\n== {subject.__name__} ==")
        subject.main()


if __name__ == "__main__":
    main()
