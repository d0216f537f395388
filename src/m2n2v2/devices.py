"""Which device to compute on."""

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


def available_devices() -> list[str]:
    """Names of the devices that this machine and this torch have."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
