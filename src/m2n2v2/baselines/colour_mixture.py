"""How likely a colour is among given ones: a mixture of Gaussians by binary splitting."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST_VARIANCE = 1e-3
"""Added to every direction, on colours in [0, 1]: few pixels, or pixels of one colour, would have a
density without bound (ours)."""


@dataclass(frozen=True)
class Gaussian:
    """One of a mixture, and its share of the pixels."""

    share: float
    mean: Float[np.ndarray, " c"]
    covariance: Float[np.ndarray, "c c"]

    def density(self, colours: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
        apart = colours - self.mean
        inverse = np.linalg.inv(self.covariance)
        scale = np.sqrt(np.linalg.det(2 * np.pi * self.covariance))
        return np.exp(-0.5 * np.einsum("ni,ij,nj->n", apart, inverse, apart)) / scale


def mixture(colours: Float[np.ndarray, "n c"], count: int) -> list[Gaussian]:
    """The colours in at most `count` clusters, a Gaussian of each (Orchard and Bouman 1991).

    The cluster with the largest variance along its main direction is cut at its mean, until there
    are so many, or none has two colours.

    Args:
        colours: one or more, in [0, 1].
    """
    clusters = [colours]
    while len(clusters) < count:
        widest = max(range(len(clusters)), key=lambda k: _main_direction(clusters[k])[0])
        cluster = clusters[widest]
        variance, direction = _main_direction(cluster)
        if variance <= 0:
            break
        along = (cluster - cluster.mean(0)) @ direction
        clusters[widest : widest + 1] = [cluster[along <= 0], cluster[along > 0]]
    return [_gaussian(cluster, len(colours)) for cluster in clusters]


def density(
    gaussians: list[Gaussian], colours: Float[np.ndarray, "n c"], uniform: float
) -> Float[np.ndarray, " n"]:
    """The mixture's density at some colours, mixed with the uniform one.

    Args:
        uniform: the share of the uniform density, 1 on colours in [0, 1]; in [0, 1].
    """
    inside = sum(gaussian.share * gaussian.density(colours) for gaussian in gaussians)
    return uniform + (1 - uniform) * np.asarray(inside)


def _main_direction(cluster: Float[np.ndarray, "n c"]) -> tuple[float, Float[np.ndarray, " c"]]:
    values, vectors = np.linalg.eigh(_covariance(cluster))
    smallest = 1e-12  # of rounding
    return float(values[-1]) if values[-1] > smallest else 0.0, vectors[:, -1]


def _gaussian(cluster: Float[np.ndarray, "n c"], total: int) -> Gaussian:
    spread = _covariance(cluster) + LEAST_VARIANCE * np.eye(cluster.shape[1])
    return Gaussian(len(cluster) / total, cluster.mean(0), spread)


def _covariance(cluster: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "c c"]:
    return np.atleast_2d(np.cov(cluster.T, bias=True))
