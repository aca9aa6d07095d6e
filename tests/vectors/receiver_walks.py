"""What a phone hears, and what it must decide: for whoever writes an app.

The plain rules of `tests.support.phone` say what must come of it; `test_receiver_vectors.py` holds the
product against that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from beacon_node.receiver.core.person import Person
from beacon_node.receiver.core.resolver import Aes
from shared.beacon_wire.eid import identifier, temporary_key
from shared.model.beacon_keys import PERIOD_S, BeaconKeys
from shared.model.beacon_notices import BeaconNotice
from shared.model.instants import to_rfc3339
from tests.support.phone import (
    HOUR_MS,
    MINE,
    NEAR_DBM,
    NOW_MS,
    NOW_S,
    WINDOW_S,
    PlainPhone,
    ShownBefore,
    beacon_keys,
    beacon_notices,
    eid_said,
    heard,
    notice,
    uid_said,
)
from tests.vectors.seeds import Vector

RECEIVER_FOLDER: Final = Path(__file__).parent / "receiver"
PLACES: Final = ("biblio-3", "parada-12")
SEEN_S: Final = NOW_MS + 24 * HOUR_MS
NIGHT_MS: Final = NOW_MS + 12 * HOUR_MS
CONCERT: Final = notice("concierto", interests=["musica"], places=["biblio-3"])
MATCH: Final = notice("partido", interests=["deporte"])
WATER: Final = notice("agua", urgency="urgent", until=to_rfc3339(NOW_MS + 20 * HOUR_MS))
TONIGHT: Final = replace(CONCERT, until_ms=NIGHT_MS + HOUR_MS)
THREE: Final = tuple(notice(f"n{number}") for number in range(3))
PUBLISHED: Final = "0102030405060708090a111213141516"
"""Radius Networks, ephemeral_calc, its specification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A phone at one moment.

    Attributes:
        name: of the vector.
        why: which rule.
        notices: what is said in the district.
        said: service data that is heard.
        person: whose phone.
        shown: what was shown before.
        rssi_dbm: how strong.
        now_ms: when.
        expires_ms: when the first of the two bundles ends.
    """

    name: str
    why: str
    notices: Sequence[BeaconNotice] = (CONCERT, MATCH)
    said: bytes = field(default_factory=lambda: eid_said("biblio-3"))
    person: Person = MINE
    shown: tuple[ShownBefore, ...] = ()
    rssi_dbm: int = NEAR_DBM
    now_ms: int = NOW_MS
    expires_ms: int = SEEN_S


def receiver() -> dict[str, list[Vector]]:
    """Every vector, by file."""
    return {"identifiers": identifiers(), "decisions": [_decided(one) for one in _walks()]}


def identifiers() -> list[Vector]:
    """Temporary keys and identifiers of air keys."""
    cases = [
        ("published, at the epoch", PUBLISHED, 10, 0),
        ("published, 2,000 s later", PUBLISHED, 10, 2_000),
        ("another exponent", "553c66da1485e9f78849de00f2cb178e", 12, 0),
        ("today", PUBLISHED, 10, NOW_S),
        ("the last second of a period", PUBLISHED, 10, (NOW_S // PERIOD_S + 1) * PERIOD_S - 1),
        ("the first of the next", PUBLISHED, 10, (NOW_S // PERIOD_S + 1) * PERIOD_S),
        ("every second another", PUBLISHED, 0, NOW_S),
        ("the longest window", PUBLISHED, 15, NOW_S),
    ]
    found: list[Vector] = []
    for name, air_key, exponent, seconds in cases:
        key = temporary_key(Aes, bytes.fromhex(air_key), seconds // PERIOD_S)
        found.append(
            {
                "name": name,
                "why": "Eddystone-EID, AES-128 twice",
                "air_key": air_key,
                "exponent": exponent,
                "seconds": seconds,
                "period": seconds // PERIOD_S,
                "period_key": key.hex(),
                "identifier": identifier(Aes, key, seconds, exponent).hex(),
            }
        )
    return found


def _walks() -> list[Walk]:
    return [*_recognised(), *_chosen(), *_timed(), *_counted()]


def _recognised() -> list[Walk]:
    careful = replace(MINE, unproven_shown=False)
    return [
        Walk(name="a beacon of the district", why="its present identifier"),
        Walk(
            name="the window before",
            why="a clock is wrong by minutes",
            said=eid_said("biblio-3", NOW_S - WINDOW_S),
        ),
        Walk(name="the window after", why="the same", said=eid_said("biblio-3", NOW_S + WINDOW_S)),
        Walk(name="replayed", why="two windows ago", said=eid_said("biblio-3", NOW_S - 2 * WINDOW_S)),
        Walk(
            name="from the future", why="two windows ahead", said=eid_said("biblio-3", NOW_S + 2 * WINDOW_S)
        ),
        Walk(name="another town's", why="nobody's identifier", said=eid_said("elsewhere")),
        Walk(name="without the time", why="a lasting identity counts, unproven", said=uid_said("biblio-3")),
        Walk(
            name="without the reserve",
            why="older frames have 18 bytes",
            said=uid_said("biblio-3")[:18],
        ),
        Walk(name="proof asked for", why="the person wants it", said=uid_said("biblio-3"), person=careful),
        Walk(name="another town's lasting identity", why="nobody's", said=uid_said("elsewhere")),
        Walk(name="telemetry", why="it names no beacon", said=b"\x20\x00" + bytes(12)),
        Walk(name="cut", why="an identifier has 8 bytes", said=eid_said("biblio-3")[:9]),
        Walk(name="too long", why="the same", said=eid_said("biblio-3") + b"\x00"),
        Walk(name="empty", why="no frame", said=b""),
        Walk(name="just strong enough", why="the weakest that counts", rssi_dbm=MINE.weakest_dbm),
        Walk(name="too weak", why="below it", rssi_dbm=MINE.weakest_dbm - 1),
        Walk(name="strength unknown", why="127 says so", rssi_dbm=127),
        Walk(
            name="expired",
            why="what the phone knows is too old",
            now_ms=SEEN_S,
            said=eid_said("biblio-3", SEEN_S // 1000),
        ),
    ]


def _chosen() -> list[Walk]:
    nobody = replace(MINE, interests=frozenset())
    return [
        Walk(
            name="nobody asked",
            why="without a yes nothing is looked at",
            person=replace(MINE, consent_ms=None),
        ),
        Walk(name="another interest", why="nothing for this person", notices=(MATCH,)),
        Walk(name="another place", why="said elsewhere", notices=(CONCERT,), said=eid_said("parada-12")),
        Walk(name="for everyone", why="no interest is named", notices=(WATER,), person=nobody),
        Walk(name="no interests", why="chosen none", person=nobody),
        Walk(
            name="both interests",
            why="what ends first comes first",
            person=replace(MINE, interests=frozenset({"musica", "deporte"})),
            notices=(MATCH, replace(CONCERT, until_ms=MATCH.until_ms - 1)),
        ),
        Walk(name="nothing is said", why="no notices", notices=()),
    ]


def _timed() -> list[Walk]:
    at_night = eid_said("biblio-3", NIGHT_MS // 1000)
    evening = {"from": "22:00", "until": "08:00"}
    return [
        Walk(name="not yet", why="from is included", notices=(replace(CONCERT, from_ms=NOW_MS + 1),)),
        Walk(name="from now", why="from is included", notices=(replace(CONCERT, from_ms=NOW_MS),)),
        Walk(name="over", why="until is not", notices=(replace(CONCERT, until_ms=NOW_MS),)),
        Walk(
            name="its hours",
            why="of the town's clock",
            notices=(notice("h", hours={"from": "11:20", "until": "12:00"}),),
        ),
        Walk(
            name="before its hours",
            why="the same",
            notices=(notice("h", hours={"from": "11:21", "until": "12:00"}),),
        ),
        Walk(name="hours past midnight", why="the same", notices=(notice("h", hours=evening),)),
        Walk(name="quiet hours", why="the person sleeps", notices=(TONIGHT,), now_ms=NIGHT_MS, said=at_night),
        Walk(
            name="no quiet hours",
            why="the person has none",
            notices=(TONIGHT,),
            now_ms=NIGHT_MS,
            said=at_night,
            person=replace(MINE, quiet=None),
        ),
        Walk(
            name="urgent at night", why="not without a word", notices=(WATER,), now_ms=NIGHT_MS, said=at_night
        ),
        Walk(
            name="urgent at night, allowed",
            why="the person said so",
            notices=(WATER, TONIGHT),
            now_ms=NIGHT_MS,
            said=at_night,
            person=replace(MINE, urgent_passes=True),
        ),
    ]


def _counted() -> list[Walk]:
    hour = tuple(ShownBefore(id=f"e{number}", version=1, shown_ms=NOW_MS - 60_000) for number in range(3))
    day = tuple(ShownBefore(id=f"e{number}", version=1, shown_ms=NOW_MS - 3 * HOUR_MS) for number in range(7))
    before = ShownBefore(id="concierto", version=1, shown_ms=NOW_MS - 5 * HOUR_MS)
    return [
        Walk(name="shown before", why="this version", shown=(before,)),
        Walk(
            name="corrected", why="another version", shown=(before,), notices=(replace(CONCERT, version=2),)
        ),
        Walk(name="enough for this hour", why="three", shown=hour),
        Walk(
            name="an hour later",
            why="an hour ends after 3,600 s",
            shown=tuple(replace(one, shown_ms=NOW_MS - HOUR_MS) for one in hour),
        ),
        Walk(name="one left of this day", why="eight", shown=day, notices=THREE),
        Walk(name="counted within", why="four are ready, three are shown", notices=(*THREE, CONCERT)),
        Walk(name="urgent counts", why="it comes first and takes a place", notices=(*THREE, WATER)),
        Walk(
            name="urgent passes",
            why="the person said so; it counts all the same",
            notices=(*THREE, WATER),
            person=replace(MINE, urgent_passes=True, per_hour=1),
        ),
        Walk(
            name="a clock that went back",
            why="what was shown in the future counts",
            shown=tuple(replace(one, shown_ms=NOW_MS + 60_000) for one in hour),
        ),
    ]


def _decided(walk: Walk) -> Vector:
    keys, notices = _keys(), beacon_notices(walk.notices)
    plain = PlainPhone(
        keys=keys, notices=notices, expires_ms=walk.expires_ms, person=walk.person, shown=list(walk.shown)
    )
    reason, place, proven, verdicts = plain.decide(heard(walk.said, walk.rssi_dbm), walk.now_ms)
    return {
        "name": walk.name,
        "why": walk.why,
        "keys": keys.to_data(),
        "notices": notices.to_data(),
        "expires_ms": walk.expires_ms,
        "person": walk.person.to_data(),
        "shown": [_told(one) for one in walk.shown],
        "now_ms": walk.now_ms,
        "service_data": walk.said.hex(),
        "rssi_dbm": walk.rssi_dbm,
        "must": {
            "reason": reason,
            "place": place,
            "proven": proven,
            "notices": [list(one) for one in verdicts],
        },
    }


def _keys() -> BeaconKeys:
    whole = beacon_keys(PLACES)
    return replace(whole, beacons=tuple(replace(one, keys=one.keys[:4]) for one in whole.beacons))


def _told(one: ShownBefore) -> Mapping[str, object]:
    return {"id": one.id, "version": one.version, "shown_ms": one.shown_ms, "until_ms": one.until_ms}
