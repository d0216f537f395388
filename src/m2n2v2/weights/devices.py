"""Which device to compute on."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from m2n2v2.errors import DeviceError


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA if there is one, else MPS, else the CPU.

    Raises:
        DeviceError: no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DeviceError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]})",
            cure=f"use one of {', '.join(available_devices())}, or auto",
        ) from error
    return device


def compute_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format to run a backbone in; `auto` is float16 on CUDA, float32 elsewhere.

    Raises:
        DeviceError: no such format, or not on this device.
    """
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        return torch.float16 if device.type == "cuda" else torch.float32
    if name not in formats:
        raise DeviceError(f"dtype is {name!r}", cure=f"use auto, {', '.join(formats)}")
    if name == "float16" and device.type != "cuda":
        raise DeviceError(
            f"float16 on {device.type} is slow or overflows", cure="use bfloat16, float32 or auto"
        )
    return formats[name]


@contextmanager
def out_of_memory_named(what: str, cure: str) -> Iterator[None]:
    """Running out of memory inside becomes an error that names the cure.

    Raises:
        DeviceError: the device's memory, or the machine's, was not enough.
    """
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise DeviceError(f"{what} does not fit in memory", cure=cure) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _OUT_OF_MEMORY):
            raise
        raise DeviceError(f"{what} does not fit in memory", cure=cure) from error


_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "Invalid buffer size",
)
"""What allocators write that raise no kind of their own (CPU, MPS)."""


def available_devices() -> list[str]:
    """Names of the devices that this machine and this torch have."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
