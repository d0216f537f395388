"""Each stage as a textbook would have it written: clear, and not slow on purpose.

Whole-image and whole-matrix operations are torch's or numpy's; loops over pixels are compiled.
"""

import heapq
import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from numba import njit
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from m2n2v2.arrays import AttentionTensor, DepthMap, Image, PixelMap

EDGE_STEPS = 1024


def doubly_stochastic(
    attention: AttentionTensor, temperature: float = 0.65, rounds: int = 200
) -> Float[Tensor, "n n"]:
    """Iterative proportional fitting of the full matrix, a new one for every half round."""
    cells = attention.shape[0] * attention.shape[1]
    matrix = torch.softmax(torch.log(attention.reshape(cells, cells)) / temperature, dim=1)
    for _ in range(rounds):
        matrix = matrix / matrix.sum(0, keepdim=True)
        matrix = matrix / matrix.sum(1, keepdim=True)
    return matrix


def balanced(
    attention: AttentionTensor, temperature: float = 0.65, tolerance: float = 1e-3, most: int = 1000
) -> tuple[Float[Tensor, "n n"], int]:
    """The same until every column sums to 1 within a tolerance, or for the most rounds allowed."""
    cells = attention.shape[0] * attention.shape[1]
    matrix = torch.softmax(torch.log(attention.reshape(cells, cells)) / temperature, dim=1)
    done = 0
    while done < most and float((matrix.sum(0) - 1).abs().max()) > tolerance:
        matrix = matrix / matrix.sum(0, keepdim=True)
        matrix = matrix / matrix.sum(1, keepdim=True)
        done += 1
    return matrix, done


def saturation_time(
    transition: Float[Tensor, "n n"],
    start: Float[Tensor, "h w"],
    threshold: float = 0.3,
    max_steps: int = 1000,
) -> Float[Tensor, "h w"]:
    """One click's chain, one vector-matrix product per step, until every cell is reached."""
    previous = start.flatten()
    times = torch.where(previous > threshold, 0.0, float("inf"))
    for step in range(1, max_steps + 1):
        current = previous @ transition
        current = current / current.max()
        rise = current - previous if step > 1 else torch.full_like(current, 1 - threshold)
        new = (current > threshold) & times.isinf()
        times[new] = step - (current[new] - threshold) / rise[new]
        if not bool(times.isinf().any()):
            break
        previous = current
    times[times.isinf()] = max_steps
    return times.reshape(start.shape)


def joint_bilateral_upsampling(
    values: Float[Tensor, "h w"],
    image: Image,
    depth: DepthMap,
    spatial_sigma: float = 1.0,
    range_sigma: float = 0.1,
) -> PixelMap:
    """Bilinear upsampling, then a weighted mean, by shifting whole images over the window."""
    height, width = image.shape[:2]
    bilinear = functional.interpolate(
        values[None, None], (height, width), mode="bilinear", align_corners=False
    )[0, 0]
    colour = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)
    guide = torch.cat([colour, depth[None]])
    sigma_y = spatial_sigma * height / values.shape[0]
    sigma_x = spatial_sigma * width / values.shape[1]
    total, weights = torch.zeros_like(bilinear), torch.zeros_like(bilinear)
    for dy in range(-int(3 * sigma_y), int(3 * sigma_y) + 1):
        for dx in range(-int(3 * sigma_x), int(3 * sigma_x) + 1):
            spatial = (dy / sigma_y) ** 2 + (dx / sigma_x) ** 2
            if spatial > 9:
                continue
            rows, rows_from = _overlap(dy, height)
            columns, columns_from = _overlap(dx, width)
            difference = guide[:, rows, columns] - guide[:, rows_from, columns_from]
            distance = difference.square_().sum(0)
            weight = distance.mul_(-0.5 / range_sigma**2).sub_(spatial / 2).exp_()
            weights[rows, columns] += weight
            total[rows, columns] += weight.mul_(bilinear[rows_from, columns_from])
    return total / weights


def _overlap(shift: int, length: int) -> tuple[slice, slice]:
    """Where an axis and its shifted self overlap: places, and what lies `shift` further."""
    return (
        slice(max(0, -shift), length - max(0, shift)),
        slice(max(0, shift), length + min(0, shift)),
    )


def flood_fill(values: PixelMap, start: tuple[int, int], depth: DepthMap) -> PixelMap:
    """Dijkstra's algorithm with the maximum for the sum, on a binary heap."""
    x, y = start
    away, behind = (values - values[y, x]).numpy(), (depth - depth[y, x]).numpy()
    cost = np.sqrt(away * away + behind * behind)
    return torch.from_numpy(_minimax(cost, y, x))


@njit(nogil=True, cache=True)
def _minimax(cost, y, x):  # type: ignore[no-untyped-def]
    height, width = cost.shape
    out = np.full(cost.shape, np.inf, cost.dtype)
    out[y, x] = cost[y, x]
    heap = [(cost[y, x], y, x)]
    while heap:
        value, y, x = heapq.heappop(heap)
        if value > out[y, x]:
            continue
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            ny, nx = y + dy, x + dx
            if 0 <= ny < height and 0 <= nx < width:
                reached = max(value, cost[ny, nx])
                if reached < out[ny, nx]:
                    out[ny, nx] = reached
                    heapq.heappush(heap, (reached, ny, nx))
    return out


def best_scale(
    values: PixelMap,
    same_class: Sequence[float],
    other_class: Sequence[float],
    area_bound: float,
    every_pixel: bool = False,
) -> tuple[float, float]:
    """Threshold and score of the best segment: grow it pixel by pixel and score every value.

    With `every_pixel` the segment is scored after every pixel, as the first version does.
    """
    array = values.numpy()
    across = ndimage.sobel(array, axis=1, mode="mirror")
    down = ndimage.sobel(array, axis=0, mode="mirror")
    magnitude = np.sqrt(across * across + down * down)
    strength = (magnitude * (EDGE_STEPS / max(magnitude.max(), 1e-30))).astype(np.int64)
    order = np.argsort(array, axis=None, kind="stable")
    same = np.asarray(same_class, array.dtype)
    excluded = min(other_class, default=float(array.max()))
    threshold, score = _grow(array, strength, order, same, excluded, area_bound, every_pixel)
    return float(threshold), float(score)


@njit(nogil=True, cache=True)
def _grow(array, strength, order, same, excluded, area_bound, every_pixel):  # type: ignore[no-untyped-def]
    height, width = array.shape
    inside = np.zeros(array.shape, np.bool_)
    border = np.zeros(array.shape, np.bool_)
    total, length = 0, 0
    best, best_score = array.dtype.type(0), 0.0
    for i in range(len(order)):
        y, x = divmod(order[i], width)
        value = array[y, x]
        if value >= excluded:
            break
        inside[y, x] = True
        if border[y, x]:
            border[y, x] = False
            total -= strength[y, x]
            length -= 1
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            ny, nx = y + dy, x + dx
            if 0 <= ny < height and 0 <= nx < width and not inside[ny, nx] and not border[ny, nx]:
                border[ny, nx] = True
                total += strength[ny, nx]
                length += 1
        last = i + 1 == len(order)
        if (
            not every_pixel
            and not last
            and array[order[i + 1] // width, order[i + 1] % width] == value
        ):
            continue
        if i + 1 >= area_bound:
            break
        s_edge = total / (max(length, 1) * EDGE_STEPS)
        s_pos = (same <= value).mean() if len(same) > 0 else 1.0
        if s_edge * s_pos > best_score:
            best, best_score = value, s_edge * s_pos
    return best, best_score


def truncated_nearest_neighbour(
    maps: Sequence[PixelMap],
    scales: Sequence[float],
    points: Sequence[tuple[int, int]],
    labels: Sequence[bool],
) -> Bool[np.ndarray, "H W"]:
    """Stack all scaled maps, take the arg min, cut at 1."""
    scaled = torch.stack([m / s if s > 0 else m + 2 for m, s in zip(maps, scales, strict=True)])
    value, winner = scaled.min(0)
    mask: Bool[np.ndarray, "H W"] = ((value <= 1) & torch.tensor(labels)[winner]).numpy()
    for (x, y), positive in zip(points, labels, strict=True):
        mask[y, x] = positive
    return mask


def size_limit(
    point: tuple[int, int], positive: bool, previous: Bool[np.ndarray, "H W"], alpha: float
) -> float:
    """`alpha * pi * d^2`, d from a distance transform of the whole image."""
    if not (previous == positive).any():
        return math.inf
    distance = ndimage.distance_transform_edt(previous != positive)
    return float(alpha * math.pi * distance[point[1], point[0]] ** 2)


def segment(
    maps: Sequence[PixelMap],
    points: Sequence[tuple[int, int]],
    labels: Sequence[bool],
    limits: Sequence[float],
    previous: Bool[np.ndarray, "H W"],
    prior_area: float,
) -> Bool[np.ndarray, "H W"]:
    """Score every prompt's map, merge, and repeat without the last if the change is too large."""
    mask = _merged(maps, points, labels, limits, prior_area, list(range(len(maps))))
    if abs(int(mask.sum()) - int(previous.sum())) > limits[-1]:
        mask = _merged(maps, points, labels, limits, prior_area, list(range(len(maps) - 1)))
    return mask


def _merged(
    maps: Sequence[PixelMap],
    points: Sequence[tuple[int, int]],
    labels: Sequence[bool],
    limits: Sequence[float],
    prior_area: float,
    counted: Sequence[int],
) -> Bool[np.ndarray, "H W"]:
    scales = []
    for values, positive, limit in zip(maps, labels, limits, strict=True):
        at = {i: float(values[points[i][1], points[i][0]]) for i in counted}
        same = [value for i, value in at.items() if labels[i] == positive]
        other = [value for i, value in at.items() if labels[i] != positive]
        scales.append(best_scale(values, same, other, min(prior_area, limit))[0])
    return truncated_nearest_neighbour(maps, scales, points, labels)
