"""Generated requests against the OpenAPI schema: no crash, and every answer as it says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from m2n2v2.annotator.app import Options, make_app
from m2n2v2.annotator.engine import Engine
from m2n2v2.annotator.project import open_project
from tests.annotator.conftest import Gate, stand_in
from tests.annotator.test_app import edit

SCHEMA = make_app(MagicMock(), MagicMock(), Options()).openapi()
OPERATIONS = [
    (path, method)
    for path, methods in SCHEMA["paths"].items()
    for method in methods
    if not path.endswith("/events")  # which never ends
]
CHECKS = [  # 500 is in no schema, so it does not conform; 503 and 507 may be answered
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def api(photographs: Path, gate: Gate) -> Iterator[Any]:
    project = open_project(photographs)
    engine = Engine(stand_in(gate), project, ahead=False)
    app = make_app(project, engine, Options(uploads=True))
    client = TestClient(app, base_url="http://localhost")  # not entered: it would end with us
    client.put("/api/classes", json={"classes": [{"name": "box", "color": "#ff8800"}]})
    for id in range(1, 4):
        edit(client, 0, "click", id=id, x=20, y=20, class_id=1)
    yield schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"host": "localhost"})
    engine.close()
    project.store.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_route_answers_as_it_says(api: Any, path: str, method: str) -> None:
    asked = []

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=api[path][method].as_strategy())
    def every(case: schemathesis.Case) -> None:
        case.path_parameters = {  # every other number is of something there
            name: value if int(value) % 2 else 1 + int(value) % 3
            for name, value in (case.path_parameters or {}).items()
        }
        answer = case.call_and_validate(headers={"host": "localhost"}, checks=CHECKS)
        asked.append(answer.status_code)

    every()
    assert len(asked) >= 1


def test_all_routes_are_in_the_schema() -> None:
    assert ("/api/images/{image}/edits", "post") in OPERATIONS
    assert len(OPERATIONS) > 15
