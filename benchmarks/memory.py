"""Resident memory of this process, now and at its highest."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_mb() -> float:
    """Now, in MB of 10^6 bytes."""
    return _status("VmRSS")


def peak_mb() -> float:
    """The highest since the process began, or since `forget_peak`."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Begin to look for the highest from here."""
    if _CLEAR.exists():
        _CLEAR.write_text("5")


def _status(field: str) -> float:
    if _STATUS.exists():
        (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(field))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
