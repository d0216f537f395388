"""The graph of segments, and manifold ranking on it (Zhou et al. 2004; Yang et al. 2013)."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import linalg

from m2n2v2.attention.affinity.cues import Segments
from m2n2v2.attention.affinity.parameters import AffinityParameters

NEAREST = 3
"""The local spread is the distance to this nearest neighbour (Zelnik-Manor and Perona 2004)."""


def weights(segments: Segments, parameters: AffinityParameters) -> Float[np.ndarray, "m m"]:
    """The graph's edge weights W, symmetric, 0 on the diagonal.

    Neighbours and neighbours of neighbours are linked with `exp(-(d^2 / (2 s_i s_j) + b / scale))`:
    d their distance in colour, s the local spread, b the strongest boundary on the weakest way
    of one or two steps between them. Segments at the image's border are linked among themselves,
    weakly and without regard to boundaries.
    """
    boundary = two_ring_boundary(segments)
    linked = np.isfinite(boundary)
    distance = _squared_distances(segments.colour)
    spread = _local_spread(np.sqrt(distance), linked, parameters.spread_limits)
    scale = parameters.neighbour_scale * np.sqrt(spread[:, None] * spread[None, :])
    alike = distance / (2 * scale)
    near = np.exp(-(alike + np.where(linked, boundary, 0) / parameters.boundary_scale))
    near = np.where(linked, near + parameters.ridge, 0)
    frame = segments.border[:, None] & segments.border[None, :]
    far = np.where(frame, parameters.border_weight * np.exp(-alike), 0)
    out: Float[np.ndarray, "m m"] = np.maximum(near, far)
    np.fill_diagonal(out, 0)
    return out


def two_ring_boundary(segments: Segments) -> Float[np.ndarray, "m m"]:
    """Per pair the smallest, over ways of one or two steps, of the larger boundary on the way.

    Infinite where there is no such way, and on the diagonal.
    """
    count = len(segments.colour)
    direct = np.full((count, count), np.inf)
    first, second = segments.pairs[:, 0], segments.pairs[:, 1]
    direct[first, second] = direct[second, first] = segments.boundary
    best = direct.copy()
    for middle in range(count):
        around = np.flatnonzero(np.isfinite(direct[middle]))
        strength = direct[middle, around]
        block = np.ix_(around, around)
        best[block] = np.minimum(best[block], np.maximum(strength[:, None], strength[None, :]))
    np.fill_diagonal(best, np.inf)
    return best


def manifold_ranking(weights: Float[np.ndarray, "m m"], share: float) -> Float[np.ndarray, "m m"]:
    """`(I - share * D^-1/2 W D^-1/2)^-1`: the affinity of all pairs over all ways, each step
    keeping `share` of it. Positive definite and, for a connected graph, positive."""
    degree = weights.sum(1)
    root = np.zeros_like(degree)
    np.divide(1, np.sqrt(degree), out=root, where=degree > 0)
    system = np.eye(len(weights)) - share * root[:, None] * weights * root[None, :]
    inverse: Float[np.ndarray, "m m"] = linalg.inv(system, overwrite_a=True, check_finite=False)
    inverse = (inverse + inverse.T) / 2
    return np.maximum(inverse, 0, out=inverse)


def _squared_distances(features: Float[np.ndarray, "m f"]) -> Float[np.ndarray, "m m"]:
    square = (features**2).sum(1)
    out: Float[np.ndarray, "m m"] = square[:, None] + square[None, :] - 2 * features @ features.T
    np.fill_diagonal(out, 0)
    return np.maximum(out, 0, out=out)


def _local_spread(
    distance: Float[np.ndarray, "m m"], linked: Bool[np.ndarray, "m m"], limits: tuple[float, float]
) -> Float[np.ndarray, " m"]:
    """Distance to the third nearest linked segment (the last, where there are fewer)."""
    count = len(distance)
    near = np.where(linked, distance, np.inf)
    place = min(NEAREST, count) - 1
    nearest = np.partition(near, range(place + 1), axis=1)[:, : place + 1]
    nearest[~np.isfinite(nearest)] = -np.inf
    spread: Float[np.ndarray, " m"] = nearest.max(1)
    return np.clip(spread, *limits, out=spread)
