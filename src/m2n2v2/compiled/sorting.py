"""Sort the pixels of an image by a 32-bit key."""

import numpy as np

from m2n2v2.compiled.kernels import inlined

DIGIT = 11
"""Bits per pass: 2048 counters and as many write streams, which the second-level cache holds."""

PASSES = -(-32 // DIGIT)
"""At most."""


@inlined
def radix_sort(keys, items, pairs, spare, place):  # type: ignore[no-untyped-def]
    """Sort `items` by `keys` (uint32, stable); least significant digit first.

    `pairs` and `spare` are uint64 workspaces; one of them is returned, each entry a key in its
    upper half and the item in its lower, and the other is free again. So is `place`, int32 of
    `PASSES` and `1 << DIGIT`.
    """
    largest = np.uint32(0)
    for i in range(len(keys)):
        largest = max(largest, keys[i])
    passes = 1
    while passes * DIGIT < 32 and largest >> np.uint32(passes * DIGIT) > 0:
        passes += 1
    mask = np.uint64((1 << DIGIT) - 1)
    for digit in range(passes):
        for value in range(1 << DIGIT):
            place[digit, value] = 0
    for i in range(len(keys)):
        key = np.uint64(keys[i])
        pairs[i] = key << np.uint64(32) | np.uint64(items[i])
        for digit in range(passes):
            place[digit, key >> np.uint64(digit * DIGIT) & mask] += 1
    for digit in range(passes):
        before = 0
        for value in range(1 << DIGIT):
            here = place[digit, value]
            place[digit, value] = before
            before += here
        to = place[digit]
        shift = np.uint64(32 + digit * DIGIT)
        for i in range(len(keys)):
            value = pairs[i] >> shift & mask
            spare[to[value]] = pairs[i]
            to[value] += 1
        pairs, spare = spare, pairs
    return pairs, spare
