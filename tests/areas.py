"""Area averaging as a textbook would have it: two dense matrices of overlaps."""

import numpy as np


def area_mean(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The mean over the area of each pixel of a `rows x columns` image, float64, not rounded."""
    down, across = _shares(image.shape[0], rows), _shares(image.shape[1], columns)
    mean: np.ndarray = np.einsum("yi,xj,ijc->yxc", down, across, image.astype(float), optimize=True)
    return mean


def area_bytes(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The same in whole numbers, halves up."""
    whole: np.ndarray = np.floor(area_mean(image, rows, columns) + 0.5 + 1e-9)
    return whole


def _shares(pixels: int, cells: int) -> np.ndarray:
    """`cells x pixels`: the share of each cell that each pixel covers."""
    edges, borders = np.arange(pixels + 1) / pixels, np.arange(cells + 1) / cells
    upper = np.minimum(borders[1:, None], edges[None, 1:])
    lower = np.maximum(borders[:-1, None], edges[None, :-1])
    shares: np.ndarray = np.maximum(upper - lower, 0) * cells
    return shares
