"""What a node says on the air, and that it goes on saying it.

    identity, identity, identity, telemetry, address (or identity)      one step each, a second or more

With trusted time the identity is one that changes (Eddystone-EID) beside sealed telemetry; without, the
lasting one (Eddystone-UID) beside plain telemetry. The radio's own address changes with the identifier.

Rules:
- A step allocates nothing, except once in 65,536 s.
- Every step tells the radio again to advertise, so one that went silent is silent for a step at most. A
  radio that refuses, or says that it is off, is switched off and on; so is every radio once a day.
"""

from shared.beacon_wire import eddystone
from shared.beacon_wire.eid import Rotation, Sealer

ADDRESS_CHANGES = 3
"""The radio's mode of an address that is random and cannot be resolved."""
STEP_MS_MIN = 1000
STEP_INTERVALS = 3
"""Advertisements of one step."""
RADIO_LIFE_MS = 86400000
DWELL = 5
_TELEMETRY, _ADDRESS = 3, 4
_SALT_AT = eddystone.SEALED_AT + 12


class Air:
    """One node's radio.

    Args:
        radio: the board's, as MicroPython's `bluetooth.BLE`.
        clock: the node's.
        settings: in force; `beacon.*`.
        identity: the node's.
        aes: makes AES of a key.
        ticks: a module or an object with `ticks_ms` and `ticks_diff`.

    Attributes:
        step_ms: how long a step lasts.
        rearmed: how often the radio was switched off and on because it failed.
        refused: how often in a row it has failed.
    """

    def __init__(self, radio, clock, settings: dict, identity, aes, ticks) -> None:
        self._radio = radio
        self._clock = clock
        self._identity = identity
        self._aes = aes
        self._ticks = ticks
        self.rearmed = 0
        self.refused = 0
        self._tlm = bytearray(eddystone.TLM_LENGTH)
        eddystone.write_tlm(self._tlm)
        self._eid = self._etlm = self._rotation = self._sealer = None
        key = identity.air_key()
        if key is not None:
            self._etlm = bytearray(eddystone.ETLM_LENGTH)
            eddystone.write_etlm(self._etlm)
            self._sealer = Sealer(aes, key)
        self._place = 0
        self._last = self._born = ticks.ticks_ms()
        self._spare_ms = 0
        self.take(settings)

    def take(self, settings: dict) -> None:
        """Say from the next step on what other settings want; what is counted goes on."""
        tx_dbm_0m = settings["beacon.tx_dbm_0m"]
        interval_ms = settings["beacon.interval_ms"]
        self._interval_us = interval_ms * 1000
        self.step_ms = max(STEP_MS_MIN, STEP_INTERVALS * interval_ms)
        self._sent_a_step = self.step_ms // interval_ms
        self._exponent = settings["beacon.eid_exponent"]
        self._uid = bytearray(eddystone.UID_LENGTH)
        eddystone.write_uid(self._uid, tx_dbm_0m, self._identity.namespace, self._identity.instance)
        self._url = _address(tx_dbm_0m, settings.get("beacon.url"))
        key = self._identity.air_key()
        if key is not None:
            self._eid = bytearray(eddystone.EID_LENGTH)
            eddystone.write_eid(self._eid, tx_dbm_0m)
            self._rotation = Rotation(self._aes, key, self._exponent)

    def begin(self) -> None:
        """Switch the radio on and say who is here; the first thing that a node does."""
        self._switch_on()
        self.step()

    def told(self, battery_mv: int, temperature_8_8: int) -> None:
        """Take what changes slowly into the telemetry."""
        eddystone.tell(self._tlm, eddystone.SEALED_AT, battery_mv, temperature_8_8)

    def step(self) -> bool:
        """Say the next thing; return whether the radio took it."""
        self._count()
        self._clock.advance()
        passing = self._clock.trusted and self._eid is not None
        if passing and self._rotation.turn(
            self._clock.high, self._clock.low, self._eid, eddystone.IDENTIFIER_AT
        ):
            self._change_address()
        place, self._place = self._place, (self._place + 1) % DWELL
        if place == _TELEMETRY:
            frame = self._sealed() if passing else self._tlm
        elif place == _ADDRESS and self._url is not None:
            frame = self._url
        else:
            frame = self._eid if passing else self._uid
        return self._say(frame)

    def _say(self, frame: bytearray) -> bool:
        if not self._radio.active() or self._ticks.ticks_diff(self._last, self._born) > RADIO_LIFE_MS:
            self._rearm()
        try:
            self._radio.gap_advertise(self._interval_us, frame, connectable=False)
        except OSError:
            self.refused += 1
            self._rearm()
            return False
        self.refused = 0
        return True

    def _rearm(self) -> None:
        """Switch the radio off and on: what a controller forgot, it then knows again."""
        if not self._radio.active() or self.refused:
            self.rearmed += 1
        self._born = self._last
        try:
            self._radio.active(False)
            self._switch_on()
        except OSError:
            pass

    def _switch_on(self) -> None:
        try:
            self._radio.active(True)
        except OSError:
            return
        self._change_address()

    def _change_address(self) -> None:
        """Take another address; a radio that cannot keeps the one it has."""
        try:
            self._radio.gap_advertise(None)
            self._radio.config(addr_mode=ADDRESS_CHANGES)
        except (OSError, ValueError):
            pass

    def _count(self) -> None:
        now = self._ticks.ticks_ms()
        self._spare_ms += self._ticks.ticks_diff(now, self._last)
        self._last = now
        tenths = self._spare_ms // 100
        self._spare_ms -= tenths * 100
        eddystone.count_up(self._tlm, eddystone.SEALED_AT + 4, self._sent_a_step)
        eddystone.count_up(self._tlm, eddystone.SEALED_AT + 8, tenths)

    def _sealed(self) -> bytearray:
        at = eddystone.SEALED_AT
        for place in range(at, at + 12):
            self._etlm[place] = self._tlm[place]
        low = self._etlm[_SALT_AT + 1] + 1
        self._etlm[_SALT_AT + 1] = low & 255
        self._etlm[_SALT_AT] = (self._etlm[_SALT_AT] + (low >> 8)) & 255
        self._sealer.seal(self._clock.high, self._clock.low, self._exponent, self._etlm, at)
        return self._etlm


def _address(tx_dbm_0m: int, url) -> "bytearray | None":
    """Return the address's advertisement; one that does not fit is as none."""
    try:
        return eddystone.write_url(tx_dbm_0m, url) if url else None
    except ValueError:
        return None
