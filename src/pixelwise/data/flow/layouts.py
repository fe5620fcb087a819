"""How the data sets of the field lay out their pairs; each layout is told by the files that are there.

Every function gives the items of its layout, or none where the folder is of another kind. Items are made from any file
of a pair, so that a missing partner is noticed instead of passed over.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pixelwise.data.flow.items import FlowItem

LOOKED_FOR = (
    "FlyingChairs: 00001_img1.ppm, 00001_img2.ppm, 00001_flow.flo (or 0000000-img0.ppm, -img1.ppm, -gt.flo); "
    "Sintel: training/clean/SCENE/frame_0001.png and training/flow/SCENE/frame_0001.flo; "
    "KITTI: training/image_2/000000_10.png, 000000_11.png and training/flow_occ/000000_10.png; "
    "Middlebury: SCENE/frame10.png, SCENE/frame11.png, SCENE/flow10.flo; "
    "our own: images/, second/ and flow/ with files of the same names"
)
"""What each layout is told by, for the message of a folder that has none."""

_CHAIRS = re.compile(r"(.+)(?:_(?:img1|img2|flow)|-(?:img0|img1|gt))\.(?:ppm|png|flo)")
_KITTI_IMAGES = ("image_2", "colored_0", "image_0")  # 2015; 2012 in colour; 2012 in gray
_PICTURES = (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".tif", ".tiff")


def chairs(root: Path) -> list[FlowItem]:
    """FlyingChairs: all files in one folder, or in its folder data/."""
    for folder in (root, root / "data"):
        names = {file.name for file in _files(folder)}
        numbers = sorted({found[1] for name in names if (found := _CHAIRS.fullmatch(name))})
        # Pictures alone may be called a_flow.png in a folder of another kind.
        if numbers and any(name.endswith(".flo") for name in names):
            return [_chair(folder, number, names) for number in numbers]
    return []


def _chair(folder: Path, number: str, names: set[str]) -> FlowItem:
    example = any(f"{number}{ending}" in names for ending in ("-img0.ppm", "-gt.flo"))
    first, second, flow = ("-img0", "-img1", "-gt") if example else ("_img1", "_img2", "_flow")
    suffix = ".png" if f"{number}{first}.png" in names else ".ppm"
    return FlowItem(
        number,
        folder / f"{number}{first}{suffix}",
        folder / f"{number}{second}{suffix}",
        folder / f"{number}{flow}.flo",
    )


def sintel(root: Path) -> list[FlowItem]:
    """MPI Sintel: training/ (and test/, whose flow is kept back), each with the renderings clean and final."""
    items: list[FlowItem] = []
    places = ((root / "training", "train"), (root / "test", "test"), (root, ""))
    for base, split in places:
        for part in ("clean", "final"):
            for scene in _folders(base / part):
                items += _sintel_scene(base, part, scene.name, split)
    return items


def _sintel_scene(base: Path, part: str, scene: str, split: str) -> Iterator[FlowItem]:
    """Each frame with the next; a flow without its frames is kept, so that the gap is noticed."""
    has_truth = (base / "flow").is_dir()
    frames = {file.name for file in _files(base / part / scene) if file.suffix == ".png"}
    flows = {f"{file.stem}.png" for file in _files(base / "flow" / scene) if file.suffix == ".flo"}
    for name in sorted(frames | flows):
        following = _next_name(name)
        # The last frame of a scene starts no pair.
        if following is None or (name not in flows and following not in frames):
            continue
        yield FlowItem(
            name=f"{part}/{scene}/{Path(name).stem}",
            image=base / part / scene / name,
            second=base / part / scene / following,
            flow=base / "flow" / scene / f"{Path(name).stem}.flo" if has_truth else None,
            split=split,
            part=part,
            occlusion=_if_there(base / "occlusions" / scene / name),
            invalid=_if_there(base / "invalid" / scene / name),
        )


def kitti(root: Path) -> list[FlowItem]:
    """KITTI 2012 and 2015: training/ and testing/ with frames _10 and _11 of each scene."""
    items: list[FlowItem] = []
    for base, split in ((root / "training", "train"), (root / "testing", "test"), (root, "")):
        images = next((base / name for name in _KITTI_IMAGES if (base / name).is_dir()), None)
        if images is None or (split == "" and not (base / "flow_occ").is_dir()):
            continue
        flows = base / "flow_occ"
        files = [*_files(images), *_files(flows)]
        scenes = {file.stem.removesuffix("_10") for file in files if file.stem.endswith("_10")}
        items += [
            FlowItem(
                name=scene,
                image=images / f"{scene}_10.png",
                second=images / f"{scene}_11.png",
                flow=flows / f"{scene}_10.png" if flows.is_dir() else None,
                split=split,
                seen_flow=_if_there(base / "flow_noc" / f"{scene}_10.png"),
            )
            for scene in sorted(scenes)
        ]
    return items


def middlebury(root: Path) -> list[FlowItem]:
    """Middlebury: a folder for each scene, with the truth beside the frames or under other-gt-flow/."""
    separate = root / "other-gt-flow"
    frames = root / "other-data" if separate.is_dir() else root
    scenes = {folder.name for folder in [*_folders(frames), *_folders(separate)]}
    return [
        FlowItem(
            name=scene,
            image=frames / scene / "frame10.png",
            second=frames / scene / "frame11.png",
            flow=(separate if separate.is_dir() else root) / scene / "flow10.flo",
        )
        for scene in sorted(scenes)
        if (frames / scene / "frame10.png").exists() or (separate / scene / "flow10.flo").exists()
    ]


def pairs(root: Path) -> list[FlowItem]:
    """Our own, as the generators write it: images/, second/, flow/ and perhaps occlusion/, with files of one stem."""
    if not all((root / name).is_dir() for name in ("images", "second", "flow")):
        return []
    first, second = _by_stem(root / "images", _PICTURES), _by_stem(root / "second", _PICTURES)
    flow = _by_stem(root / "flow", (".flo", ".png", ".pfm"))
    hidden = _by_stem(root / "occlusion", _PICTURES)
    return [
        FlowItem(
            name=stem,
            image=first.get(stem, root / "images" / f"{stem}.png"),
            second=second.get(stem, root / "second" / f"{stem}.png"),
            flow=flow.get(stem, root / "flow" / f"{stem}.flo"),
            occlusion=hidden.get(stem),
        )
        for stem in sorted({*first, *second, *flow})
    ]


FINDERS: dict[str, Callable[[Path], list[FlowItem]]] = {
    "sintel": sintel,
    "kitti": kitti,
    "pairs": pairs,
    "middlebury": middlebury,
    "chairs": chairs,
}
"""In the order in which they are tried."""


def _files(folder: Path) -> list[Path]:
    """Files of a folder by name, hidden ones (system leftovers) passed over; none where there is no folder."""
    return sorted(_visible(folder, Path.is_file))


def _folders(folder: Path) -> list[Path]:
    return sorted(_visible(folder, Path.is_dir))


def _visible(folder: Path, kind: Callable[[Path], bool]) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    return (child for child in folder.iterdir() if not child.name.startswith(".") and kind(child))


def _by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    return {file.stem: file for file in _files(folder) if file.suffix.lower() in suffixes}


def _if_there(file: Path) -> Path | None:
    return file if file.is_file() else None


def _next_name(name: str) -> str | None:
    """frame_0002.png after frame_0001.png; None for a name without a number."""
    found = re.fullmatch(r"(.*?)(\d+)(\.\w+)", name)
    return f"{found[1]}{int(found[2]) + 1:0{len(found[2])}d}{found[3]}" if found else None
