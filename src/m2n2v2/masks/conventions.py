"""What the values of a mask mean: one rule for files and arrays.

Nothing is guessed where two readings fit: `marked` reads by a rule that it tells, or refuses.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int32, Shaped

from m2n2v2.arrays import Mask
from m2n2v2.errors import MaskError

Convention = Literal["auto", "any", "half", "trimap", "voc", "index", "alpha"]
"""How the values of a mask are read.

| name | object |
| --- | --- |
| `any` | every value over 0, all of them one object |
| `half` | every value of half of the full scale and more (128 of 255): soft edges |
| `trimap` | every value over half; half itself is void, not known to be either |
| `index` | every value but 0 is the number of an object |
| `voc` | the same, but 255 is void |
| `alpha` | what is half opaque or more, whatever its colour |
| `auto` | what the values themselves leave no doubt of; else the mask is refused |
"""

RULES: dict[Convention, str] = {
    "any": "every value over 0 is object",
    "half": "half of the full scale and more is object",
    "trimap": "over half of the full scale is object, half itself is void",
    "voc": "every value but 0 and 255 is the number of an object, 255 is void",
    "index": "every value but 0 is the number of an object",
    "alpha": "what is half opaque or more is object",
    "auto": "0 is background; what could be read in two ways is refused",
}
"""How values are read, in words."""

CURE = (
    "say what the values mean (--mask-values half: soft edges, 128 and more is object; any: all "
    "over 0; trimap: 128 is unknown; index: a number for each object; voc: the same, 255 is void; "
    "alpha: the transparency), or save 0 for background and 255 for object"
)
VOID = 255
"""In PASCAL VOC's masks of numbers: neither object nor background."""


@dataclass(frozen=True, eq=False)
class Marked:
    """What a mask marks.

    Attributes:
        numbers: of the object at each pixel, 0 for background and void.
        void: pixels that are neither object nor background.
        rule: how the values were read, in words; empty where they can be read in one way only.
    """

    numbers: Int32[np.ndarray, "H W"]
    void: Bool[np.ndarray, "H W"]
    rule: str = ""

    @cached_property
    def present(self) -> list[int]:
        """The numbers of the objects that occur."""
        return [number for number in np.unique(self.numbers).tolist() if number]

    @property
    def object(self) -> Mask:
        """Every object together."""
        return self.numbers != 0


def checked_convention(name: str) -> Convention:
    """A convention by its name.

    Raises:
        MaskError: there is none of that name.
    """
    for known in get_args(Convention):
        if name == known:
            return known
    raise MaskError(f"mask values are {name!r}", cure=f"use {', '.join(get_args(Convention))}")


def marked(
    values: Shaped[np.ndarray, "H W"],
    convention: Convention = "auto",
    *,
    void: int | None = None,
    full: float = 255,
    palette: bool = False,
    name: str = "the mask",
) -> Marked:
    """What the values of one channel mark.

    Args:
        values: numbers of 0 and more.
        convention: as declared; `auto` for one that is not.
        void: a value that is void, whatever the convention; None for none.
        full: the value of the full scale: 255 of 8 bits, 65535 of 16, 1 of fractions.
        palette: they are indices into a palette of colours, and so no shades.
        name: what errors call the mask.

    Raises:
        MaskError: the values are no numbers of 0 and more, or fit two readings; the flag that
            decides is named.
    """
    if values.dtype == np.bool_:
        values, full = values.astype(np.uint8), 1
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or (values < 0).any():
        raise MaskError(f"{name} has values that are no numbers of 0 and more", cure=CURE)
    if full > 255 and values.size and values.max() <= 255:  # 8 bits in a larger file
        full = 255
    apart = np.zeros(values.shape, bool) if void is None else values == void
    read = _marked(np.where(apart, values.dtype.type(0), values), convention, full, palette, name)
    return Marked(read.numbers, read.void | apart, read.rule)


def _marked(
    values: Shaped[np.ndarray, "H W"], convention: Convention, full: float, palette: bool, name: str
) -> Marked:
    half = (full + 1) // 2 if full > 1 else full / 2
    rule = RULES[convention]
    if convention == "any":
        return _one(values > 0, rule)
    if convention in ("half", "alpha"):
        return _one(values >= half, rule)
    if convention == "trimap":
        return _one(values > half, rule, values == half)
    if (values != np.floor(values)).any() or values.max(initial=0) > np.iinfo(np.int32).max:
        raise _doubtful(name, np.unique(values[values > 0]).tolist())
    numbers = values.astype(np.int32)
    if convention == "index":
        return Marked(numbers, np.zeros(numbers.shape, bool), rule)
    if convention == "voc":
        return _voc(numbers)
    present = [value for value in np.unique(numbers).tolist() if value]
    if not present or (len(present) == 1 and (palette or present != [half])):
        return Marked(numbers, np.zeros(numbers.shape, bool))
    if numbers.all():
        raise MaskError(f"{name} has no background: no pixel is 0", cure=CURE)
    counted = list(range(1, len(present) + 1))
    if present[-1] == VOID and (palette or present[:-1] == counted[:-1]):
        return _voc(numbers)
    if present == [half, full] and not palette:
        return _one(numbers == full, RULES["trimap"], numbers == half)
    if palette or present == counted or present[-1] < half:
        return Marked(numbers, np.zeros(numbers.shape, bool), RULES["index"])
    raise _doubtful(name, present)


def _voc(numbers: Int32[np.ndarray, "H W"]) -> Marked:
    void = numbers == VOID
    return Marked(np.where(void, 0, numbers).astype(np.int32), void, RULES["voc"])


def _one(mask: Mask, rule: str, void: Mask | None = None) -> Marked:
    return Marked(mask.astype(np.int32), np.zeros_like(mask) if void is None else void, rule)


def _doubtful(name: str, present: list[float]) -> MaskError:
    shown = ", ".join(f"{value:g}" for value in present[:4]) + (" ..." if len(present) > 4 else "")
    count = f"{len(present)} values" if len(present) > 1 else "the value"
    return MaskError(
        f"{name} has {count} besides 0 ({shown}), which may be soft edges, numbers of objects or "
        "void",
        cure=CURE,
    )
