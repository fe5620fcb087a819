"""Runs every benchmark in turn: python -m benchmarks."""

from benchmarks import augmentation, pasture, tiling, unet

SUBJECTS = (pasture, augmentation, unet, tiling)


def main() -> None:
    for subject in SUBJECTS:
        print(f"\n== {subject.__name__} ==")
        subject.main()


if __name__ == "__main__":
    main()
