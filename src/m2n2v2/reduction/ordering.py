"""The order in which a walk forgets directions."""

import numpy as np
import scipy
from jaxtyping import Float64


def slowest_first(walk: Float64[np.ndarray, "m m"]) -> Float64[np.ndarray, "m m"]:
    """An orthogonal matrix whose leading columns span what the walk forgets last."""
    power = np.linalg.matrix_power(walk, 16)
    order: Float64[np.ndarray, "m m"] = scipy.linalg.qr(power.T, pivoting=True)[0]
    return order
