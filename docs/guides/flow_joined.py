"""Several folders of generated pairs as one, without copying their files. See flow.md.

python docs/guides/flow_joined.py mixed flying far near
"""

import argparse
import os
from pathlib import Path

PARTS = ("images", "second", "flow", "occlusion")


def main() -> None:
    """Links every file under its folder's name and its own, and writes splits.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    chosen = parser.parse_args()
    lines = ["file,split"]
    for folder in chosen.folders:
        for part in PARTS:
            (chosen.out / part).mkdir(parents=True, exist_ok=True)
            for file in sorted((folder / part).iterdir()):
                os.link(file, chosen.out / part / f"{folder.name}-{file.name}")
        for line in (folder / "splits.csv").read_text(encoding="utf-8").splitlines()[1:]:
            name, split = line.split(",")
            lines.append(f"{folder.name}-{Path(name).stem},{split}")
    (chosen.out / "splits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 1} pairs in {chosen.out}")


if __name__ == "__main__":
    main()
