"""When each cell's relative probability first exceeds the threshold, from blocks of steps."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def cross(block, done, previous, times, threshold):  # type: ignore[no-untyped-def]
    """Look at the steps `done + 1, ...` of one chain.

    `block` (b, n) are probabilities up to a factor, `previous` (n) the relative ones of step
    `done` and then of the last step looked at, `times` (n) infinite where a cell waits. Stops
    when none waits. Returns how many wait and the largest probability of the last step.
    """
    steps, n = block.shape
    one = block.dtype.type(1)
    waiting, largest = n, block.dtype.type(0)
    for step in range(steps):
        largest = block[step, 0]
        for j in range(n):
            largest = max(largest, block[step, j])
        scale = one / largest
        at = block.dtype.type(done + step + 1)
        waiting = 0
        for j in range(n):
            current = block[step, j] * scale
            if times[j] == np.inf:
                if current > threshold:
                    times[j] = at - (current - threshold) / (current - previous[j])
                else:
                    waiting += 1
            previous[j] = current
        if waiting == 0:
            break
    return waiting, largest
