"""What the documentation site takes from the code itself: commands, settings, HTTP.

MkDocs calls `on_files`. Links that lead out of `docs/` name files of the repository.
"""

import ast
import dataclasses
import inspect
import itertools
import re
import tempfile
from pathlib import Path
from typing import Any

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from m2n2v2.method import settings
from m2n2v2.method.settings import Settings

PYTHON = """# Python

Everything below is `from m2n2v2 import ...`; importing it is light, and a name loads what it needs.

"""

HALVES = {
    "preparing": "For preparing: part of a state",
    "clicking": "For clicking: another one fits a prepared photograph",
}

NAMES = [
    "m2n2v2.predictor.Predictor",
    "m2n2v2.session.Session",
    "m2n2v2.prompts.Click",
    "m2n2v2.preparation.prepare",
    "m2n2v2.method.walk.segment",
    "m2n2v2.states.file.read_state",
    "m2n2v2.states.file.write_state",
    "m2n2v2.method.values.ImageState",
    "m2n2v2.method.values.Segmentation",
    "m2n2v2.method.settings.Settings",
    "m2n2v2.attention.base.AttentionSource",
    "m2n2v2.depth.base.DepthSource",
]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the decisions' own list of pages."""
    decisions = sorted(f.src_uri for f in files if f.src_uri.startswith("decisions/"))
    pages = {
        "reference/commands.md": commands(),
        "reference/settings.md": constants(),
        "reference/python.md": PYTHON + "\n\n".join(f"::: {name}" for name in NAMES),
        "reference/http.md": http(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    assert config.nav is not None
    for part in config.nav:
        for entry in part.get("Explanation", []):
            if "Decisions" in entry:
                entry["Decisions"] = decisions
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A link out of the documentation is the name of a file in the repository."""
    up = "../" * (page.file.src_uri.count("/") + 1)
    return re.sub(rf"\[([^\]]*)\]\({re.escape(up)}([^.)][^)]*)\)", r"\1 (`\2`)", markdown)


def commands() -> str:
    """Every command as its `--help` says it."""
    from m2n2v2.cli.main import app

    group: Any = typer.main.get_command(app)
    lines = ["# Commands", "", "As `--help` says them."]
    for name, command in sorted(_commands(group, "m2n2v2")):
        lines += ["", f"## {name}", "", inspect.cleandoc(command.help or ""), ""]
        lines += ["| option | meaning |", "| --- | --- |"]
        for parameter in command.params:
            about = (getattr(parameter, "help", None) or "").replace("|", "\\|")
            shown = getattr(parameter, "show_default", False)
            default = parameter.default if shown and parameter.default is not None else None
            about += f" Default: `{default}`." if default not in (None, (), "") else ""
            spelled = [*parameter.opts, *parameter.secondary_opts]
            names = ", ".join(f"`{spelling}`" for spelling in spelled)
            lines.append(f"| {names} | {about} |")
    return "\n".join(lines) + "\n"


def _commands(group: Any, prefix: str) -> list[tuple[str, Any]]:
    listed = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            listed += _commands(command, f"{prefix} {name}")
        else:
            listed.append((f"{prefix} {name}", command))
    return listed


def constants() -> str:
    """The settings with range, half, and value under each of the named constructors."""
    about = _about(Path(inspect.getfile(settings)).read_text(encoding="utf-8"))
    named = {
        "paper": Settings.paper(),
        "m2n2": Settings.m2n2(),
        "ours": Settings.ours(),
        "offline": Settings.offline(),
    }
    lines = [
        "---",
        "hide: [toc]",
        "---",
        "# Settings",
        "",
        "Whose rule each of them is: [the method](../method.md).",
    ]
    for half, heading in HALVES.items():
        lines += ["", f"## {heading}", ""]
        lines.append(f"| setting | meaning | use | {' | '.join(f'`{name}`' for name in named)} |")
        lines.append("| --- | --- | --- | " + " | ".join("---" for _ in named) + " |")
        for field in dataclasses.fields(Settings):
            if field.metadata["half"] != half:
                continue
            values = " | ".join(f"`{getattr(preset, field.name)}`" for preset in named.values())
            meaning = about[field.name].replace("|", "\\|")
            rule = field.metadata["rule"].words
            lines.append(f"| `{field.name}` | {meaning} | {rule} | {values} |")
    return "\n".join(lines) + "\n"


def _about(source: str) -> dict[str, str]:
    """The text below each field of `Settings`."""
    classes = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
    body = next(node.body for node in classes if node.name == "Settings")
    texts = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            name, value = ast.unparse(field.target), ast.literal_eval(text.value)
            texts[name] = " ".join(value.split())
    return texts


def http() -> str:
    """The routes of the annotator, from its OpenAPI."""
    lines = [
        "# HTTP",
        "",
        "The annotator's own interface; with examples in [by script](../api.md). A running server",
        "gives the whole schema at `/api/openapi.json`.",
        "",
        "| method | path | what it does |",
        "| --- | --- | --- |",
    ]
    for path, methods in _routes().items():
        for method, told in methods.items():
            about = " ".join((told.get("description") or told["summary"]).split())
            lines.append(f"| {method.upper()} | `{path}` | {about} |")
    return "\n".join(lines) + "\n"


def _routes() -> dict[str, Any]:
    from m2n2v2.annotator.app import Options, make_app
    from m2n2v2.annotator.engine import Engine
    from m2n2v2.annotator.project import open_project
    from m2n2v2.predictor import Predictor

    with tempfile.TemporaryDirectory() as folder:
        project = open_project(Path(folder))
        engine = Engine(lambda: Predictor.from_preset("offline"), project)
        app = make_app(project, engine, Options("", ""))
        routes: dict[str, Any] = app.openapi()["paths"]
        engine.close()
        project.store.close()
    return routes
