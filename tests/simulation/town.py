"""What happens in a simulated town: citizens, passengers and machines, drawn from a seed."""

import random

from shared.model.event import Stream
from shared.model.ids import REFERENCE_RANDOM_BYTES, new_reference
from tests.simulation.device import Happening


class Town:
    """Draws one happening after the other."""

    def __init__(self, rng: random.Random, *, poison: float) -> None:
        self._rng = rng
        self._poison = poison
        self._count = 0
        self._counters = dict.fromkeys((f"card-{n}" for n in range(6)), 0)

    def happen(self) -> Happening:
        """Return the next thing that somebody or something says."""
        self._count += 1
        draw = self._rng.random()
        if draw < 0.35:
            return self._incident()
        if draw < 0.6:
            return self._tap()
        if draw < 0.75:
            return self._fee()
        if draw < 0.8:
            return Happening(
                number=self._count,
                stream=Stream.CASES,
                type="notice.shown",
                data={"notice": "corte-de-agua", "version": 1},
            )
        if draw < 0.9:
            key = self._rng.choice(("printer", "reader"))
            return Happening(
                number=self._count,
                stream=Stream.HEALTH,
                type="device.state",
                data={"key": key, "state": self._rng.choice(("ok", "failed"))},
                key=key,
            )
        return Happening(
            number=self._count, stream=Stream.TELEMETRY, type="device.counters", data={"frames": self._count}
        )

    def _incident(self) -> Happening:
        poison = self._rng.random() < self._poison
        data: dict[str, object] = {
            "reference": new_reference(self._rng.randbytes(REFERENCE_RANDOM_BYTES)),
            "service_code": "alumbrado",
            "description": 7 if poison else "La farola de la esquina no luce.",
            "channel": "kiosk",
        }
        subject = f"person-{self._rng.randrange(8)}"
        return Happening(
            number=self._count,
            stream=Stream.CASES,
            type="incident.reported",
            data=data,
            subject=subject,
            poison=poison,
        )

    def _tap(self) -> Happening:
        card = self._rng.choice(list(self._counters))
        self._counters[card] += 1
        amount_minor = self._rng.choice((65, 130))
        data: dict[str, object] = {
            "counter": self._counters[card],
            "amount_minor": amount_minor,
            "currency": "EUR",
            "product": "sencillo",
        }
        return Happening(
            number=self._count,
            stream=Stream.PAYMENTS,
            type="tap.charged",
            data=data,
            subject=card,
            amount_minor=amount_minor,
        )

    def _fee(self) -> Happening:
        amount_minor = self._rng.randrange(100, 9000)
        data: dict[str, object] = {
            "reference": new_reference(self._rng.randbytes(REFERENCE_RANDOM_BYTES)),
            "concept": "tasa-basuras",
            "amount_minor": amount_minor,
            "currency": "EUR",
            "method": "card",
        }
        return Happening(
            number=self._count,
            stream=Stream.PAYMENTS,
            type="payment.captured",
            data=data,
            amount_minor=amount_minor,
        )
