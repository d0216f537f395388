"""Between the pixels of a frame and its cells."""

import numpy as np
from jaxtyping import Float32

from m2n2v2.grid import Size
from m2n2v2.tracking.flow import Field, opencv


def cell_means(values: Float32[np.ndarray, "H W *c"], cells: Size) -> Float32[np.ndarray, "h w *c"]:
    """The mean of each cell, by exact area overlap."""
    mean: Float32[np.ndarray, "h w *c"] = opencv().resize(
        values, (cells.width, cells.height), interpolation=opencv().INTER_AREA
    )
    return mean


def over_cells(field: Field, cells: Size) -> Float32[np.ndarray, "h w 2"]:
    """The mean flow of each cell, in cells."""
    height, width = field.shape[:2]
    scale = np.array([cells.width / width, cells.height / height], np.float32)
    return (cell_means(field, cells) * scale).astype(np.float32)


def enlarged(cells: Float32[np.ndarray, "h w c"], size: Size) -> Float32[np.ndarray, "H W c"]:
    """Values of cells as values of pixels, bilinear between the cells' centres."""
    cv2 = opencv()
    out = cv2.resize(cells, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    return with_channels(out)


def with_channels(values: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "H W c"]:
    """OpenCV drops the last axis where it is 1."""
    return values if values.ndim == 3 else values[:, :, None]
