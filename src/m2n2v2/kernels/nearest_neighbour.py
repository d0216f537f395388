"""Merge one scaled map into the nearest neighbours found so far."""

from numba import njit


@njit(nogil=True, cache=True)
def merge(start, stop, values, scale, positive, inner, outer, mask):  # type: ignore[no-untyped-def]
    """`inner`, `outer`: smallest scaled value per pixel over the positive, negative prompts."""
    width = values.shape[1]
    for y in range(start, stop):
        for x in range(width):
            value = values[y, x]
            if value <= scale:
                scaled = value / scale
                if scaled < inner[y, x] and scaled < outer[y, x]:
                    mask[y, x] = positive
                if positive:
                    inner[y, x] = min(inner[y, x], scaled)
                else:
                    outer[y, x] = min(outer[y, x], scaled)
