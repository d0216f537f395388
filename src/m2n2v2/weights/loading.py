"""Weights on disk to modules in memory: which file of a folder, is it whole, does it fit.

The libraries fill weights that are missing with random numbers and warn; here that is an error.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from m2n2v2.errors import BackendError, M2N2Error, WeightsError
from m2n2v2.weights.checks import PICKLES, as_stated, check_safetensors, recorded
from m2n2v2.weights.devices import choose_device, compute_dtype, out_of_memory_named
from m2n2v2.weights.locating import Loading, Located

M = TypeVar("M", bound=nn.Module)


def library(name: str) -> Any:
    """An optional library.

    Raises:
        BackendError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise BackendError(
            f"{name} is not installed ({error})", cure="pip install 'm2n2v2[backbones]'"
        ) from error


def placed(module: M, loading: Loading) -> M:
    """A module ready to run: on the device, in its number format, not training, no gradients.

    Raises:
        DeviceError: no such device or format here, or too little memory on it.
    """
    device = choose_device(loading.device)
    dtype = compute_dtype(loading.dtype, device)
    cure = "use another device, or a smaller model such as dinov2-small"
    with quiet(), out_of_memory_named(f"{type(module).__name__} on {device}", cure):
        return module.to(device=device, dtype=dtype).eval().requires_grad_(False)


def component(cls: Any, located: Located, loading: Loading, subfolder: str = "") -> Any:
    """One module from a folder as diffusers or transformers saves it.

    Args:
        cls: the library's class.
        subfolder: the component's folder; empty where the folder is the model's.

    Raises:
        WeightsError: the component is missing, damaged, pickled without leave, or of another
            architecture.
    """
    folder = located.path / subfolder
    config = read_json(folder / "config.json", located)
    stated = config.get("_class_name") or (config.get("architectures") or [cls.__name__])[0]
    if not _same_architecture(stated, cls.__name__):
        raise WeightsError(
            f"{folder} holds a {stated}, not the {cls.__name__} of {located.model.name}",
            cure=f"give weights of {located.model.name}",
        )
    how = _weight_format(folder, loading, located)
    with loading_errors(folder, located):
        module, info = cls.from_pretrained(
            str(folder), local_files_only=True, output_loading_info=True, **how
        )
        _refuse_misfit(info, folder, located)
    return module


def transformer(cls: Any, located: Located, loading: Loading, infer_config: Any) -> Any:
    """A transformers model from a folder, or from one file.

    Args:
        cls: the library's class.
        infer_config: from `{tensor name: shape}` to the library's config, for a file that comes
            without one.

    Raises:
        WeightsError: as `component`.
    """
    if located.path.is_dir():
        return component(cls, located, loading)
    file = safetensors_file(located, loading)
    with tempfile.TemporaryDirectory() as folder:
        safe = Path(folder) / "model.safetensors"
        if file.suffix in PICKLES:
            import safetensors.torch

            safetensors.torch.save_file(unpickled(file, located), safe, metadata={"format": "pt"})
        else:
            try:
                safe.symlink_to(file.resolve())
            except OSError:  # Windows lets few make links
                shutil.copyfile(file, safe)
        with loading_errors(file, located):
            infer_config(tensor_shapes(safe)).save_pretrained(folder)
        with loading_errors(file, located):
            module, info = cls.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, use_safetensors=True
            )
            _refuse_misfit(info, file, located)
    return module


def safetensors_file(located: Located, loading: Loading) -> Path:
    """The single file, checked.

    Raises:
        WeightsError: it is a pickle, or cut off.
    """
    if located.path.suffix in PICKLES:
        if not loading.allow_pickle:
            raise _pickle_refused(located.path)
        return located.path
    check_safetensors(located.path)
    _refuse_changed(located.path, located)
    return located.path


def unpickled(file: Path, located: Located) -> dict[str, Tensor]:
    """The tensors of one pickled file, by name; nothing but tensors is unpickled.

    Raises:
        WeightsError: it is no such file, or holds something else.
    """
    with loading_errors(file, located):
        content = torch.load(file, map_location="cpu", weights_only=True)
        content = content.get("state_dict", content)
        if not content or not all(isinstance(value, Tensor) for value in content.values()):
            raise ValueError("it holds something else than named tensors")
        return {name: tensor.contiguous().clone() for name, tensor in content.items()}


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a `.safetensors` file."""
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name[:2] != "__"}


def read_json(path: Path, located: Located) -> dict[str, Any]:
    """A config file.

    Raises:
        WeightsError: it is missing or no JSON.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        there = sorted(p.name for p in located.path.iterdir()) if located.path.is_dir() else []
        raise WeightsError(
            f"{located.path} has no {path.relative_to(located.path)}; it holds "
            f"{', '.join(there) or 'nothing'}",
            cure=f"give a folder of {located.model.name} with {', '.join(located.model.files)}",
        ) from error
    except ValueError as error:
        raise WeightsError(
            f"{path} is no JSON ({error})", cure="delete it and fetch the weights again"
        ) from error
    return content


@contextmanager
def loading_errors(path: Path, located: Located) -> Iterator[None]:
    """What the libraries raise while they load, as one kind of error that names the file.

    Raises:
        WeightsError: the weights do not fit the architecture, or cannot be read.
    """
    try:
        with quiet():
            yield
    except (M2N2Error, MemoryError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"{path} cannot be loaded as {located.model.name} ({type(error).__name__}: {reason})",
            cure="check that it is that model, or fetch it again with `m2n2v2 weights fetch`",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and no advice from the libraries; what they say is put back afterwards."""
    logs = [
        import_module(f"{name}.utils.logging")
        for name in ("diffusers", "transformers")
        if name in sys.modules
    ]
    before = [(log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, (verbosity, bars) in zip(logs, before, strict=True):
            log.set_verbosity(verbosity)
            if bars:
                log.enable_progress_bar()


def _same_architecture(stated: str, wanted: str) -> bool:
    """Is a config's class the wanted one, or the same network under another head or framework?"""
    core, core_wanted = (
        re.sub(r"(Model|For[A-Z]\w*)$", "", name.removeprefix("Flax")) for name in (stated, wanted)
    )
    return core == core_wanted


def _weight_format(folder: Path, loading: Loading, located: Located) -> dict[str, Any]:
    """How to call `from_pretrained`, given the weight files in a folder."""
    files = sorted(folder.glob("*"))
    safe = [file for file in files if file.suffix == ".safetensors"]
    plain = [file for file in safe if not file.stem.endswith(".fp16")]
    chosen = plain or safe
    for file in chosen:
        check_safetensors(file)
        _refuse_changed(file, located)
    if chosen:
        return {"use_safetensors": True} | ({} if plain else {"variant": "fp16"})
    pickles = [file for file in files if file.suffix in PICKLES]
    if pickles and not loading.allow_pickle:
        raise _pickle_refused(pickles[0])
    if pickles:
        return {"use_safetensors": False}
    raise WeightsError(
        f"{folder} has no .safetensors file",
        cure="copy the weights there, or fetch them with `m2n2v2 weights fetch`",
    )


def _refuse_changed(path: Path, located: Located) -> None:
    """A conversion is compared with the checksum it was made with; a hub's file was, on arrival.

    Raises:
        WeightsError: it is another.
    """
    if recorded(path.parent) and as_stated(path) is False:
        raise WeightsError(
            f"{path} is damaged: its checksum is not the one it was made with",
            cure=f"make it again with `m2n2v2 weights fetch {located.model.name}`",
        )


def _pickle_refused(path: Path) -> WeightsError:
    return WeightsError(
        f"{path} is a pickle, which can run code when it is loaded",
        cure="use the .safetensors of the same model, or --allow-pickle if you trust its source",
    )


def _refuse_misfit(info: dict[str, Any], path: Path, located: Located) -> None:
    """Weights that the file lacks, or has in another shape."""
    missing = sorted(str(key) for key in info.get("missing_keys") or ())
    wrong = sorted(str(key) for key in info.get("mismatched_keys") or ())
    if missing or wrong:
        example = (missing or wrong)[0]
        raise WeightsError(
            f"{path} does not fit {located.model.name}: {len(missing)} weights are missing and "
            f"{len(wrong)} have another shape, for example {example}",
            cure=f"give weights of {located.model.name}",
        )
