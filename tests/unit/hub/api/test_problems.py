"""Every error of the project has a status, and its body ends with the remedy."""

import asyncio
import json
import pkgutil
from http import HTTPStatus
from importlib import import_module

import httpx
import pytest
from fastapi import FastAPI

import hub
import shared
from hub.api.problems import MEDIA_TYPE, STATUS, answer_with_problems, problem, status_of
from hub.keys.registry import UnknownDeviceError
from shared.model import errors
from shared.model.errors import VentanillaError
from shared.protocol.mac import MacError


def every_error() -> set[type[VentanillaError]]:
    for package in (hub, shared):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name:
                import_module(module.name)
    found, waiting = set[type[VentanillaError]](), [VentanillaError]
    while waiting:
        kind = waiting.pop()
        found.add(kind)
        waiting += kind.__subclasses__()
    return found


def test_table_has_a_status_for_every_error_of_the_project() -> None:
    everything = every_error()
    assert len(everything) > 40
    assert {status_of(kind) for kind in everything} == set(STATUS.values())
    families = {
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, VentanillaError)
    }
    assert families <= STATUS.keys()


def test_table_is_read_from_the_particular_to_the_family() -> None:
    kinds = list(STATUS)
    for place, kind in enumerate(kinds):
        assert not [later for later in kinds[place + 1 :] if issubclass(later, kind)], kind


@pytest.mark.parametrize(("kind", "status"), [(UnknownDeviceError, 404), (MacError, 403)])
def test_problem_says_type_title_status_and_remedy(kind: type[VentanillaError], status: int) -> None:
    answer = problem(kind(kind.__doc__))
    body = json.loads(bytes(answer.body))
    assert (answer.status_code, body["status"], answer.media_type) == (status, status, MEDIA_TYPE)
    assert body["detail"] == kind.__doc__
    assert body["type"].startswith("urn:ventanilla:problem:")


def test_bug_is_answered_without_a_word_of_what_it_was() -> None:
    app = FastAPI()
    answer_with_problems(app)

    @app.get("/")
    def broken() -> None:
        raise KeyError("Baldosa suelta")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.get("/")

    answer = asyncio.run(ask())
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "Baldosa" not in answer.text
