"""The API does what its description says, whatever it is asked: no fault, no answer that is not described."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.support.hub_process import HubProcess

EXAMPLES = 12
CHECKS = [not_a_server_error, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with HubProcess(tmp_path_factory.mktemp("hall") / "hub") as hub:
        yield hub


def test_every_call_answers_as_it_is_described(hub: HubProcess) -> None:
    schema = schemathesis.openapi.from_dict(hub.get("/openapi.json"))
    headers = {"Authorization": f"Bearer {hub.token}"}
    authority = str(hub.home / "keys" / "ca.crt")
    asked: set[str] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=f"https://127.0.0.1:{hub.port}", headers=headers, verify=authority)
            case.validate_response(answer, checks=CHECKS)

        ask()
        asked.add(operation.label)
    assert len(asked) > 20


def test_nothing_is_told_without_the_token(hub: HubProcess) -> None:
    described = hub.get("/openapi.json")["paths"]
    open_to_everyone = {"/health", "/enrolment", "/enrolment/authority", "/enrolment/renewal/{device}"}
    open_to_everyone |= {"/verify", "/verify/keys", "/beacons/{district}/keys", "/beacons/{district}/notices"}
    open_to_everyone |= {"/b/{code}", "/b/place.css", "/b/place.js"}
    for path, calls in described.items():
        for method in calls:
            if path not in open_to_everyone:
                asked = path.replace("{device}", "bus-7").replace("{number}", "1").replace("{name}", "x")
                asked = asked.replace("{version}", "1-1").replace("{command}", "x")
                status, said = hub.ask(method.upper(), asked, {}, token="wrong")
                # A photograph's own address is either right or leads nowhere.
                refused = {404} if path.startswith("/media/") else {401, 403, 422}
                assert status in refused, (method, path, status)
                assert "items" not in str(said)
