"""Corners of polygons from files: numbers, and near their image."""

import numpy as np
from jaxtyping import Float

from m2n2v2.errors import FormatError
from m2n2v2.grid import Size


def corners(values: object, size: Size) -> Float[np.ndarray, "k 2"]:
    """`[x, y, x, y, ...]` as points, at most one image's extent outside the image.

    Raises:
        FormatError: it is no such list, or a point is elsewhere.
    """
    numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    if not numbers or len(values) % 2:  # type: ignore[arg-type]
        raise FormatError("points are no list of x and y", cure="give numbers, in pixels")
    try:
        points = np.array(values, np.float64).reshape(-1, 2)
    except OverflowError:
        points = np.array([[np.inf, np.inf]])
    extent = np.array([size.width, size.height])
    inside = ((points >= -extent) & (points <= 2 * extent)).all(axis=1)
    if not inside.all():  # NaN is not, either
        x, y = points[~inside][0].tolist()
        raise FormatError(
            f"point ({x:g}, {y:g}) lies far outside the {size} image", cure="give pixels"
        )
    return points
