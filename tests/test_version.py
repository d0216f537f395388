"""The version is that of what is installed."""

import importlib
import importlib.metadata
import re

import pytest

import m2n2v2.version


def test_it_is_the_installed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.match(r"\d+\.\d+", m2n2v2.version.__version__)
    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", lambda name: f"7.8 of {name}")
        assert importlib.reload(m2n2v2.version).__version__ == "7.8 of m2n2v2"
    importlib.reload(m2n2v2.version)


def test_files_that_nobody_installed_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", missing)
        assert importlib.reload(m2n2v2.version).__version__ == m2n2v2.version.UNKNOWN
    importlib.reload(m2n2v2.version)
