"""The formats' own rasterisers, called as the tools that read the formats call them."""

import warnings
from typing import Any

import cv2
import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw
from pycocotools import mask as coco

from m2n2v2.arrays import Mask


def coco_mask(segmentation: Any, height: int, width: int) -> Mask:
    """As pycocotools' `annToMask`: polygons are united, uncompressed runs are compressed first."""
    if isinstance(segmentation, list):
        segmentation = coco.merge(coco.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco.frPyObjects(segmentation, height, width)
    with warnings.catch_warnings():  # its arrays do not know numpy 2's copy keyword
        warnings.simplefilter("ignore", DeprecationWarning)
        found: Mask = coco.decode(segmentation).astype(bool)
    return found


def coco_string(mask: Mask) -> str:
    text: str = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")
    return text


def yolo_mask(fractions: np.ndarray, height: int, width: int) -> Mask:
    """As ultralytics' `polygon2mask`: single precision, to pixels, fractions dropped, fillPoly."""
    pixels = fractions.astype(np.float32).reshape(-1, 2)
    pixels = (pixels * np.array([width, height], np.float32)).astype(np.int32)
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, pixels[None], color=1)
    return canvas.astype(bool)


def labelme_mask(points: list[list[float]], height: int, width: int) -> Mask:
    """As LabelMe's `shape_to_mask` for polygons."""
    canvas = PILImage.fromarray(np.zeros((height, width), np.uint8))
    ImageDraw.Draw(canvas).polygon([(x, y) for x, y in points], outline=1, fill=1)
    return np.asarray(canvas).astype(bool)
