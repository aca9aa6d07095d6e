"""The families of errors, told apart by what the caller should do.

Rules: a message ends with the remedy and never carries a card number, a token, a name or a citizen's words.
HTTP codes are not here; `hub/api` maps them in one table.
"""


class VentanillaError(Exception):
    """Anything that the project itself raises."""


class InputError(VentanillaError):
    """What was given is wrong and will stay wrong: reject it, or put it in quarantine."""


class ConflictError(InputError):
    """An identifier that is already taken came again with another content: quarantine it and tell a clerk."""


class TransientError(VentanillaError):
    """It may work later: try again, with a back-off."""


class DeviceError(VentanillaError):
    """A machine needs a hand: service it."""


class CapacityError(VentanillaError):
    """There is no room: shed load, and say so to whoever asked."""
