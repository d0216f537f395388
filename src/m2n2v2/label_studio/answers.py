"""Masks as regions of Label Studio: brush strokes, exact, or polygons."""

import secrets
from collections.abc import Iterator
from typing import Any

from m2n2v2.arrays import Mask
from m2n2v2.grid import Size
from m2n2v2.label_studio.configuration import Control
from m2n2v2.label_studio.rle import encoded
from m2n2v2.masks.simplified import simplified, single_ring

DEVIATION = 1.0
"""Pixels by which a polygon may miss the mask's outline."""


def regions(mask: Mask, label: str, control: Control, score: float) -> list[dict[str, Any]]:
    """The regions of a mask: one brush, or a polygon for each part; none of an empty mask.

    Holes of a polygon are joined to its outline by bridges without an area, since polygons of
    Label Studio know none.

    Args:
        score: in [0, 1].
    """
    if not mask.any():
        return []
    size = Size(*mask.shape)
    return [
        {
            "id": secrets.token_urlsafe(8)[:10],
            "from_name": control.name,
            "to_name": control.image,
            "type": control.kind,
            "original_width": size.width,
            "original_height": size.height,
            "image_rotation": 0,
            "origin": "prediction",
            "readonly": False,
            "score": score,
            "value": {**value, control.kind: [label]},
        }
        for value in _values(mask, control.kind, size)
    ]


def _values(mask: Mask, kind: str, size: Size) -> Iterator[dict[str, Any]]:
    if kind == "brushlabels":
        yield {"format": "rle", "rle": encoded(mask)}
        return
    for polygon in simplified(mask, DEVIATION):
        points = single_ring(polygon).points * 100 / (size.width, size.height)
        yield {"points": points.tolist(), "closed": True}
