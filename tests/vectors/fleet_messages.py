"""Vectors of what the hub wants of a device: settings, commands and bundles, good, forged, older and wrong.

Each is a life of one device: it hears messages, one after the other, and holds something afterwards.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.protocol import limits, topics
from shared.protocol.bundle import Notice, encode_notice, make_notice, make_retirement
from shared.protocol.command import Command, encode_command
from shared.protocol.keys import LinkKey, derive
from shared.protocol.mac import seal_message
from shared.protocol.twin import Desired, encode_desired
from shared.protocol.versions import Version
from tests.vectors.seeds import DEVICE, TIME_MS, Vector, secret, seeded

HUB: Final = "hub's signing key"
DENY: Final = b'{"subjects":["5f1d","91c2"]}'
DAY_MS: Final = 86_400_000
FIVE: Final = {"deny-list": [12, 5]}
Step = dict[str, Any]
Case = tuple[str, str, list[Step], dict[str, list[int]]]
"""Name, why, what is heard, and what is held afterwards."""


def fleet() -> dict[str, list[Vector]]:
    """Every vector, by file."""
    return {"bundles": bundles(), "twins": twins(), "commands": commands()}


def signing(name: str = HUB) -> Ed25519PrivateKey:
    """A key that signs bundles."""
    return Ed25519PrivateKey.from_private_bytes(seeded(name))


def _step(topic: str, body: bytes, *, key: LinkKey | None = None, **must: object) -> Step:
    message = seal_message(key or derive(secret()).down, topic, body).decode()
    return {"topic": topic, "message": message, **must}


def _vector(name: str, why: str, steps: Sequence[Step], **after: object) -> Vector:
    down = derive(secret()).down
    public = signing().public_key().public_bytes_raw().hex()
    known = {"device": DEVICE, "key": down.key.hex(), "key_id": down.id, "hub_signing": public}
    return {"name": name, "why": why, **known, "steps": list(steps), **after}


# ---- bundles


def _notice(
    n: int, body: bytes = DENY, name: str = "deny-list", key: str = HUB, life_ms: int = DAY_MS
) -> Notice:
    return make_notice(name, Version(12, n), body, TIME_MS + life_ms, [signing(key)])


def _offered(notice: Notice, must: str, *, name: str | None = None, key: LinkKey | None = None) -> Step:
    return _step(topics.bundle(DEVICE, name or notice.name), encode_notice(notice), key=key, must=must)


def _changed(notice: Notice, before: str, after: str) -> Step:
    said = encode_notice(notice).decode()
    assert before in said
    return _step(topics.bundle(DEVICE, notice.name), said.replace(before, after, 1).encode(), must="nothing")


def bundles() -> list[Vector]:
    """A bundle is taken, fetched, or has no effect."""
    cases = [*_newer_and_older(), *_wrong()]
    return [_vector(name, why, steps, now_ms=TIME_MS, holds=holds) for name, why, steps, holds in cases]


def _newer_and_older() -> list[Case]:
    good = _notice(5)
    before = make_notice("deny-list", Version(11, 99), DENY, TIME_MS, [signing()])
    return [
        (
            "a deny list",
            "signed, newer, and its body is the one named (W-8)",
            [_offered(good, "taken")],
            FIVE,
        ),
        (
            "the same again",
            "of one version the first counts (W-8)",
            [_offered(good, "taken"), _offered(_notice(5, b'{"subjects":[]}'), "nothing")],
            FIVE,
        ),
        (
            "a newer one",
            "it replaces the one before (W-8)",
            [_offered(good, "taken"), _offered(_notice(6), "taken")],
            {"deny-list": [12, 6]},
        ),
        (
            "an older one",
            "a version never goes back (W-8)",
            [_offered(good, "taken"), _offered(_notice(4), "nothing")],
            FIVE,
        ),
        (
            "an older incarnation",
            "compared from left to right (W-1)",
            [_offered(good, "taken"), _offered(before, "nothing")],
            FIVE,
        ),
        (
            "a long body",
            "named, and fetched by HTTPS (W-8)",
            [_offered(_notice(5, b" " * limits.BUNDLE_INLINE_BYTES_MAX + DENY), "fetched")],
            {},
        ),
        (
            "one that has expired",
            "it is taken and says so (W-9)",
            [_offered(_notice(5, life_ms=0), "taken")],
            FIVE,
        ),
        (
            "a name that nobody reads",
            "it travels as it is (W-12)",
            [_offered(_notice(5, b"\xff", "content"), "taken")],
            {"content": [12, 5]},
        ),
        (
            "a name that is retired",
            "it is dropped, and what is older does not come back (W-17)",
            [_offered(good, "taken"), _offered(_retired(6), "taken"), _offered(good, "nothing")],
            {},
        ),
        (
            "a retired name that is published again",
            "what is newer is taken (W-17)",
            [_offered(good, "taken"), _offered(_retired(6), "taken"), _offered(_notice(7), "taken")],
            {"deny-list": [12, 7]},
        ),
    ]


def _retired(n: int) -> Notice:
    return make_retirement("deny-list", Version(12, n), TIME_MS + DAY_MS, [signing()])


def _wrong() -> list[Case]:
    good, foreign = _notice(5), derive(seeded("foreign")).down
    swapped = replace(good, sha256=bytes(32), body=DENY)
    large = limits.DENY_LIST_BYTES_MAX + 1
    return [
        ("another device's key", "the MAC does not hold (T-4)", [_offered(good, "nothing", key=foreign)], {}),
        (
            "another signer",
            "nobody who is trusted signed (W-8)",
            [_offered(_notice(5, key="stranger"), "nothing")],
            {},
        ),
        ("another topic", "the name is the topic's (W-8)", [_offered(good, "nothing", name="fares")], {}),
        ("another version", "the version is signed (W-8)", [_changed(good, "[12,5]", "[12,6]")], {}),
        (
            "another end",
            "the expiry is signed (W-8)",
            [_changed(good, str(good.expires_ms), str(good.expires_ms + 1))],
            {},
        ),
        ("another body", "its hash is signed (W-8)", [_offered(swapped, "nothing")], {}),
        (
            "too large",
            "at most 704 KiB of a deny list (W-18)",
            [_changed(good, f'"size":{good.size}', f'"size":{large}')],
            {},
        ),
        ("no signature", "at least one", [_offered(replace(good, sigs={}), "nothing")], {}),
        (
            "a body that says nothing",
            "deny-list has subjects; the one before stays (W-12)",
            [_offered(good, "taken"), _offered(_notice(6, b"{}"), "nothing")],
            FIVE,
        ),
        (
            "a place in the body",
            "a pseudonym is a text (W-12)",
            [_offered(_notice(5, b'{"subjects":["a",7]}'), "nothing")],
            {},
        ),
    ]


# ---- settings


def _wanted(n: int, doc: dict[str, Any], *, key: LinkKey | None = None, incarnation: int = 12) -> Step:
    desired = Desired(version=Version(incarnation, n), doc=doc, confirm_s=60)
    return _step(topics.desired(DEVICE), encode_desired(desired), key=key)


def _stands(version: str, state: str, in_force: str | None) -> dict[str, object]:
    return {"version": version, "state": state, "in_force": in_force}


def twins() -> list[Vector]:
    """Settings are put on trial, reach the hub, are gone back from, or have no effect."""
    foreign = derive(seeded("foreign")).down
    idle, slow = {"screen.idle_s": 45}, {"screen.idle_s": 90}
    reach: Step = {"happen": "reach"}
    late: Step = {"happen": "time", "ms": 60_000}
    five = _wanted(5, idle)
    cut = five["message"].partition("\n")[0].encode()[:-1]
    cases: list[tuple[str, str, list[Step], dict[str, object] | None]] = [
        ("on trial", "stored and put in force (W-2)", [five], _stands("12-5", "pending", "12-5")),
        (
            "reached",
            "the hub confirmed a session since (W-2)",
            [five, reach],
            _stands("12-5", "reached", "12-5"),
        ),
        (
            "of one version the first",
            "another body has no effect (W-1)",
            [five, reach, _wanted(5, slow)],
            _stands("12-5", "reached", "12-5"),
        ),
        (
            "older",
            "it has no effect (W-1)",
            [five, reach, _wanted(4, slow)],
            _stands("12-5", "reached", "12-5"),
        ),
        (
            "a newer incarnation",
            "compared from left to right (W-1)",
            [five, reach, _wanted(1, slow, incarnation=13), reach],
            _stands("13-1", "reached", "13-1"),
        ),
        (
            "gone back from",
            "the way back reached the hub (W-3)",
            [five, reach, _wanted(6, slow), late, reach],
            _stands("12-6", "reverted", "12-5"),
        ),
        (
            "what cannot be",
            "given up at once (W-2)",
            [five, reach, _wanted(6, {"screen.idle_s": 1})],
            _stands("12-6", "reverted", "12-5"),
        ),
        ("forged", "the MAC does not hold (T-4)", [_wanted(5, idle, key=foreign)], None),
        (
            "too long",
            "at most 16 KiB",
            [_wanted(5, {"note": "x" * limits.SETTINGS_BYTES_MAX})],
            _stands("12-5", "reverted", None),
        ),
        ("malformed", "no JSON object", [_step(topics.desired(DEVICE), cut + b"\n")], None),
    ]
    return [
        _vector(name, why, [dict(one) for one in steps], reported=reported)
        for name, why, steps, reported in cases
    ]


# ---- commands


def _asked(name: str, must: Sequence[str], *, life_ms: int = 60_000, now_ms: int | None = TIME_MS) -> Step:
    command = Command(id=name, op="ping", args={}, expires_ms=TIME_MS + life_ms)
    return _step(topics.command(DEVICE), encode_command(command), now_ms=now_ms, must=list(must))


def commands() -> list[Vector]:
    """A command is done once, answered, or has no effect."""
    done = ["accepted", "running", "done"]
    body = encode_command(Command(id="a", op="ping", args={}, expires_ms=TIME_MS + 60_000))
    foreign = derive(seeded("foreign")).down
    many = [_asked(f"c-{n}", done) for n in range(limits.COMMANDS_REMEMBERED)]
    unknown = json.loads(body) | {"op": "fly"}

    def said(raw: bytes, must: Sequence[str], key: LinkKey | None = None) -> Step:
        return _step(topics.command(DEVICE), raw, key=key, now_ms=TIME_MS, must=list(must))

    cases: list[tuple[str, str, list[Step]]] = [
        (
            "done once",
            "accepted, running, done; then a duplicate (W-5)",
            [_asked("a", done), _asked("a", ["duplicate"])],
        ),
        ("expired", "nothing is done (W-5)", [_asked("a", ["expired"], life_ms=0)]),
        (
            "before the first welcome",
            "nothing is done and nothing said (W-5)",
            [_asked("a", [], now_ms=None), _asked("a", done)],
        ),
        (
            "what it cannot do",
            "failed (W-5)",
            [said(json.dumps(unknown).encode() + b"\n", ["accepted", "running", "failed"])],
        ),
        (
            "more than it remembers",
            "no further one until there is room (W-6)",
            [*many, _asked("late", ["failed"])],
        ),
        ("forged", "the MAC does not hold (T-4)", [said(body, [], foreign)]),
        ("malformed", "an id is needed", [said(body.replace(b'"id"', b'"no"'), [])]),
        (
            "too long",
            "at most 4 KiB",
            [said(body.replace(b'"args":{}', b'"args":{"x":"%s"}' % (b"y" * limits.COMMAND_BYTES_MAX)), [])],
        ),
    ]
    return [_vector(name, why, steps) for name, why, steps in cases]
