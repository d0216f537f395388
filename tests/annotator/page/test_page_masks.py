"""What the page makes of run lengths: pixels and outlines, against the Python side."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from m2n2v2.arrays import Mask
from m2n2v2.masks.runs import Runs
from tests.annotator.page.conftest import Desk

Open = Callable[..., Desk]

DRAWN = {
    "nothing": ["....", "....", "...."],
    "everything": ["####", "####", "####"],
    "one": ["....", ".#..", "...."],
    "corners": ["#..#", "....", "#..#"],
    "hole": ["####", "#..#", "####"],
    "diagonal": ["##..", "##..", "..##"],
    "across rows": ["...#", "####", "#..."],
    "ring in a ring": ["#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"],
}

FILLED = """async (masks) => {
  const { Layer, Shape, pixel } = await import("/masks.js");
  return masks.map((mask) => {
    const shape = new Shape(mask);
    const [height, width] = mask.size;
    const layer = new Layer(width, height);
    layer.show([{ shape, value: pixel("#ff0000", 255) }]);
    const { data } = layer.canvas(1).getContext("2d").getImageData(0, 0, width, height);
    const context = new OffscreenCanvas(width, height).getContext("2d");
    const { exact, smooth } = shape.contour(1);
    const inside = (path) => Array.from({ length: width * height }, (_, i) =>
      +context.isPointInPath(path, (i % width) + 0.5, Math.floor(i / width) + 0.5, "evenodd"));
    return {
      filled: Array.from({ length: width * height }, (_, i) => +(data[4 * i + 3] > 0)),
      has: Array.from({ length: width * height }, (_, i) =>
        +shape.has(i % width, Math.floor(i / width))),
      exact: inside(exact), smooth: inside(smooth), bounds: shape.bounds, empty: shape.empty,
    };
  });
}"""


def wire(mask: Mask) -> dict[str, Any]:
    return {"size": list(mask.shape), "counts": Runs.of(mask).counts.tolist()}


def random_mask(seed: int) -> Mask:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 24, 2)
    coarse = rng.random((height, width)) < rng.random()
    return np.asarray(coarse)


def test_pixels_and_outlines_are_the_mask(desk: Open) -> None:
    me = desk().open()
    masks = [np.array([[c == "#" for c in row] for row in rows]) for rows in DRAWN.values()]
    masks += [random_mask(seed) for seed in range(60)]
    answers = me.page.evaluate(FILLED, [wire(mask) for mask in masks])
    for mask, found in zip(masks, answers, strict=True):
        flat = mask.ravel().astype(int).tolist()
        assert found["filled"] == flat
        assert found["has"] == flat
        assert found["exact"] == flat
        assert found["smooth"] == flat, "the outline through the edges' middles keeps each centre"
        assert found["empty"] == (not mask.any())
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = found["bounds"]
            assert (box["top"], box["bottom"]) == (rows[0], rows[-1] + 1)
            assert box["left"] <= columns[0]
            assert box["right"] >= columns[-1] + 1


def test_a_step_keeps_every_second_pixel(desk: Open) -> None:
    me = desk().open()
    mask = random_mask(7)
    found = me.page.evaluate(
        """async (mask) => {
          const { Shape } = await import("/masks.js");
          const [height, width] = mask.size;
          return [1, 2, 4].map((step) => {
            const columns = Math.ceil(width / step), rows = Math.ceil(height / step);
            const pixels = new Uint32Array(columns * rows);
            new Shape(mask).fill(pixels, columns, 1, step, 0, rows);
            return [...pixels];
          });
        }""",
        wire(mask),
    )
    for step, pixels in zip((1, 2, 4), found, strict=True):
        assert pixels == mask[::step, ::step].ravel().astype(int).tolist()


def test_only_changed_rows_are_drawn_again_and_later_objects_lie_on_top(desk: Open) -> None:
    me = desk().open()
    below = np.zeros((8, 8), bool)
    below[1:7, 1:7] = True
    above = np.zeros((8, 8), bool)
    above[4:6] = True
    found = me.page.evaluate(
        """async ([one, two]) => {
          const { Layer, Shape, pixel } = await import("/masks.js");
          const layer = new Layer(8, 8);
          const [below, above] = [one, two].map((mask) => new Shape(mask));
          const red = pixel("#ff0000", 255), blue = pixel("#0000ff", 255);
          const look = () => {
            const { data } = layer.canvas(1).getContext("2d").getImageData(0, 0, 8, 8);
            return Array.from({ length: 64 }, (_, i) =>
              data[4 * i + 3] ? (data[4 * i] ? 1 : 2) : 0);
          };
          const shots = [];
          const shows = [[[below, red]], [[below, red], [above, blue]],
            [[above, blue], [below, red]], [[above, blue]], []];
          for (const stack of shows) {
            layer.show(stack.map(([shape, value]) => ({ shape, value })));
            shots.push(look());
          }
          return shots;
        }""",
        [wire(below), wire(above)],
    )
    first = np.where(below, 1, 0)
    expected = [
        first,
        np.where(above, 2, first),
        np.where(below, 1, np.where(above, 2, 0)),
        np.where(above, 2, 0),
        np.zeros((8, 8), int),
    ]
    for drawn, wanted in zip(found, expected, strict=True):
        assert drawn == wanted.ravel().tolist()


@pytest.mark.parametrize(
    ("scale", "step"), [(2, 1), (1, 1), (0.51, 1), (0.5, 2), (0.2, 4), (0.01, 8)]
)
def test_the_step_shows_every_pixel_of_the_screen(desk: Open, scale: float, step: int) -> None:
    me = desk().open()
    assert me.state(f"(await import('/masks.js')).stepFor({scale})") == step
