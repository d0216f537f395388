"""A digest of this package's own source: what was made by other code is not taken for ours."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "m2n2v2"

HERE = Path(__file__).parent


@functools.cache
def source_digest(*roots: str, package: Path = HERE) -> str:
    """The digest of the code that these modules run: theirs, and that of all they import of ours.

    What they do not reach cannot change what they compute, and is left out. So are comments,
    docstrings and layout. Imports inside functions count, and so does a module that is named in a
    string (`m2n2v2.attention.none:NoAttention`), since it is imported by that name.

    Args:
        roots: modules by their full names, or packages, which stand for all their modules.
        package: the folder of this package's source.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: a root is no module of the package.
    """
    waiting = {file for root in roots for file in _of_root(root, package)}
    reached: dict[Path, str] = {}
    while waiting:
        file = waiting.pop()
        reached[file], names = _code(file.read_bytes())
        waiting |= {imported for name in names for imported in _of_module(name, package)} - set(
            reached
        )
    digest = hashlib.sha256()
    for file in sorted(reached):
        digest.update(f"{file.relative_to(package).as_posix()} {reached[file]}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def _code(source: bytes) -> tuple[str, frozenset[str]]:
    """A digest of what a file does, and the names in it that may be modules of ours."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        _leave_what_runs(node)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), frozenset(_named(tree))


def _of_root(name: str, package: Path) -> list[Path]:
    """The files of a module, or of a package and all inside it."""
    files = _of_module(name, package)
    if not files:
        raise FileNotFoundError(f"{name} is no module of {package}")
    return sorted(files[0].parent.rglob("*.py")) if files[0].name == "__init__.py" else files


def _of_module(name: str, package: Path) -> list[Path]:
    """The file of a module or of a package's beginning; none for what is not ours."""
    first, *rest = name.split(".")
    if first != PACKAGE:
        return []
    at = package.joinpath(*rest)
    return [file for file in (at.with_name(f"{at.name}.py"), at / "__init__.py") if file.is_file()]


def _named(tree: ast.Module) -> Iterator[str]:
    """What may be a module of ours: imported, or named in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.partition(":")[0]


def _leave_what_runs(node: ast.AST) -> None:
    """Take strings that stand alone out of a body, and imports for type checkers."""
    body = getattr(node, "body", None)
    if isinstance(body, list):
        node.body = [statement for statement in body if not _is_idle(statement)]  # type: ignore[attr-defined]


def _is_idle(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
