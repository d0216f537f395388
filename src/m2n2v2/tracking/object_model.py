"""What the objects look like, learned from the frames of a person and a little from the last ones.

Ridge regression (Hoerl and Kennard 1970) from the features of cells to the share of each that an
object covers, as `photograph.object_model` learns it from clicks. Affinity asks which cells a cell
is most like, and so goes wherever one of them goes; the model asks what tells the object from all
that is not the object. What it says is read by what it said of the last frame, since things change
their looks: as sure of an object as there counts as 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from m2n2v2.tracking.cells import Features

PENALTY = 0.1
"""Of the squared coefficients, in units of the features' mean variance."""

RECENT = 0.1
"""As how much of a person's frame one of the last frames counts."""

LEAST = 0.05
"""The least difference between an object and the rest of the last frame by which it is read."""

Shares = Float32[np.ndarray, "h w k"]
"""How much of each cell (or pixel) is background and each object, in this order; they sum to 1."""


@dataclass(frozen=True)
class Moments:
    """What one frame, or some, tell the regression.

    Attributes:
        count: of cells, each as often as it counts.
        features, shares: sums of the features, and of the objects' shares.
        among, between: sums of the features' products with one another, and with the shares.
    """

    count: float
    features: Float64[np.ndarray, " c"]
    shares: Float64[np.ndarray, " o"]
    among: Float64[np.ndarray, "c c"]
    between: Float64[np.ndarray, "c o"]

    @classmethod
    def of(cls, features: Features, shares: Shares) -> "Moments":
        """Those of a frame: its features, and the share of each object in its cells."""
        rows, objects = _rows(features), _rows(shares)[:, 1:]
        sums = rows.sum(0), objects.sum(0)
        return cls(len(rows), *sums, rows.T @ rows, rows.T @ objects)


@dataclass(frozen=True)
class ObjectModel:
    """A linear model of cells.

    Attributes:
        features: their mean.
        shares: of the objects, their mean.
        coefficients: from what differs from the one to what differs from the other.
    """

    features: Float64[np.ndarray, " c"]
    shares: Float64[np.ndarray, " o"]
    coefficients: Float64[np.ndarray, "c o"]

    @classmethod
    def of(cls, known: Sequence[tuple[Moments, float]]) -> "ObjectModel":
        """Learn from frames.

        Args:
            known: at least one, and as how many it counts, over 0.
        """
        count = sum(weight * one.count for one, weight in known)
        mean = np.sum([weight / count * one.features for one, weight in known], 0)
        share = np.sum([weight / count * one.shares for one, weight in known], 0)
        among = np.sum([weight / count * one.among for one, weight in known], 0)
        between = np.sum([weight / count * one.between for one, weight in known], 0)
        system = among - np.outer(mean, mean)
        diagonal = np.diag_indices_from(system)
        system[diagonal] += PENALTY * max(system[diagonal].mean(), 1e-12)
        return cls(mean, share, np.linalg.solve(system, between - np.outer(mean, share)))

    def belief(self, features: Features) -> Float64[np.ndarray, "h w o"]:
        """How much of each cell it takes for each object, in [0, 1]."""
        said = (_rows(features) - self.features) @ self.coefficients + self.shares
        return np.clip(said, 0, 1).reshape(*features.shape[:2], -1)

    def read(self, features: Features, last: Features, shares: Shares) -> Shares:
        """The shares of each object in the cells of a frame, background first; they sum to 1.

        Args:
            last: the features of the frame before.
            shares: what is known of that one. An object that is not seen there is read as it is.
        """
        believed, before = self.belief(features), self.belief(last)
        there = shares[:, :, 1:].astype(np.float64)
        inside, outside = there.sum((0, 1)), (1 - there).sum((0, 1))
        high = (before * there).sum((0, 1)) / np.maximum(inside, 1)
        low = (before * (1 - there)).sum((0, 1)) / np.maximum(outside, 1)
        by_last = np.clip((believed - low) / np.maximum(high - low, LEAST), 0, 1)
        objects = np.where(inside >= 1, by_last, believed)
        background = np.clip(1 - objects.sum(2, keepdims=True), 0, 1)
        out = np.concatenate([background, objects], 2)
        return (out / out.sum(2, keepdims=True)).astype(np.float32)


def _rows(cells: Float32[np.ndarray, "h w c"]) -> Float64[np.ndarray, "n c"]:
    """A row for each cell."""
    return cells.reshape(-1, cells.shape[2]).astype(np.float64)
