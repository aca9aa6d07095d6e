"""The vectors of the citizen card: files, records, signatures and keys, written out byte by byte.

They are made from values that stand here; `published.jsonl` beside them is what others have published.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from card_reader.citizen_card.holder import EVERY_ZONE, Holder, Pass
from card_reader.citizen_card.journal import Deed, Record
from card_reader.citizen_card.layout import KEYS, SEAL_KEY, card_key
from card_reader.citizen_card.sealing import signed_input
from card_reader.desfire.transaction_mac import Committed
from card_reader.owner.charge import Charge
from card_reader.owner.till import tap_event
from shared.model.day_count import TapsCounted
from shared.model.event import EventType
from shared.model.money import EURO, Money
from tests.vectors.seeds import Vector

FOLDER = Path(__file__).parent / "card"
UID = bytes.fromhex("04782E21801D80")
EVENT = "01a20073-9c71-7fc3-8aa3-bfbf6a887a00"
SUBJECT = bytes(range(16))
MASTER = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
PASS = Pass(product=20, zones=EVERY_ZONE, first_day=2_500, last_day=2_530)
HOLDER = Holder(
    card_id=bytes.fromhex("0102030405060708"),
    issue=1,
    category=2,
    category_until=3_000,
    valid_until=4_000,
    is_nobodys=False,
    passes=(PASS, replace(PASS, product=21, zones=0b101)),
)
BEGINS = replace(HOLDER.in_form(2), category_from=2_600)
ISSUED = Record(deed=Deed.ISSUED, counter=1, at_s=1_795_255_200, terminal=1, mark=bytes.fromhex("a1b2c3d4"))
TOPPED = ISSUED.then(
    deed=Deed.TOPPED_UP, at_s=1_795_258_800, terminal=2, mark=bytes.fromhex("00000001"), amount_minor=1_000
)
RIDE = TOPPED.then(
    deed=Deed.RIDE, at_s=1_795_262_400, terminal=7, mark=bytes.fromhex("00000002"), amount_minor=-130
).with_ride(
    line=4,
    stop=12,
    zone=1,
    passengers=1,
    product=1,
    transfer_until_s=1_795_266_000,
    transfers_left=2,
    party=1,
    cap_day=2_517,
    cap_spent_minor=130,
    rides=9,
    rides_product=30,
)

TAKEN_BACK = replace(
    TOPPED, deed=Deed.CANCELLED, counter=4, terminal=7, passengers=1, product=1, amount_minor=130
)


def card_files() -> dict[str, list[Vector]]:
    """Every vector, by file."""
    broken = RIDE.to_bytes()
    return {
        "holders": [
            _said("a holder with two passes", HOLDER.to_bytes(), HOLDER),
            _said("nobody's card", replace(HOLDER, is_nobodys=True, passes=()).to_bytes(), None),
            _said("the first one, brought to form 2", HOLDER.in_form(2).to_bytes(), HOLDER.in_form(2)),
            _said("form 2, with a category that begins later", BEGINS.to_bytes(), BEGINS),
            _said("a later form that this version may read", _later(2), None),
            _refused("a later form that it may not", _later(3)),
            _refused("a file of nothing", bytes(48)),
            _refused("a byte too few", HOLDER.to_bytes()[:-1]),
            _refused(
                "a pass that ends before it begins",
                replace(HOLDER, passes=(replace(PASS, last_day=1),)).to_bytes(),
            ),
        ],
        "records": [
            _said("a card is issued", ISSUED.to_bytes(), ISSUED),
            _said("its purse is filled", TOPPED.to_bytes(), TOPPED),
            _said("a ride", RIDE.to_bytes(), RIDE),
            _said("a ride that was taken back", TAKEN_BACK.to_bytes(), TAKEN_BACK),
            _refused("a deed that nobody knows", broken[:1] + b"\xff" + broken[2:]),
            _refused("a record of nothing", bytes(48)),
            _refused("a byte too many", broken + b"\0"),
        ],
        "seals": [
            {"name": name, "record": record.to_bytes().hex(), "input": signed_input(record).hex()}
            for name, record in (
                ("no money moves", ISSUED),
                ("money in", TOPPED),
                ("money out", RIDE),
                ("money given back", TAKEN_BACK),
            )
        ],
        "events": _events(),
        "keys": [
            {
                "name": f"key {number}",
                "master": MASTER.hex(),
                "uid": UID.hex(),
                "number": number,
                "key": card_key(MASTER, UID, number).hex(),
            }
            for number in (*range(KEYS), SEAL_KEY)
        ],
    }


def _events() -> list[Vector]:
    """What a terminal says of deeds; the seal is any eight bytes, since the town's keys are nobody's here."""
    proof = Committed(counter=RIDE.counter, mac=bytes(range(8)), input=signed_input(RIDE))
    ride = Charge(event_id=EVENT, card=SUBJECT, record=RIDE, proof=proof, is_late=False)
    back = replace(ride, event_id=EVENT[:-1] + "1", record=TAKEN_BACK, proof=None, reverses=EVENT)
    count = TapsCounted(
        day="2026-11-22", taps=2, amount=Money(0, EURO), since_ms=1_795_255_200_000, extra={}
    ).to_data()
    said = [
        ("a ride, signed by its card", tap_event(ride, is_list_old=False)),
        ("the same, while the deny list has expired", tap_event(ride, is_list_old=True)),
        ("a ride that was taken back", tap_event(back, is_list_old=False)),
        ("a ride of which nobody knows", tap_event(_unknown(ride), is_list_old=False)),
        ("the taking back of a ride, of which nobody knows", tap_event(_unknown(back), is_list_old=False)),
    ]
    events: list[Vector] = [
        {"name": name, "type": one.type.value, "data": dict(one.data), "is": "taken"} for name, one in said
    ]
    counted = [
        ("what was counted on a day: a ride, and its taking back", {}, "taken"),
        ("a day on which more came back than was taken", {"amount_minor": -130}, "taken"),
        ("a day that is none", {"day": "22/11/2026"}, "refused"),
        ("fewer taps than none", {"taps": -1}, "refused"),
        ("a count that does not say since when", {"since_ms": None}, "refused"),
    ]
    unknown = {name: each for name, each in events[3]["data"].items() if name != "record"}
    return [
        *events,
        {
            "name": "a ride of which nobody knows, without its record",
            "type": EventType.TAP_UNDECIDED.value,
            "data": unknown,
            "is": "refused",
        },
        *(
            {"name": name, "type": EventType.TAPS_COUNTED.value, "data": count | other, "is": verdict}
            for name, other, verdict in counted
        ),
    ]


def _unknown(charge: Charge) -> Charge:
    return replace(charge, proof=None, is_late=True, is_undecided=True)


def _later(reader_min: int) -> bytes:
    return replace(HOLDER, form=3, reader_min=reader_min, spare=b"grows").to_bytes()


def _said(name: str, file: bytes, value: Holder | Record | None) -> Vector:
    says: dict[str, Any] = {} if value is None else asdict(value)
    plain = {key: each.hex() if isinstance(each, bytes) else each for key, each in says.items()}
    return {"name": name, "bytes": file.hex(), "is": plain}


def _refused(name: str, file: bytes) -> Vector:
    return {"name": name, "bytes": file.hex(), "is": "refused"}
