"""Receipts as somebody shows them, and what each is worth."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.protocol.receipts import Receipt, TownKeys, endorse, write_receipt
from tests.vectors.seeds import DEVICE, TIME, TIME_MS, Vector, seeded

RECEIPTS_FOLDER: Final = Path(__file__).parent / "receipts"
YEAR_MS: Final = 365 * 86_400_000
SAID: Final = Receipt(
    device=DEVICE,
    reference="7KXM-2PRT-94V7",
    type="incident.reported",
    time=TIME,
    stream="cases",
    epoch="9f3c2a1b",
    seq=1041,
)


def receipts() -> dict[str, list[Vector]]:
    """Every vector, by file."""
    names = ("town", "other", "device")
    town, other, key = (Ed25519PrivateKey.from_private_bytes(seeded(name)) for name in names)
    public = key.public_key().public_bytes_raw()
    named = TownKeys(town="Villafaro", keys=(town.public_key().public_bytes_raw(),)).to_body().decode()
    good = write_receipt(SAID, key, endorse(town, DEVICE, public, TIME_MS + YEAR_MS))
    cases = [
        ("genuine", "key, word and signature hold (R-1, R-2)", good, "genuine"),
        (
            "in an address",
            "what is before it is passed over (R-3)",
            f"https://x.example/?r={good}",
            "genuine",
        ),
        ("on two lines", "white space is passed over (R-3)", f"{good[:60]}\n{good[60:]}", "genuine"),
        (
            "after the end of the word",
            "the town's word ended before it (R-2)",
            write_receipt(SAID, key, endorse(town, DEVICE, public, TIME_MS)),
            "expired",
        ),
        (
            "another town's",
            "the key id is none of this town's (R-2)",
            write_receipt(SAID, key, endorse(other, DEVICE, public, TIME_MS + YEAR_MS)),
            "foreign",
        ),
        (
            "a key that nobody endorsed",
            "the word is for another key (R-2)",
            write_receipt(SAID, other, endorse(town, DEVICE, public, TIME_MS + YEAR_MS)),
            "forged",
        ),
        (
            "another device's word",
            "the word names the device (R-2)",
            write_receipt(SAID, key, endorse(town, "kiosk-8", public, TIME_MS + YEAR_MS)),
            "forged",
        ),
        ("another number", "the signature covers it (R-1)", good.replace("/1041/", "/1042/"), "altered"),
        ("padded", "base64url without padding (R-3)", f"{good}==", "altered"),
        ("without its end", "the signature has 64 bytes (R-3)", good[:-1], "cut"),
        ("half of it", "ten parts (R-3)", good[:80], "cut"),
        ("a later version", "VT2 (R-3)", good.replace("VT1:", "VT2:"), "newer"),
        ("something else", "no receipt", "https://example.org/", "none"),
    ]
    says = asdict(SAID)
    return {
        "receipts": [
            {
                "name": name,
                "why": why,
                "town": named,
                "shown": shown,
                "verdict": verdict,
                **({"says": says} if verdict == "genuine" else {}),
            }
            for name, why, shown, verdict in cases
        ]
    }
