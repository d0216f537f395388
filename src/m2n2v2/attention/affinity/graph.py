"""The graph of segments, and manifold ranking on it (Zhou et al. 2004; Yang et al. 2013)."""

import numpy as np
from jaxtyping import Float, Int64
from scipy.linalg import lapack

from m2n2v2.attention.affinity import _superpixels as kernel
from m2n2v2.attention.affinity.cues import Segments
from m2n2v2.attention.affinity.parameters import AffinityParameters
from m2n2v2.errors import AttentionError

NEAREST = 3
"""The local spread is the distance to this nearest neighbour (Zelnik-Manor and Perona 2004)."""


def weights(segments: Segments, parameters: AffinityParameters) -> Float[np.ndarray, "m m"]:
    """The graph's edge weights W, symmetric, 0 on the diagonal.

    Neighbours and neighbours of neighbours are linked with
    `exp(-(d^2 / (2 c sqrt(s_i s_j)) + b / scale))`: d the distance of their features, c the
    `neighbour_scale`, s the local spread, b the strongest boundary on the weakest way of one or two
    steps between them. Segments at the image's border are linked among themselves, weakly and
    without regard to boundaries.
    """
    count = len(segments.features)
    boundary = two_ring_boundary(segments)
    first, second = np.nonzero(np.isfinite(boundary))
    distance = _squared_distance(segments.features, first, second)
    spread = _local_spread(first, np.sqrt(distance), count, parameters.spread_limits)
    scale = 2 * parameters.neighbour_scale * np.sqrt(spread[first] * spread[second])
    strength = boundary[first, second] / parameters.boundary_scale
    out = np.zeros((count, count))
    out[first, second] = np.exp(-(distance / scale + strength)) + parameters.ridge

    frame = np.flatnonzero(segments.border)
    first, second = np.repeat(frame, len(frame)), np.tile(frame, len(frame))
    distance = _squared_distance(segments.features, first, second)
    scale = 2 * parameters.neighbour_scale * np.sqrt(spread[first] * spread[second])
    weak = parameters.border_weight * np.exp(-distance / scale)
    out[first, second] = np.maximum(out[first, second], weak)
    np.fill_diagonal(out, 0)
    return out


def two_ring_boundary(segments: Segments) -> Float[np.ndarray, "m m"]:
    """Per pair the smallest, over ways of one or two steps, of the larger boundary on the way.

    Infinite where there is no such way, and on the diagonal.
    """
    count = len(segments.features)
    middle, end = np.concatenate([segments.pairs, segments.pairs[:, ::-1]]).T
    order = np.argsort(middle, kind="stable")
    strength = np.concatenate([segments.boundary, segments.boundary])[order]
    start = np.searchsorted(middle[order], np.arange(count + 1))
    best = np.full((count, count), np.inf)
    kernel.two_rings(start, end[order], strength, best)
    np.fill_diagonal(best, np.inf)
    return best


def manifold_ranking(weights: Float[np.ndarray, "m m"], share: float) -> Float[np.ndarray, "m m"]:
    """`(I - share * D^-1/2 W D^-1/2)^-1`: the affinity of all pairs over all ways, each step
    keeping `share` of it.

    Double precision: what crosses a strong boundary is a millionth of what stays, and still
    decides which side of it is reached first.

    Raises:
        AttentionError: there is no such sum, as `share` is 1 or more.
    """
    degree = weights.sum(1)
    root = np.zeros_like(degree)
    np.divide(1, np.sqrt(degree), out=root, where=degree > 0)
    system = np.eye(len(weights)) - share * root[:, None] * weights * root[None, :]
    factor, failed = lapack.dpotrf(system.T, lower=True, overwrite_a=True)
    if failed:
        raise AttentionError(
            f"the graph of segments has no ranking with a share of {share:g}",
            cure="use a share below 1 and weights of 0 or more",
        )
    lower, _ = lapack.dpotri(factor, lower=True, overwrite_c=True)
    inverse: Float[np.ndarray, "m m"] = np.tril(lower)
    inverse += np.tril(lower, -1).T
    return np.maximum(inverse, 0, out=inverse)


def _squared_distance(
    features: Float[np.ndarray, "m f"],
    first: Int64[np.ndarray, " p"],
    second: Int64[np.ndarray, " p"],
) -> Float[np.ndarray, " p"]:
    out: Float[np.ndarray, " p"] = np.square(features[first] - features[second]).sum(1)
    return out


def _local_spread(
    segment: Int64[np.ndarray, " p"],
    distance: Float[np.ndarray, " p"],
    count: int,
    limits: tuple[float, float],
) -> Float[np.ndarray, " m"]:
    """Distance of each segment to its third nearest linked one (the last, where there are fewer).

    `segment` ascends.
    """
    nearest = distance[np.lexsort((distance, segment))]
    start = np.searchsorted(segment, np.arange(count + 1))
    linked = np.diff(start)
    spread = np.zeros(count)
    some = linked > 0
    spread[some] = nearest[start[:-1][some] + np.minimum(linked[some], NEAREST) - 1]
    return np.clip(spread, *limits, out=spread)
