"""Detections as GeoJSON, which viewers of maps and of microscope slides draw.

Source: RFC 7946, with pixels of the image in the place of degrees: x to the right, y down, as QuPath reads it.
"""

from typing import Any

from pixelwise.ops.mask_rings import mask_polygons
from pixelwise.results import Detections


def geojson_of(found: Detections) -> dict[str, Any]:
    """A collection with one feature for each object: its mask's outline with holes, or its box where there is no mask.

    Outlines run along the pixels' edges, so their area is that of the mask. A mask of several parts is a MultiPolygon;
    an object whose mask is empty has the outline of its box. Properties are the class's name, the score, and QuPath's
    classification.
    """
    outlines = [_box(box) for box in found.boxes.tolist()]
    if found.masks is not None:
        for place, (window, corner) in enumerate(zip(found.masks.windows, found.masks.corners, strict=True)):
            parts = mask_polygons(window.cpu().numpy(), corner)
            outlines[place] = [[list(map(list, ring)) for ring in rings] for rings in parts] or outlines[place]
    features = [
        _feature(outline, found.classes[label], score)
        for outline, label, score in zip(outlines, found.labels.tolist(), found.scores.tolist(), strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def _feature(parts: list[Any], name: str, score: float) -> dict[str, Any]:
    several = len(parts) > 1
    geometry = {"type": "MultiPolygon" if several else "Polygon", "coordinates": parts if several else parts[0]}
    properties = {"objectType": "detection", "name": name, "score": score, "classification": {"name": name}}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _box(box: list[float]) -> list[Any]:
    x0, y0, x1, y1 = box
    return [[[[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]]]
