"""Where machine code is kept between runs.

In the first of these places that can be written: the folder that `NUMBA_CACHE_DIR` names, the
package's own folder, the user's cache, and a temporary folder that only this user may enter. Where
none can, functions are compiled with every start. Keeping is a convenience: neither a place that
cannot be written, nor a full disk or a damaged file stops anything.
"""

import functools
import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, _CacheLocator

from m2n2v2.files import private_temporary_folder, user_cache

SHARED = ("exponential.py", "kernels.py", "sorting.py")
"""What is written into kernels of other files, and how all are compiled."""

log = logging.getLogger(__name__)


def keep(function: Any) -> None:
    """Load a function's machine code from where it is kept, and put it there once compiled."""
    if isinstance(function, FunctionType):  # NUMBA_DISABLE_JIT leaves it Python
        return
    function._cache = _Nowhere()
    if _place(Path(function.py_func.__code__.co_filename).parent) is not None:
        with suppress(RuntimeError):  # NUMBA_CACHE_LOCATOR_CLASSES names none that is suitable
            function._cache = _Kept(function.py_func)


class Beside(threading.Thread):
    """A thread that compiles what will be needed; it stops when the program ends."""

    def run(self) -> None:
        try:
            super().run()
        except _EndedError:
            pass
        except RuntimeError as error:  # the pool of threads ends before the program does
            if not str(error).startswith("cannot schedule new futures after"):
                raise


class _EndedError(Exception):
    """The program ends, and nobody waits for what is being compiled."""


_begun: list[object] = []
"""What had to be compiled, being kept nowhere yet."""


def compiled_now() -> int:
    """How many functions this process had to compile so far, or compiles now."""
    return len(_begun)


def _begins(what: object) -> None:
    if isinstance(threading.current_thread(), Beside) and not threading.main_thread().is_alive():
        raise _EndedError
    _begun.append(what)


class _Place(_CacheLocator):
    """What numba asks about a function's file."""

    def __init__(self, function: Any, file: str) -> None:
        folder = _place(Path(file).parent)
        assert folder is not None  # `keep` asked
        self._folder, self._function, self._py_file = folder, function, file

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Of its file and of the parts that kernels share: numba's own forgets the latter."""
        files = (Path(self._py_file), *(Path(__file__).with_name(name) for name in SHARED))
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

    def get_disambiguator(self) -> str:
        return str(self._function.__code__.co_firstlineno)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> "_Place":
        return cls(py_func, py_file)


class _Files(CompileResultCacheImpl):
    _locator_classes = [_Place]  # noqa: RUF012 - as numba declares it


class _Nowhere(NullCache):
    """Nothing is kept."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _begins(sig)


class _Kept(FunctionCache):
    """Numba's files, of which no failure matters."""

    _impl_class = _Files

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        kept = self._loaded(sig, target_context)
        if kept is None:
            _begins(sig)
        return kept

    def _loaded(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a damaged pickle raises
            log.debug("kept code is damaged and compiled again: %s", error)
            self._forget()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say(f"compiled code is not kept: {error}")

    def _forget(self) -> None:
        try:
            self.flush()
        except OSError:
            log.debug("it stays, since %s cannot be written", self.cache_path)


@functools.cache
def _place(source: Path) -> Path | None:
    """The folder for the functions of a folder of source; None where nothing can be written."""
    digest = hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:16]
    own = f"{source.name}-{digest}"
    for place in _places(source, own):
        if _writable(place):
            return place
    temporary = private_temporary_folder()
    if temporary is not None and _writable(temporary / "compiled" / own):
        _say(
            "neither the package's folder nor the user's cache can be written: compiled code is "
            f"kept in {temporary}"
        )
        return temporary / "compiled" / own
    _say(
        "compiled code is kept nowhere, so that every start compiles again: set NUMBA_CACHE_DIR to "
        "a folder that you may write to"
    )
    return None


def _places(source: Path, own: str) -> Iterator[Path]:
    if given := vars(config)["CACHE_DIR"]:
        yield Path(given) / own
    yield source / "__pycache__"
    yield user_cache() / "compiled" / own


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return os.access(folder, os.R_OK | os.X_OK)
    except OSError:
        return False


@functools.cache
def _say(what: str) -> None:
    """Once: on standard error, unless the program that imports us has its own logging."""
    log.warning(what)
