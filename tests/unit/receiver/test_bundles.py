"""What a phone takes of a hub, and what it does not."""

import asyncio
from pathlib import Path

import pytest
import trustme

from beacon_node.receiver.bundles import (
    ANSWER_BYTES_MAX,
    Bundles,
    NoBundlesError,
    NotReachedError,
    OlderBundleError,
    fetch,
)
from beacon_node.receiver.pocket import NoTownError, Pocket, Town, key_of
from shared.model.errors import InputError
from shared.protocol.signing import SignatureError
from tests.support.phone import NOW_MS, beacon_keys, beacon_notices, notice
from tests.support.scripted_http import reply, scripted
from tests.support.town_bundles import EXPIRES_MS, SigningTown

KEYS = beacon_keys(["biblio-3"])
SAID = beacon_notices([notice("a")])


def bundles_of(town: SigningTown, folder: Path) -> Bundles:
    return Bundles(folder, town.known_as())


def test_bundles_that_the_town_signed_are_taken_and_read_again(tmp_path: Path) -> None:
    town = SigningTown()
    bundles = bundles_of(town, tmp_path)
    assert bundles.take("keys", town.keys(KEYS), NOW_MS)
    assert bundles.take("notices", town.notices(SAID), NOW_MS)
    assert not bundles.take("notices", town.notices(SAID), NOW_MS)
    district = bundles_of(town, tmp_path).district()
    assert (district.code, district.expires_ms) == ("centro", EXPIRES_MS)
    assert bundles.keys() == KEYS


def test_bundle_of_another_signer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SignatureError):
        bundles_of(SigningTown(), tmp_path).take("keys", SigningTown().keys(KEYS), NOW_MS)


def test_version_never_goes_back(tmp_path: Path) -> None:
    town = SigningTown()
    bundles = bundles_of(town, tmp_path)
    assert bundles.take("notices", town.notices(SAID, n=2), NOW_MS)
    with pytest.raises(OlderBundleError):
        bundles.take("notices", town.notices(SAID, n=1), NOW_MS)
    assert bundles.take("notices", town.notices(SAID, n=3), NOW_MS)


@pytest.mark.parametrize(
    "wrong",
    ["cut", "another kind", "another district", "expired", "no body", "nonsense inside", "a body changed"],
)
def test_bundle_that_is_not_what_was_asked_for_leaves_the_one_before(tmp_path: Path, wrong: str) -> None:
    town = SigningTown()
    bundles = bundles_of(town, tmp_path)
    good = town.keys(KEYS)
    bundles.take("keys", good, NOW_MS)
    newer = town.keys(KEYS, n=2)
    elsewhere = beacon_keys(["biblio-3"], district="playa")
    message = {
        "cut": newer[:-20],
        "another kind": town.notices(SAID, n=2),
        "another district": town.keys(elsewhere, n=2),
        "expired": town.keys(KEYS, n=2, expires_ms=NOW_MS),
        "no body": newer[: newer.index(b',"body"')] + b"}\n",
        "nonsense inside": town.signed("beacon-keys-centro", {"district": "centro"}, n=2),
        "a body changed": newer.replace(b'"size":', b'"size":1'),
    }[wrong]
    with pytest.raises(InputError):
        bundles.take("keys", message, NOW_MS)
    assert bundles.keys() == KEYS


def test_bundle_whose_body_is_of_another_district_than_its_name_is_refused(tmp_path: Path) -> None:
    town = SigningTown()
    body = beacon_keys(["biblio-3"], district="playa").to_data()
    with pytest.raises(InputError):
        bundles_of(town, tmp_path).take("keys", town.signed("beacon-keys-centro", body), NOW_MS)


def test_bundle_that_is_damaged_on_the_phone_counts_as_none(tmp_path: Path) -> None:
    town = SigningTown()
    bundles = bundles_of(town, tmp_path)
    bundles.take("keys", town.keys(KEYS), NOW_MS)
    bundles.take("notices", town.notices(SAID), NOW_MS)
    path = tmp_path / "bundles" / "beacon-keys-centro"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(NoBundlesError):
        bundles.district()


def test_phone_whose_town_changed_its_key_trusts_nothing_that_lies_there(tmp_path: Path) -> None:
    town = SigningTown()
    bundles_of(town, tmp_path).take("keys", town.keys(KEYS), NOW_MS)
    with pytest.raises(NoBundlesError):
        bundles_of(SigningTown(), tmp_path).keys()


def test_town_is_kept_and_a_key_is_written_in_one_way(tmp_path: Path) -> None:
    pocket, town = Pocket(tmp_path / "phone"), SigningTown().known_as(authority_pem="PEM")
    with pytest.raises(NoTownError):
        pocket.town()
    pocket.keep_town(town)
    assert pocket.town() == town
    for wrong in ("", "00", town.signing[0].hex().upper(), "x" * 64):
        with pytest.raises(InputError):
            key_of(wrong)
    with pytest.raises(InputError):
        Town.from_data({**town.to_data(), "hub_url": "http://x.example"})


def test_request_says_nothing_of_the_person() -> None:
    async def asked() -> None:
        authority, signer = trustme.CA(), SigningTown()
        answer = signer.keys(KEYS).decode()
        async with scripted(lambda _: reply(200, answer), authority=authority) as (endpoint, heard):
            town = signer.known_as(endpoint.base_url, authority.cert_pem.bytes().decode())
            assert await asyncio.to_thread(fetch, town, "keys") == answer.encode()
        (request,) = heard
        assert (request.method, request.path, request.query) == ("GET", "/beacons/centro/keys", {})
        assert set(request.headers) - {""} == {"host", "accept-encoding"}
        assert request.body == b""

    asyncio.run(asked())


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_answer_that_is_no_bundle_is_none(status: int) -> None:
    async def asked() -> None:
        authority, signer = trustme.CA(), SigningTown()
        moved = f"location: https://127.0.0.1:1/{status}"
        async with scripted(lambda _: reply(status, "x", moved), authority=authority) as (endpoint, heard):
            town = signer.known_as(endpoint.base_url, authority.cert_pem.bytes().decode())
            with pytest.raises(NotReachedError):
                await asyncio.to_thread(fetch, town, "keys")
        assert len(heard) == 1

    asyncio.run(asked())


def test_hub_whose_certificate_nobody_vouches_for_is_told_nothing() -> None:
    async def asked() -> None:
        signer = SigningTown()
        async with scripted(lambda _: reply(200), authority=trustme.CA()) as (endpoint, heard):
            town = signer.known_as(endpoint.base_url, trustme.CA().cert_pem.bytes().decode())
            with pytest.raises(NotReachedError):
                await asyncio.to_thread(fetch, town, "keys")
        assert not heard

    asyncio.run(asked())
    assert ANSWER_BYTES_MAX > 2 * 2**20


def test_hub_that_is_not_there_is_told_as_such() -> None:
    with pytest.raises(NotReachedError):
        fetch(SigningTown().known_as(), "keys", timeout_s=1.0)
