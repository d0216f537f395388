"""Waiting for an image to be prepared, without holding a thread."""

import asyncio
import time

from m2n2v2.annotator.engine import Engine
from m2n2v2.errors import BusyError, ImageError

LOOK = 0.05
"""Seconds between looks at how far a preparation is."""


async def ready(engine: Engine, image: int, sha256: str, patience: float) -> None:
    """Have an image of this content prepared, and wait until it is.

    Args:
        patience: seconds to wait, at most.

    Raises:
        ImageError: it cannot be prepared.
        BusyError: it takes longer, or the engine is closed.
    """
    if engine.holds(image, sha256):
        return
    until = time.monotonic() + patience
    again = 1  # what is being prepared may be of the content before
    with engine.watching(image):
        engine.want(image, sha256)
        while not engine.holds(image, sha256):
            status = engine.status(image)
            if status.state == "failed":
                raise ImageError(str(status.error), cure="look at the image")
            late = engine.closed or time.monotonic() > until
            if late or (status.state == "ready" and not again):
                raise BusyError("the image is still being prepared", cure="ask again")
            if status.state == "ready":
                again -= 1
                engine.want(image, sha256)
            await asyncio.sleep(LOOK)
