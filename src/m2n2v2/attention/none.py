"""No attention at all: the paper's depth-only row (Table 2, `- | DA2`).

Every cell attends to every cell alike, so one step of the chain reaches everything at once and
each saturation time is 0: the Markov-map says nothing, and what the flood fill spreads over is
depth alone. The colours count no more, either: upsampling a constant gives the constant.
"""

from m2n2v2.arrays import Image
from m2n2v2.attention.uniform import UniformAttention
from m2n2v2.grid import Size


class NoAttention:
    """An attention source that does not look at the image."""

    name = "none"

    def extract(self, image: Image) -> UniformAttention:
        return UniformAttention(Size(32, 32))
