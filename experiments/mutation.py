"""Which small changes of a module do its tests not notice?

    python -m experiments.mutation method/scoring.py tests/method/test_scoring.py --sample 40
    python -m experiments.mutation method/_scoring.py tests/method/test_scoring.py --no-jit

Seconds a mutant. Comparisons, operators, constants, `min` and `max`, truth values and the branches
of conditional expressions are changed, one at a time, in a copy of the repository; a mutant
survives if the tests pass. Every mutant is a fork of one process that has the libraries loaded, and
of kernels, which run as Python (`--no-jit`), the tests. Name few tests: laws cost most. Hypothesis
tries eight examples, and shapes are not checked: a survivor may be killed by the whole suite.
docs/decisions/mutation.md says what was left.
"""

import argparse
import ast
import copy
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

LIBRARIES = (
    *("torch", "numba.core.caching", "scipy.ndimage", "scipy.sparse", "skimage.color"),
    *("skimage.segmentation", "hypothesis.extra.numpy", "beartype", "PIL.Image"),
)
PHASES = "[hypothesis.Phase.explicit, hypothesis.Phase.generate]"  # a failure is enough
PAIRS = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)),
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.And, ast.Or), (ast.BitAnd, ast.BitOr)),
    (ast.LShift, ast.RShift),
)
OTHER = dict.fromkeys((ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult), ast.Mult)
OTHER |= {one: other for pair in PAIRS for one, other in (pair, pair[::-1])}
NAMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all"}
NAMES |= {"all": "any", "zeros": "ones", "ones": "zeros", "argmax": "argmin"}

Change = Callable[[ast.AST], None]


def changes(node: ast.AST) -> Iterator[Change]:
    """What one node can become."""
    match node:
        case ast.Compare(ops=operators):
            for k, operator in enumerate(operators):
                if type(operator) in OTHER:
                    yield lambda n, k=k, o=operator: n.ops.__setitem__(k, OTHER[type(o)]())
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) | ast.BoolOp(op=operator):
            if type(operator) in OTHER:
                yield lambda n: setattr(n, "op", OTHER[type(n.op)]())
        case ast.UnaryOp(op=ast.USub()):
            yield lambda n: setattr(n, "op", ast.UAdd())
        case ast.Constant(value=bool()):
            yield lambda n: setattr(n, "value", not n.value)
        case ast.Constant(value=int()):
            yield lambda n: setattr(n, "value", n.value + 1)
        case ast.Constant(value=float()):
            yield lambda n: setattr(n, "value", 1.5 * n.value + 0.1)
        case ast.Constant(value=str(word)) if word in NAMES:
            yield lambda n: setattr(n, "value", NAMES[n.value])
        case ast.Name(id=name) if name in ("min", "max"):
            yield lambda n: setattr(n, "id", NAMES[n.id])
        case ast.Attribute(attr=name) if name in NAMES:
            yield lambda n: setattr(n, "attr", NAMES[n.attr])
        case ast.IfExp():
            yield lambda n: n.__dict__.update(body=n.orelse, orelse=n.body)


def passed_over(tree: ast.AST) -> set[ast.AST]:
    """Annotations, decorators, docstrings and the words of errors."""
    parts: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                parts += [node.returns, *node.decorator_list]
            case ast.ClassDef():
                parts += node.decorator_list
            case ast.arg() | ast.AnnAssign():
                parts.append(node.annotation)
            case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Import() | ast.ImportFrom():
                parts.append(node)
    return {inner for part in parts if part is not None for inner in ast.walk(part)}


def mutants(source: str) -> list[tuple[int, str, str]]:
    """Line, what it was changed to, and the whole module."""
    tree = ast.parse(source)
    left_out, made = passed_over(tree), []
    for place, node in enumerate(ast.walk(tree)):
        for change in () if node in left_out else changes(node):
            other = copy.deepcopy(tree)
            changed = list(ast.walk(other))[place]
            change(changed)
            made.append((getattr(node, "lineno", 0), ast.unparse(changed), ast.unparse(other)))
    return sorted(made)


def forked(run: Callable[[], int], seconds: int) -> bool:
    """Does what runs in a process of its own return 0?

    Args:
        seconds: of the processor, not of the clock: others may be busy.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            status = run()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


class Kernels:
    """A plugin of pytest that runs the tests it collected once for every text of a module.

    Nobody holds a kernel by its name alone, so that all are replaced where they are.

    Args:
        name: of the module.
        tell: called with the place of every text, and whether the tests pass with it.
    """

    def __init__(
        self, name: str, texts: list[str], seconds: int, tell: Callable[[int, bool], None]
    ) -> None:
        self.name, self.texts, self.seconds, self.tell = name, texts, seconds, tell

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for place, text in enumerate(self.texts):
            self.tell(place, forked(lambda text=text: self._status(session, text), self.seconds))
        return True

    def _status(self, session: pytest.Session, text: str) -> int:
        exec(compile(text, self.name, "exec"), vars(sys.modules[self.name]))
        for item, following in pairwise([*session.items, None]):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                return 1
        return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", help="below src/m2n2v2")
    parser.add_argument("tests", nargs="+")
    parser.add_argument("-k", default="", help="which of them, as pytest takes it")
    parser.add_argument("--sample", type=int, help="so many mutants, the same ones every time")
    parser.add_argument("--lines", type=int, nargs="+", help="only mutants of these lines")
    parser.add_argument("--no-jit", action="store_true", help="for kernels")
    parser.add_argument("--load", nargs="+", default=[], help="further libraries to have loaded")
    given = parser.parse_args()
    ignored = ["pytest.PytestAssertRewriteWarning"] + ["RuntimeWarning"] * given.no_jit
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no test here needs one
    options = ["-qxs", "-pno:cacheprovider", "-pno:xdist", "--assert=plain"]
    options += [f"-Wignore::{name}" for name in ignored]
    if given.no_jit:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        for name in ("src", "tests", "benchmarks", "pyproject.toml"):
            copied = shutil.copytree if Path(name).is_dir() else shutil.copy
            copied(name, Path(folder, name))
        os.chdir(folder)
        sys.path[:0] = [folder, f"{folder}/src"]
        setup = Path("tests/conftest.py")
        fewer = setup.read_text().replace("max_examples=30", f"max_examples=8, phases={PHASES}")
        setup.write_text(fewer.replace("jaxtyping.install_import_hook", "dict.fromkeys"))
        for name in (*LIBRARIES, *given.load):
            importlib.import_module(name)
        module = Path("src/m2n2v2", given.module)
        source = module.read_text()
        test = [*options, "-k", given.k, *given.tests]
        assert forked(lambda: int(pytest.main(test)), 600), "the tests fail as it is"
        seconds = 5 + 4 * int(os.times().children_user)
        every = [mutant for mutant in mutants(source) if mutant[0] in (given.lines or [mutant[0]])]
        if given.sample is not None and given.sample < len(every):
            every = sorted(random.Random(0).sample(every, given.sample))
        survivors: list[int] = []

        def tell(place: int, passed: bool) -> None:
            line, what, _ = every[place]
            if passed:
                survivors.append(place)
                print(f"{line}: {what}    in: {source.splitlines()[line - 1].strip()}", flush=True)

        texts = [text for _, _, text in every]
        if given.no_jit:
            name = ".".join(module.with_suffix("").parts[1:])
            pytest.main(test, [Kernels(name, texts, seconds, tell)])
        else:
            for place, text in enumerate(texts):
                module.write_text(text)
                tell(place, forked(lambda: int(pytest.main(test)), seconds))
        print(f"{given.module}: {len(survivors)} of {len(every)} mutants survive")


if __name__ == "__main__":
    main()
