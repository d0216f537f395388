"""Other ways to build, keep and apply the upsampling operator (decisions/upsampling-operator.md).

    python -m experiments.upsampling_variants

Three minutes on a machine that does nothing else. A photograph with measured depth of 854 x 480,
the benchmarks' synthetic attention at side 64. MB and milliseconds of the operator, the difference
of upsampled saturation times (four clicks) to the exact operator's in parts of the largest, mean
and largest, and the IoU of the masks after four clicks with the exact ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from types import FunctionType
from typing import Any
from unittest import mock

import numpy as np
import torch
from benchmarks.harness import timing
from benchmarks.inputs import Case
from numba import njit
from torch import Tensor
from torch.nn import functional

from m2n2v2.compiled.threads import over_rows
from m2n2v2.grid import Size
from m2n2v2.method import _upsampling as kernel
from m2n2v2.method.upsampling import JointBilateralUpsampling
from m2n2v2.method.values import ImageState
from m2n2v2.method.walk import empty, guided_upsampling, markov_map_stages, segment

Operator = Callable[[Tensor], Tensor]


@dataclass
class WholeNumbers:
    """The weights in 16 or 8 bits, each pixel's in units of its own."""

    exact: JointBilateralUpsampling
    kind: Any

    def __post_init__(self) -> None:
        weights = self.exact.weights.numpy()
        most = weights.max((2, 3), keepdims=True)
        self.weights = np.rint(weights / most * np.iinfo(self.kind).max).astype(self.kind)
        self.scale = (1 / self.weights.sum((2, 3), dtype=np.float64)).astype(np.float32)

    def __call__(self, maps: Tensor) -> Tensor:
        exact = self.exact
        out = np.empty((len(maps), *exact.size.shape), np.float32)
        given = (self.weights, exact.top, exact.left, maps.contiguous().numpy(), out)
        over_rows(kernel.apply, exact.size.height, *given)
        out *= self.scale
        return torch.from_numpy(out)


@dataclass
class TwoPasses:
    """A bilateral mean along columns, then along rows, which is not the filter's: range weights
    of both together are no product. Applied anew to every map."""

    guide: Tensor
    cells: Size

    def __call__(self, maps: Tensor) -> Tensor:
        height, width = self.guide.shape[1:]
        found = functional.interpolate(maps[None], (height, width), mode="bilinear")[0]
        for axis, sigma in ((1, height / self.cells.height), (2, width / self.cells.width)):
            total, weights = torch.zeros_like(found), torch.zeros_like(found[:1])
            reach = int(3 * sigma)
            for offset in range(-reach, reach + 1):
                size = found.shape[axis] - abs(offset)
                here, there = max(0, -offset), max(0, offset)
                near, far = (self.guide.narrow(axis, at, size) for at in (here, there))
                away = (near - far).square().sum(0, keepdim=True) / (2 * 0.1**2)
                weight = torch.exp(-away - (offset / sigma) ** 2 / 2)
                weights.narrow(axis, here, size).add_(weight)
                total.narrow(axis, here, size).add_(weight * found.narrow(axis, there, size))
            found = total / weights
        return found

    @property
    def mb(self) -> float:
        """Of its weights, were they kept."""
        height, width = self.guide.shape[1:]
        taps = sum(
            2 * int(3 * n / c) + 1 for n, c in zip((height, width), self.cells.shape, strict=True)
        )
        return 4 * height * width * taps / 1e6


TABLE = (2.0 ** -(np.arange(57 * 64 + 1) / 64)).astype(np.float32)


@njit(inline="always")
def _exp2_looked_up(e):  # type: ignore[no-untyped-def]
    """`2 ** -e` from a table of 64 entries per power, the nearest one."""
    return TABLE[np.int32(min(e, np.float32(57)) * np.float32(64) + np.float32(0.5))]


@contextmanager
def kernel_with(**changed: Any) -> Iterator[None]:
    """`kernel.build` compiled with other globals."""
    names = {**vars(kernel), **changed}
    other = njit(nogil=True, fastmath=True)(FunctionType(kernel.build.py_func.__code__, names))
    with mock.patch.object(kernel, "build", other):
        yield


@dataclass
class EverySecond:
    """The window of three sigmas at every second pixel of every second row alone, by shifting whole
    images: its times are not those of a kernel, its weights are a quarter."""

    guide: Tensor
    cells: Size

    def __call__(self, maps: Tensor) -> Tensor:
        height, width = self.guide.shape[1:]
        source = functional.interpolate(maps[None], (height, width), mode="bilinear")[0]
        down, across = height / self.cells.height, width / self.cells.width
        total, weights = torch.zeros_like(source), torch.zeros_like(source[:1])
        for dy in _even(3 * down):
            for dx in _even(3 * across):
                apart = (dy / down) ** 2 + (dx / across) ** 2
                if apart > 9:
                    continue
                here = np.s_[:, max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
                there = np.s_[:, max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
                away = (self.guide[here] - self.guide[there]).square_().sum(0, keepdim=True)
                weight = away.mul_(-0.5 / 0.1**2).sub_(apart / 2).exp_()
                weights[here] += weight
                total[here] += weight * source[there]
        return total / weights


def _even(reach: float) -> range:
    return range(-(int(reach) // 2) * 2, int(reach) + 1, 2)


def built(state: ImageState) -> JointBilateralUpsampling:
    return guided_upsampling(state.guide, state.transition.cells, state.depth, state.settings)


def main() -> None:
    case = Case(Size(480, 854), 64)
    state, cells = case.state, Size(64, 64)
    exact = state.upsampling
    times = torch.stack([stages.times for stages in markov_map_stages(state, case.clicks)])
    expected = exact(times)
    largest = expected.amax((1, 2), keepdim=True)
    mask = mask_after(state, case)
    image, depth = case.photograph
    colour = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)
    guide = torch.cat([colour, depth[None]])
    with kernel_with(exp2_minus=_exp2_looked_up):
        table_ms = timing(lambda: built(state), 3)["median_ms"]
        table = built(state)
    exact_ms, weights_mb = timing(lambda: built(state), 3)["median_ms"], exact.weights.nbytes / 1e6
    two = TwoPasses(guide, cells)
    rows: list[tuple[str, Operator, float | None, float | None]] = [
        ("as it is", exact, weights_mb, exact_ms),
        ("16-bit weights", WholeNumbers(exact, np.uint16), weights_mb / 2, None),
        ("8-bit weights", WholeNumbers(exact, np.uint8), weights_mb / 4, None),
        ("a table of exponentials", table, weights_mb, table_ms),
        ("two passes", two, two.mb, None),
        ("every second pixel and row", EverySecond(guide, cells), weights_mb, None),
    ]
    print("| | MB | built, ms | a map, ms | difference, mean | largest | IoU |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, operator, mb, build_ms in rows:
        applied = "" if isinstance(operator, EverySecond) else f"{applied_ms(operator, times):.1f}"
        apart = (operator(times) - expected).abs() / largest
        other: Any = operator
        found = mask_after(replace(state, upsampling=other), case)
        iou = float((found & mask).sum() / (found | mask).sum())
        print(
            f"| {name} | {mb or 0:.0f} | {f'{build_ms:.0f}' if build_ms else ''} | {applied} | "
            f"{float(apart.mean()):.1g} | {float(apart.max()):.1g} | {iou:.4f} |",
            flush=True,
        )


def applied_ms(operator: Operator, times: Tensor) -> float:
    repetitions = 2 if isinstance(operator, TwoPasses) else 31
    return timing(lambda: operator(times[:1]), repetitions)["median_ms"]


def mask_after(state: ImageState, case: Case) -> Any:
    clicks = case.clicks
    return reduce(lambda found, click: segment(state, found, click), clicks, empty(state)).mask


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
