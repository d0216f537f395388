"""Names for the arrays that travel between stages.

`H W` are pixels, `h w` attention cells, `n = h * w` cells in row-major order, `k` clicks.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

Image = UInt8[np.ndarray, "H W 3"]
"""RGB, 0 to 255."""

Mask = Bool[np.ndarray, "H W"]
"""True on the object."""

DepthMap = Float[Tensor, "H W"]
"""Normalised inverse depth: 0 farthest, 1 nearest."""

AttentionTensor = Float[Tensor, "h w h w"]
"""Row `[i, j]` is the attention of query cell (row i, column j); it sums to 1."""

CellMaps = Float[Tensor, "k h w"]
"""One value per attention cell, for k clicks."""

CellMap = Float[Tensor, "h w"]

PixelMaps = Float[Tensor, "k H W"]
"""One value per pixel, for k clicks."""

PixelMap = Float[Tensor, "H W"]
