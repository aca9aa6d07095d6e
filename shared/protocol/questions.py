"""What a device asks its hub over HTTPS: how a report stands, and what is open around a place. Pure.

    GET /device/cases/7KXM-2PRT-94VW                               how it stands, by the code of a receipt
    GET /device/cases/7KXM-2PRT-94VW/picture                       what it looks like now, a small JPEG
    GET /device/nearby?lat=43.46&long=-3.81&service_code=aceras    open reports near by

Each carries `Authorization: VT1-MAC <device> <MAC line over "GET <path>">`, the query included.

Source: docs/PROTOCOL.md, "Questions".
"""

from typing import Final

from shared.model.ids import check_reference

CASES_PATH: Final = "/device/cases"
NEARBY_PATH: Final = "/device/nearby"
PICTURE: Final = "picture"
CASE: Final = "case"
NEARBY: Final = "nearby"
PICTURE_BYTES_MAX: Final = 24_576
"""A picture of a repair on its way to a kiosk: as hex digits it fits between the kiosk's two processes."""
ANSWER_BYTES_MAX: Final = 12_288


def case_path(code: str) -> str:
    """Return where a device asks how a report stands.

    Raises:
        InputError: it is no code.
    """
    return f"{CASES_PATH}/{check_reference(code)}"
