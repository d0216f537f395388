"""Small pictures, and how long a test waits for what is computed beside it."""

import numpy as np

from m2n2v2.grid import Size
from tests.patience import PATIENCE
from tests.scenes import photograph

WAIT = int(1000 * PATIENCE)

SIZE = Size(60, 90)

BOXES = [(8, 8, 40, 40), (50, 12, 76, 52)]


def picture() -> np.ndarray:
    """Two boxes on grey, 60 x 90 x 3."""
    return photograph(SIZE, BOXES)
