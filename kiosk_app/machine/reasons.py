"""Why something cannot be had now, in sentences for citizens."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kiosk_app.core.draft import Ability
from kiosk_app.core.words import Words, say
from shared.model.errors import CapacityError, DeviceError, InputError, VentanillaError

CLOSED: Final = say("El ayuntamiento ha cerrado este servicio aquí por ahora.")
FULL: Final = say("Este equipo no puede guardar más por ahora. Vuelva más tarde.")
BROKEN: Final = say("Este equipo está averiado y no puede guardar nada.")
REFUSED: Final = say("El ayuntamiento no admite esto así. Revíselo.")
NO_CATALOGUE: Final = say("Este equipo espera la lista de servicios del ayuntamiento.")
NO_NETWORK: Final = say("Ahora no hay conexión con el ayuntamiento.")
NO_CAMERA: Final = say("La cámara no funciona ahora.")
NO_PRINTER: Final = say("La impresora no funciona ahora.")
NO_CARDS: Final = say("El lector de tarjetas no funciona ahora.")

WHY_CLOSED: Final[Mapping[str, Words]] = MappingProxyType(
    {"settings": CLOSED, "full": FULL, "broken": BROKEN}
)
"""By what the owner says of a lane."""
MISSING: Final[Mapping[Ability, Words]] = MappingProxyType(
    {
        Ability.REPORTS: BROKEN,
        Ability.CATALOGUE: NO_CATALOGUE,
        Ability.NETWORK: NO_NETWORK,
        Ability.CAMERA: NO_CAMERA,
        Ability.PRINTER: NO_PRINTER,
        Ability.CARDS: NO_CARDS,
    }
)


def reason_of(error: VentanillaError) -> Words:
    """Say why nothing was taken."""
    match error:
        case CapacityError():
            return FULL
        case InputError():
            return REFUSED
        case DeviceError():
            return BROKEN
        case _:
            return BROKEN
