"""A program as a user writes it, whose types `make release-check` checks against the wheel.

`mypy --strict` and pyright, strict as well, read it where only the wheel and its dependencies are
installed; `assert_type` says what they must see.
"""

from pathlib import Path
from typing import assert_type

import numpy as np
import numpy.typing as npt

from m2n2v2 import (
    Click,
    ImageState,
    Predictor,
    Segmentation,
    Session,
    Settings,
    __version__,
    attention,
    prepare,
    read_state,
    segment,
    write_state,
)
from m2n2v2.attention.base import Attention, AttentionSource
from m2n2v2.errors import ImageError, M2N2Error, PromptError
from m2n2v2.grid import Size
from m2n2v2.method.walk import empty
from m2n2v2.prompts import Box, Scribble

Pixels = npt.NDArray[np.uint8]
Drawn = npt.NDArray[np.bool_]


class Kept:
    """Somebody's own source of attention, which asks another one once."""

    name = "kept"

    def __init__(self, source: AttentionSource) -> None:
        self._source = source
        self._kept: Attention | None = None

    def extract(self, image: Pixels) -> Attention:
        if self._kept is None:
            self._kept = self._source.extract(image)
        return self._kept


def by_a_predictor(photograph: Path) -> Drawn:
    settings: Settings = Settings.paper().replace(alpha=4.0)
    assert_type(settings.alpha, float)
    predictor = Predictor.from_preset("offline")
    assert_type(predictor, Predictor)
    predictor.set_image(photograph)
    assert_type(predictor.is_image_set, bool)
    masks, scores, logits = predictor.predict([[75, 60]], [1], multimask_output=False)
    numbers: npt.NDArray[np.float32] = scores
    session = predictor.session()
    assert_type(session, Session)
    result = session.click(75, 60)
    session.scribble([(70, 60), (80, 61)], positive=True)
    session.box(40, 30, 110, 90)
    session.undo()
    assert_type(result, Segmentation)
    assert_type(result.size, Size)
    assert_type(session.clicks, tuple[Click, ...])
    mask: Drawn = session.mask
    return mask if numbers.size and logits.size and masks.size else mask & False


def by_values(image: Pixels, source: AttentionSource, folder: Path) -> Drawn:
    state = prepare(image, Kept(source), settings=Settings.ours())
    assert_type(state, ImageState)
    assert_type(write_state(folder / "photo.m2n2", state), Path)
    state = read_state(folder / "photo.m2n2")
    first = segment(state, empty(state), Click(75, 60, positive=True))
    for prompt in (Box(40, 30, 110, 90), Scribble(((70, 60), (80, 61)))):
        first = segment(state, first, prompt)
    mask: Drawn = first.mask
    return mask


def main() -> None:
    photograph = Path("photo.png")
    try:
        print(__version__, by_a_predictor(photograph).sum())
        source = attention.Affinity()
        assert_type(source.name, str)
        image: Pixels = np.zeros((120, 160, 3), np.uint8)
        print(by_values(image, source, Path()).sum())
    except (ImageError, PromptError) as error:
        print(error)
    except M2N2Error as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
