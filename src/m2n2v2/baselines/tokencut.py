"""TokenCut (Wang et al. 2022): a normalised cut of what DINOv2 makes of patches, led by clicks.

The paper cuts a photograph in two, once, and takes the side that stands out. Here a click takes the
part it lies in; where it contradicts an earlier click in the same part, that part is cut again in
the same way (as Shi and Malik 2000 do), until the two are apart, and its own part changes sides.
The outline follows the photograph by joint bilateral upsampling, where the paper has a bilateral
solver. The paper's network is DINO; this is DINOv2 Small, its keys as there.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import linalg, ndimage
from torch import Tensor

from m2n2v2.arrays import DepthMap, Image, Mask
from m2n2v2.baselines.base import refuse_start_mask
from m2n2v2.grid import Size, limited, rescaled_pixel
from m2n2v2.images import resized, resized_map
from m2n2v2.method.upsampling import joint_bilateral_upsampling
from m2n2v2.prompts import Click
from m2n2v2.weights.locating import Loading
from m2n2v2.weights.vit import VisionTransformer

ALIKE = 0.2
"""Cosine over which two patches are linked (the paper's)."""

UNLIKE = 1e-5
"""The weight of a link between others (the paper's)."""

SIDE = 37
"""Patches along each edge: what the network was trained at."""

MAX_SHORT_SIDE = 1024


class TokenCut:
    """Normalised cuts, chosen and refined by clicks.

    Args:
        network: a DINOv2.
        name: its weights.
        centred: take the mean over the photograph off the keys. The paper does not, and its DINO
            does not need it; almost all cosines of DINOv2's keys are over `ALIKE` as they are.
    """

    def __init__(self, network: VisionTransformer, name: str, *, centred: bool = True) -> None:
        self.network, self.centred = network, centred
        links = f"side={SIDE}, alike={ALIKE}, unlike={UNLIKE}"
        self.name = f"tokencut(weights={name}, {links}, centred={centred})"

    @classmethod
    def load(cls, model: str, loading: Loading) -> "TokenCut":
        """With a DINOv2's weights.

        Args:
            model: a key of `weights.MODELS`, for example `dinov2-small`.

        Raises:
            WeightsError, BackendError, DeviceError: they cannot be loaded, or not here.
        """
        network, loaded = VisionTransformer.load(model, loading)
        return cls(network, loaded.name)

    def start(self, image: Image, depth: DepthMap | None = None) -> "Parts":
        cells = Size(SIDE, SIDE)
        features = self.network.features(
            self.network.pixels(image, cells), {-1: frozenset({"keys"})}
        )
        (keys,) = features.values()
        return Parts(image, keys.to("cpu", torch.float32), centred=self.centred)


class Parts:
    """A photograph's patches in parts, all patches of a part on one side.

    Args:
        keys: of every patch.
        centred: as of `TokenCut`.
    """

    def __init__(self, image: Image, keys: Float[Tensor, "h w c"], *, centred: bool) -> None:
        self._cells, self._full = Size(*keys.shape[:2]), Size(*image.shape[:2])
        rows = keys.flatten(0, 1).to(torch.float64)
        unit = torch.nn.functional.normalize(rows - rows.mean(0) if centred else rows, dim=1)
        self._links = np.where((unit @ unit.T).numpy() > ALIKE, 1.0, UNLIKE)
        guide = resized(image, limited(self._full, MAX_SHORT_SIDE))
        self._upsampling = joint_bilateral_upsampling(guide, self._cells)
        self._whole = self._cut(np.ones(self._cells.shape, bool))
        self.restart()

    def restart(self, mask: Mask | None = None) -> None:
        refuse_start_mask(mask, "TokenCut")
        self._clicks: list[Click] = []
        self._part = self._whole.copy()
        self._object = np.zeros(self._cells.shape, bool)

    def click(self, click: Click) -> Mask:
        at = self._cell(click)
        others = [c for c in self._clicks if c.positive != click.positive and self._cell(c) != at]
        self._clicks.append(click)
        while any(self._part[self._cell(other)] == self._part[at] for other in others):
            inside = self._part == self._part[at]
            self._part[inside] = self._part.max() + 1 + self._cut(inside)[inside]
        self._object[self._part == self._part[at]] = click.positive
        return self._enlarged()

    def _cell(self, click: Click) -> tuple[int, int]:
        x, y = rescaled_pixel(click.x, click.y, self._full, self._cells)
        return y, x

    def _cut(self, inside: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
        """The connected pieces of both sides of the normalised cut of some patches, from 0."""
        places = np.flatnonzero(inside)
        side = np.zeros(inside.shape, bool)
        side.flat[places] = two_sides(self._links[np.ix_(places, places)])
        first, count = ndimage.label(side)
        second, _ = ndimage.label(inside & ~side)
        out: Int[np.ndarray, "h w"] = np.where(side, first, second + count).astype(np.int64) - 1
        return out

    def _enlarged(self) -> Mask:
        cells = torch.from_numpy(self._object.astype(np.float32))[None]
        soft = resized_map(self._upsampling(cells)[0], self._full)
        mask: Mask = (soft > 0.5).numpy()
        for click in self._clicks:
            mask[click.y, click.x] = click.positive
        return mask


def two_sides(links: Float[np.ndarray, "n n"]) -> Bool[np.ndarray, " n"]:
    """The normalised cut of a graph in two: where the second eigenvector is over its mean.

    Args:
        links: symmetric weights of all pairs of two nodes or more, over 0.
    """
    degree = links.sum(1)
    scaled = links / np.sqrt(np.outer(degree, degree))
    n = len(links)
    _, vectors = linalg.eigh(scaled, subset_by_index=[n - 2, n - 2])
    second = vectors[:, 0] / np.sqrt(degree)
    side: Bool[np.ndarray, " n"] = second > second.mean()
    if side.all() or not side.any():  # nothing to tell apart: one patch alone, so that cuts end
        side = np.arange(n) == 0
    return side
