"""An object with SAM's call shapes, thin over the walk."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped

from m2n2v2 import warming
from m2n2v2.adjusting import alternatives
from m2n2v2.arrays import Image, Mask
from m2n2v2.attention.base import Attention, AttentionSource
from m2n2v2.depth.base import DepthSource
from m2n2v2.errors import ImageError, MaskError, NoImageError, PromptError, StateError
from m2n2v2.grid import Size
from m2n2v2.images import pixel_digest, read_image, resized_map
from m2n2v2.masks.conventions import marked
from m2n2v2.method.settings import Settings
from m2n2v2.method.values import ImageState, Segmentation
from m2n2v2.method.walk import Progress
from m2n2v2.overlays import png
from m2n2v2.preparation import prepare
from m2n2v2.presets import preset
from m2n2v2.prompts import Click, Given, boxes_from_array, clicks_from_arrays
from m2n2v2.session import MapCache, Session, replay
from m2n2v2.snapping import snapped
from m2n2v2.states.file import read_state
from m2n2v2.weights.devices import choose_device
from m2n2v2.weights.locating import Loading

LOW_RESOLUTION = Size(256, 256)
"""Size of the logits that `predict` returns for the next call's `mask_input`, as SAM's."""


class Predictor:
    """Prepare an image once, then ask for masks: stands in for `SamPredictor`.

    Args:
        attention: where attention comes from (`m2n2v2.attention`).
        depth: where depth comes from (`m2n2v2.depth`); None for no guidance.
        settings: the method's constants; `Settings.ours()` if not given.
        device: a torch device, or `auto`.
        progress: called with the name of each stage of the preparation.
    """

    def __init__(
        self,
        attention: AttentionSource,
        depth: DepthSource | None = None,
        settings: Settings | None = None,
        *,
        device: str | torch.device = "cpu",
        progress: Progress | None = None,
    ) -> None:
        self.attention = attention
        self.depth = depth
        self.settings = settings or Settings.ours()
        self.device = choose_device(str(device))
        self.progress = progress
        self._maps: MapCache | None = None
        self._only: ImageState | None = None

    @classmethod
    def from_state(
        cls,
        path: str | os.PathLike[str],
        *,
        settings: Settings | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """A predictor for the one image that a file of `write_state` holds; the image is set.

        It has no backbone: `set_image` takes that photograph only.

        Args:
            settings: to click with; those it was written with, if not given.

        Raises:
            StateError: the file is no state, damaged, or prepared with other settings.
        """
        chosen = choose_device(str(device))
        state = read_state(path, settings=settings, device=chosen)
        name = state.provenance.attention
        predictor = cls(FromState(name, Path(path)), None, state.settings, device=chosen)
        predictor._only, predictor._maps = state, MapCache(state)
        return predictor

    @classmethod
    def from_preset(
        cls,
        name: str = "offline",
        *,
        device: str | torch.device = "auto",
        progress: Progress | None = None,
        loading: Loading | None = None,
    ) -> Self:
        """A predictor by the name of a preset (`m2n2v2 info` lists them).

        Args:
            loading: how its weights are located, if it needs any; its device is overruled by
                `device`, and its `weights` are the attention's.
        """
        device = choose_device(str(device))
        loading = replace(loading or Loading(), device=str(device))
        chosen = preset(name, device=str(device))
        warming.begin(chosen.settings)
        return cls(
            chosen.attention_source(loading),
            chosen.depth_source(replace(loading, weights=None)),
            chosen.settings,
            device=device,
            progress=progress,
        )

    @property
    def is_image_set(self) -> bool:
        return self._maps is not None

    def set_image(
        self,
        image: object,
        image_format: str = "RGB",
        *,
        depth: DepthSource | None = None,
    ) -> None:
        """Prepare an image: attention, transition, depth, upsampling.

        Args:
            image: a path, a PIL image, an array or a tensor (`images.read_image`).
            image_format: `RGB` or `BGR`, the order of the channels of an array or a tensor; what
                is decoded here, a file or a PIL image, is RGB whatever this says.
            depth: this image's own depth, in place of the predictor's.

        Raises:
            ImageError, DepthError, AttentionError, StateError: it cannot be prepared; the image
                set before stays.
        """
        if image_format not in ("RGB", "BGR"):
            raise ImageError(f"image_format is {image_format!r}", cure="use 'RGB' or 'BGR'")
        pixels = read_image(image)
        if image_format == "BGR" and isinstance(image, np.ndarray | torch.Tensor):
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
        known = self._only
        if known is not None and depth is not None:
            raise StateError(
                "depth came for an image that was prepared with its own",
                cure="leave it out, or use Predictor.from_preset",
            )
        if known is not None and pixel_digest(pixels) == known.image_sha256:
            self._maps = MapCache(known)
            return
        state = prepare(
            pixels,
            self.attention,
            depth or self.depth,
            self.settings,
            device=self.device,
            progress=self.progress,
        )
        self._maps = MapCache(state)

    def change_settings(self, settings: Settings) -> None:
        """Click with other settings from now on; an image that is set stays prepared.

        Raises:
            StateError: the image that is set would have to be prepared again (their preparing half
                differs); nothing changes.
        """
        if self._maps is not None:
            self._maps = MapCache(self._maps.state.with_settings(settings))
        if self._only is not None:
            self._only = self._only.with_settings(settings)
        self.settings = settings

    def reset_image(self) -> None:
        """Forget the image."""
        self._maps = None

    def get_image_embedding(self) -> ImageState:
        """All that was computed for the image: what SAM's embedding is to SAM."""
        return self._current().state

    def session(self, previous: Mask | None = None) -> Session:
        """A session of clicks, with undo, on the image that is set."""
        return Session(self._current().state, previous)

    def snap(self, mask_input: Shaped[np.ndarray, "..."]) -> Mask:
        """A mask drawn anew to the photograph's edges, near its own outline (`snapping`).

        Args:
            mask_input: as of `predict`: a mask or logits, of any size.

        Returns:
            The mask at the image's size.

        Raises:
            NoImageError: no image is set.
            PromptError: the mask cannot be read.
        """
        state = self._current().state
        return snapped(state, _as_mask(mask_input, state.size))

    def predict(
        self,
        point_coords: Any = None,
        point_labels: Any = None,
        box: Any = None,
        mask_input: Shaped[np.ndarray, "..."] | None = None,
        multimask_output: bool = False,
        return_logits: bool = False,
    ) -> tuple[
        Bool[np.ndarray, "*B C H W"] | Float32[np.ndarray, "*B C H W"],
        Float32[np.ndarray, "*B C"],
        Float32[np.ndarray, "*B C 256 256"],
    ]:
        """Masks for a box, a sequence of clicks, or a box and then clicks.

        Args:
            point_coords: `N x 2`, (x, y) in pixels, in the order of clicking; `B x N x 2` with a
                batch of boxes, the clicks on each object.
            point_labels: `N`, or `B x N`, 1 for object and 0 for background.
            box: `4`, (x0, y0, x1, y1) in pixels, round the object; it comes before the clicks.
                `B x 4` for B objects, one each; `1 x 4` is one box, as SAM has it.
            mask_input: the segmentation that the last prompt corrects, of any size, `h x w` or
                `1 x h x w`: a mask (truth values, or 0 and one other value), or logits (over 0 is
                object), such as a previous call's. The method looks at it to judge how large a
                change a click means (section 3.4).
            multimask_output: return the three best-scoring scales of the last prompt.
            return_logits: return the soft margin in [-1, 1] in place of masks.

        Returns:
            Masks (or margins), C x H x W at the image's size, best first; their scores in [0, 1];
            and margins at 256 x 256 to pass on as `mask_input`. C is 3 with `multimask_output`,
            else 1. With a batch of boxes B x C x H x W, and so on.

        Raises:
            NoImageError: no image is set.
            ClickError, PromptError: the prompts are malformed, contradict one another or lie
                outside.
        """
        maps = self._current()
        boxes = () if box is None else boxes_from_array(box)
        previous = None if mask_input is None else _as_mask(mask_input, maps.state.size)

        def one(prompts: tuple[Given, ...]) -> tuple[Any, Any, Any]:
            result = replay(maps.state, prompts, maps=maps, previous=previous)
            return _outputs(maps.state, result, multimask_output, return_logits)

        if len(boxes) < 2:
            absent = point_coords is None and point_labels is None
            clicks = (
                ()
                if boxes and absent
                else clicks_from_arrays(*_or_none(point_coords, point_labels))
            )
            return one((*boxes, *clicks))
        _check_batch(len(boxes), point_coords, point_labels, previous)
        for given in boxes:
            given.inside(maps.state.size)  # all, before any work
        results = [
            one((given, *_clicks_of(index, point_coords, point_labels)))
            for index, given in enumerate(boxes)
        ]
        masks, scores, low = (np.stack(parts) for parts in zip(*results, strict=True))
        return masks, scores, low

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: the image that is set, at working size."""
        return None if self._maps is None else png(self._maps.state.guide)

    def _current(self) -> MapCache:
        if self._maps is None:
            raise NoImageError("no image is set", cure="call set_image(image) first")
        return self._maps


@dataclass(frozen=True)
class FromState:
    """In the place of a backbone where an image came prepared: any other is refused.

    Attributes:
        name: what made the prepared attention.
        path: the file that the state came from.
    """

    name: str
    path: Path

    def extract(self, image: Image) -> Attention:
        """No attention.

        Raises:
            StateError: always.
        """
        raise StateError(
            f"{self.path.name} holds another image than this one "
            f"({image.shape[1]}x{image.shape[0]}, sha256 {pixel_digest(image)[:12]})",
            cure="prepare the image with `m2n2v2 prepare`, or use Predictor.from_preset",
        )


def _outputs(
    state: ImageState, result: Segmentation, several: bool, logits: bool
) -> tuple[
    Bool[np.ndarray, "C H W"] | Float32[np.ndarray, "C H W"],
    Float32[np.ndarray, " C"],
    Float32[np.ndarray, "C 256 256"],
]:
    segmentations = alternatives(state, result) if several else (result,)
    masks: Shaped[np.ndarray, "C H W"] = np.stack(
        [one.soft_mask.numpy() if logits else one.mask for one in segmentations]
    )
    scores = np.array([one.scales[-1].score for one in segmentations], np.float32)
    low = torch.stack([resized_map(one.margin, LOW_RESOLUTION) for one in segmentations])
    return masks, scores, low.numpy()


def _or_none(coords: Any, labels: Any) -> tuple[Any, Any]:
    return [] if coords is None else coords, [] if labels is None else labels


def _check_batch(count: int, coords: Any, labels: Any, previous: Mask | None) -> None:
    if previous is not None:
        raise PromptError(
            f"mask_input came with {count} boxes", cure="correct one object at a time"
        )
    for name, values in (("point_coords", coords), ("point_labels", labels)):
        if values is not None and len(values) != count:
            raise PromptError(
                f"{count} boxes came with {name} for {len(values)} objects",
                cure=f"give {name} of shape B x N, clicks for every box",
            )


def _clicks_of(index: int, coords: Any, labels: Any) -> tuple[Click, ...]:
    """The clicks on one object of a batch."""
    if coords is None and labels is None:
        return ()
    coords, labels = _or_none(coords, labels)
    if not len(coords) or not len(labels):
        raise PromptError("clicks came without labels, or labels without clicks", cure="give both")
    return clicks_from_arrays(coords[index], labels[index])


def _as_mask(mask_input: Shaped[np.ndarray, "..."], size: Size) -> Mask:
    """A mask, or logits, as a mask of the image's size."""
    array = np.asarray(mask_input)
    if array.ndim == 3 and len(array) == 1:
        array = array[0]
    if array.ndim != 2 or array.size == 0:
        raise PromptError(
            f"mask_input has shape {np.shape(mask_input)}", cure="give one mask, h x w or 1 x h x w"
        )
    if array.dtype.kind not in "biuf":
        raise PromptError(f"mask_input has dtype {array.dtype}", cure="give a mask, or logits")
    if not np.isfinite(array).all():
        raise PromptError("mask_input has NaN or infinite values", cure="give finite logits")
    if array.min() >= 0 and not _are_logits(array):
        array = np.where(_marks(array), np.float32(1), np.float32(-1))
    scaled = resized_map(torch.from_numpy(array.astype(np.float32)), size)
    return (scaled > 0).numpy()


def _are_logits(array: Shaped[np.ndarray, "h w"]) -> bool:
    """Without a negative value they are, if they are floats of the size that `predict` returns."""
    return array.dtype.kind == "f" and array.shape == LOW_RESOLUTION.shape


def _marks(array: Shaped[np.ndarray, "h w"]) -> Mask:
    """What a mask without negative values marks.

    Raises:
        PromptError: its values fit two readings.
    """
    fractions = array.dtype.kind == "f" and array.max() <= 1
    try:
        read = marked(array, full=1 if fractions else 255, name="mask_input")
        doubtful = len(read.present) > 1 or read.void.any()
    except MaskError:
        doubtful = True
    if doubtful:
        present = np.unique(array)
        shown = ", ".join(f"{value:g}" for value in present[:4].tolist())
        raise PromptError(
            f"mask_input has {len(present)} values ({shown}{', ...' if len(present) > 4 else ''}), "
            "which may be a soft mask, logits or several objects",
            cure="give truth values, for example mask > 127, or probability > 0.5",
        )
    return read.object
