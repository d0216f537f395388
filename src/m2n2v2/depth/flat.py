"""A flat map: guidance switched off, so that the maps are M2N2's."""

import torch

from m2n2v2.arrays import DepthMap, Image


class Flat:
    """A depth source that knows nothing: 0 everywhere."""

    name = "flat"

    def estimate(self, image: Image) -> DepthMap:
        return torch.zeros(image.shape[:2])
