"""The reference core as a process: what it counts, what it survives, and how it misbehaves on order."""

import json
import secrets
from collections.abc import Iterator

import httpx
import pytest

from tests.support.polling import eventually
from tests.support.reference_core import ReferenceCore


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceCore]:
    """One process for all tests: each has names of its own and looks at those."""
    with ReferenceCore(tmp_path_factory.mktemp("core")) as running:
        yield running


@pytest.fixture(scope="module")
def plain_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReferenceCore]:
    with ReferenceCore(tmp_path_factory.mktemp("plain"), "--plain", "--rows-max", "3") as running:
        yield running


@pytest.fixture
def name() -> str:
    return secrets.token_hex(4)


def report(name: str, reference: str = "") -> dict[str, str]:
    reference = reference or name
    return {"service_code": name, "description": f"Baldosa suelta\nRef. {reference}", "lat": "40.3"}


def post(
    core: ReferenceCore, fields: dict[str, str], key: str = "", *, patience_s: float = 5.0
) -> httpx.Response:
    headers = {"idempotency-key": key or fields["description"].partition("\n")[2]}
    return core.client.post(
        f"{core.base_url}/requests.json", data=fields, headers=headers, timeout=patience_s
    )


def get(core: ReferenceCore, path: str, **query: str) -> httpx.Response:
    return core.client.get(f"{core.base_url}{path}", params=query or None)


def settle(core: ReferenceCore, *items: object) -> httpx.Response:
    content = json.dumps({"key": "batch", "items": items})
    return core.client.post(f"{core.base_url}/settlements", content=content)


def payment(key: str, amount_minor: object = 150) -> dict[str, object]:
    return {"key": key, "aggregate": "a", "body": {"amount_minor": amount_minor, "currency": "EUR"}}


def test_request_that_is_posted_is_listed_without_whose_it_is(core: ReferenceCore, name: str) -> None:
    fields = {**report(name), "first_name": "Ana", "email": "ana@example.es"}
    number = post(core, fields).json()[0]["service_request_id"]
    (row,) = get(core, "/requests.json", service_code=name).json()
    assert (row["service_request_id"], row["status"], row["lat"]) == (number, "open", 40.3)
    assert row["requested_datetime"].endswith("+00:00")
    assert "ana" not in json.dumps(row).lower()
    assert get(core, f"/requests/{number}.json").json() == [row]


def test_key_is_honoured_by_a_core_that_knows_keys(core: ReferenceCore, name: str) -> None:
    assert post(core, report(name)).json() == post(core, report(name)).json()
    assert core.counts("requests")[name] == 1


def test_plain_core_files_the_same_report_twice_and_counts_it(plain_core: ReferenceCore, name: str) -> None:
    duplicates = plain_core.effects()["duplicates"]
    assert post(plain_core, report(name)).json() != post(plain_core, report(name)).json()
    assert plain_core.counts("requests")[name] == 2
    assert plain_core.effects()["duplicates"] == duplicates + 1


def test_plain_core_lists_up_to_its_limit_and_knows_no_extension(
    plain_core: ReferenceCore, name: str
) -> None:
    numbers = [
        post(plain_core, {**report(name), "attribute[ventanilla_reference]": f"{name}-{number}"}).json()[0][
            "service_request_id"
        ]
        for number in range(5)
    ]
    query = {"service_code": name, "page": "2", "extensions": "true"}
    rows = get(plain_core, "/requests.json", **query).json()
    assert [row["service_request_id"] for row in rows] == numbers[:1:-1]
    assert "attributes" not in rows[0]
    by_reference = {"service_code": name, "attribute[ventanilla_reference]": f"{name}-0"}
    assert len(get(plain_core, "/requests.json", **by_reference).json()) == 3


def test_core_that_knows_pages_and_references_answers_by_them(core: ReferenceCore, name: str) -> None:
    numbers = [
        post(
            core, {**report(name, str(number)), "attribute[ventanilla_reference]": f"{name}-{number}"}
        ).json()[0]["service_request_id"]
        for number in range(5)
    ]
    query = {"service_code": name, "page": "2", "page_size": "2", "extensions": "true"}
    rows = get(core, "/requests.json", **query).json()
    assert [row["service_request_id"] for row in rows] == [numbers[2], numbers[1]]
    assert rows[0]["attributes"] == {"ventanilla_reference": f"{name}-2"}
    (found,) = get(core, "/requests.json", **{"attribute[ventanilla_reference]": f"{name}-0"}).json()
    assert found["service_request_id"] == numbers[0]


def test_core_keeps_every_answer_to_a_question_with_several(core: ReferenceCore, name: str) -> None:
    answers = {"attribute[tamano]": "l", "attribute[riesgo][]": ["p", "c"]}
    post(core, {**report(name), **answers})
    (row,) = get(core, "/requests.json", service_code=name, extensions="true").json()
    assert row["attributes"] == {"tamano": "l", "riesgo": ["p", "c"]}


def test_services_are_listed_and_grow_with_what_is_filed(core: ReferenceCore, name: str) -> None:
    post(core, report(name))
    codes = [service["service_code"] for service in get(core, "/services.json").json()]
    assert {"aceras", name} <= set(codes)


@pytest.mark.parametrize("path", ["/requests.json?start_date=ayer", "/requests.json?page=dos"])
def test_filter_in_no_known_form_is_refused(core: ReferenceCore, path: str) -> None:
    assert get(core, path).status_code == 400


def test_report_without_a_service_is_refused(core: ReferenceCore) -> None:
    answer = post(core, {"description": "x"})
    assert (answer.status_code, answer.json()[0]["code"]) == (400, 400)


def test_settlements_count_each_key_once_and_sum_the_money(core: ReferenceCore, name: str) -> None:
    before = core.effects()["money_minor"].get("EUR", 0)
    keys = [f"{name}-{letter}" for letter in "abcd"]
    amounts = (150, 50, "cheap", 1.5)
    first = settle(core, *map(payment, keys, amounts)).json()["items"]
    assert [item["result"] for item in first] == ["accepted", "accepted", "refused", "refused"]
    again = settle(core, payment(keys[0]), payment(keys[1], 51)).json()["items"]
    assert [item["result"] for item in again] == ["duplicate", "conflict"]
    assert again[0]["core_ref"] == first[0]["core_ref"]
    assert core.effects()["money_minor"]["EUR"] == before + 200


@pytest.mark.parametrize("items", [[], [payment(str(number)) for number in range(101)]])
def test_batch_of_no_or_too_many_items_is_refused_whole(core: ReferenceCore, items: list[object]) -> None:
    assert settle(core, *items).status_code == 400


@pytest.mark.parametrize(
    ("mode", "status", "effects"),
    [("refuse", 500, 0), ("conflict", 409, 0), ("too_many", 429, 0), ("garbage", 200, 1)],
)
def test_ordered_fault_is_answered_and_takes_effect_as_usual(
    core: ReferenceCore, name: str, mode: str, status: int, effects: int
) -> None:
    core.order(mode, count=1, delay_ms=1500)
    answer = post(core, report(name))
    assert answer.status_code == status
    assert ("retry-after" in answer.headers) == (mode == "too_many")
    assert core.counts("requests")[name] == effects
    assert post(core, report(name, "next")).status_code == 201


@pytest.mark.parametrize(("takes", "effects"), [("before", 1), ("never", 0)])
def test_crash_ends_the_process_before_or_after_its_commit(
    core: ReferenceCore, name: str, takes: str, effects: int
) -> None:
    core.order("crash", takes=takes)
    with pytest.raises(httpx.HTTPError):
        post(core, report(name))
    core.wait_until_dead()
    core.start()
    assert core.counts("requests")[name] == effects


@pytest.mark.parametrize(("takes", "at_time_out"), [("before", 1), ("after", 0)])
def test_late_answer_takes_effect_before_or_after_the_callers_patience_ends(
    core: ReferenceCore, name: str, takes: str, at_time_out: int
) -> None:
    core.order("late", takes=takes, delay_ms=600, count=1)
    with pytest.raises(httpx.TimeoutException):
        post(core, report(name), patience_s=0.2)
    assert core.counts("requests")[name] == at_time_out
    assert eventually(lambda: core.counts("requests")[name]) == 1


def test_what_took_effect_survives_a_kill(core: ReferenceCore, name: str) -> None:
    number = post(core, report(name)).json()
    settle(core, payment(name))
    before = core.effects()
    core.kill()
    core.start()
    assert core.effects() == before
    assert post(core, report(name)).json() == number
    assert core.effects() == before


def test_orders_need_the_token(core: ReferenceCore, name: str) -> None:
    assert core.client.post(f"{core.base_url}/control", json={"mode": "refuse"}).status_code == 401
    assert post(core, report(name)).status_code == 201


@pytest.mark.parametrize(
    "order",
    [
        {"mode": "explode"},
        {"mode": "slow", "delay_ms": -1},
        {"mode": "slow", "wait": 3},
        {"mode": "ok", "count": "2"},
    ],
)
def test_order_that_means_nothing_is_refused(core: ReferenceCore, order: dict[str, object]) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="422"):
        core.order(**order)


def test_update_counts_once_for_its_id_and_is_listed(
    core: ReferenceCore, plain_core: ReferenceCore, name: str
) -> None:
    path = "/servicerequestupdates.json"
    number = post(core, report(name)).json()[0]["service_request_id"]
    fields = {"service_request_id": number, "update_id": name, "status": "OPEN", "description": "Foto"}
    fields |= {"updated_datetime": "2026-11-21T10:00:00Z", "media_url": "https://h.example/1"}
    first, again = (core.client.post(core.base_url + path, data=fields) for _ in range(2))
    assert first.status_code == 200
    assert first.json() == again.json()
    listed = [row for row in get(core, path).json() if row["service_request_id"] == number]
    assert [(row["media_url"], row["status"]) for row in listed] == [("https://h.example/1", "open")]
    assert core.counts("updates")[name] == 1
    for spoilt, status in ({"status": "GONE"}, 400), ({"description": ""}, 400), ({"update_id": "x"}, 404):
        wrong = {**fields, **spoilt, **({"service_request_id": "999999"} if status == 404 else {})}
        assert core.client.post(core.base_url + path, data=wrong).status_code == status
    assert get(plain_core, path).status_code == 404
