"""Taking what a citizen gave: checked, sealed, handed to the owner, and only then a receipt.

    taking = Taking(hello, teller, owner, box)
    reference, proof = taking.take(submit)       # on a thread of its own; raises VentanillaError
    taking.forget()                              # the citizen has gone

Rules:
- An attempt that follows one of which nobody knows gives the very same event again: it counts once.
- Photographs are on the owner's disk, sealed, before their event is; where the event is not taken, they go.
- Everything of one citizen is sealed under one context, whose key is forgotten with the session.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from kiosk_app.core.effects import Submit
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.photographs import PhotographBox, seal_photographs
from shared.edge.admission import check_service
from shared.edge.errors import ClosedBySettingsError, OutcomeUnknownError
from shared.edge.happenings import KINDS, Happening, happening
from shared.edge.teller import CitizenSession, Teller
from shared.model.errors import InputError, TransientError, VentanillaError
from shared.model.event import EventType

TAKE_TIMEOUT_S: Final = 12.0
"""For the owner's disk; the page then says that nobody knows."""
ASK_TIMEOUT_S: Final = 10.0
T = TypeVar("T")


class Taking:
    """Takes events of one citizen after the other; one thread at a time.

    Args:
        device: the device's id.
        teller: seals.
        owner: keeps.
        box: photographs of the session.
    """

    def __init__(self, device: str, teller: Teller, owner: FarOwner, box: PhotographBox) -> None:
        self._device = device
        self._teller = teller
        self._owner = owner
        self._box = box
        self._lock = threading.Lock()
        self._citizen: CitizenSession | None = None
        self._unsure: dict[int, Happening] = {}

    def take(self, submit: Submit) -> tuple[str, str]:
        """Take an event; when this returns it is on the owner's disk.

        Returns:
            Its reference and its signed receipt; both are empty where there is nothing to follow.

        Raises:
            OutcomeUnknownError: nobody knows; the same attempt may be made again.
            VentanillaError: it was not taken.
        """
        event = self._unsure.get(submit.once) or self._composed(submit)
        self._unsure[submit.once] = event
        try:
            self._session().take(event, TAKE_TIMEOUT_S)
        except OutcomeUnknownError:
            raise
        except VentanillaError:
            self._not_taken(submit, event)
            raise
        del self._unsure[submit.once]
        if event.reference is None:
            return "", ""
        return event.reference, _within(lambda: self._owner.receipt(event.event_id).result(ASK_TIMEOUT_S), "")

    def forget(self) -> None:
        """Forget the citizen: what was taken stays closed to everyone but the hub."""
        with self._lock:
            if self._citizen is not None:
                self._citizen.close()
            self._citizen = None
            self._unsure = {}

    # -- inside ------------------------------------------------------------------------------------------

    def _composed(self, submit: Submit) -> Happening:
        submission, event_id = submit.submission, self._teller.new_event_id()
        kind = KINDS[submission.type]
        if self._owner.can_take(kind.stream) is not None:
            raise ClosedBySettingsError(ClosedBySettingsError.__doc__)
        data: dict[str, Any] = dict(submission.data)
        if kind.referenced:
            data["reference"] = self._owner.reference(event_id).result(ASK_TIMEOUT_S)
        _check(submission.type, data, event_id, self._owner)
        if kind.attachable and submission.photos:
            data["attachments"] = self._kept(event_id, [self._box.get(token) for token in submission.photos])
        try:
            return happening(submission.type, data, event_id=event_id)
        except InputError:
            self._discard(event_id)
            raise

    def _kept(self, event_id: str, jpegs: list[bytes]) -> list[Mapping[str, object]]:
        """Have photographs kept, sealed; returns what the event says of them."""
        sealed = seal_photographs(self._device, event_id, [jpeg for jpeg in jpegs if jpeg])
        try:
            for attachment, body in sealed:
                self._owner.keep(event_id, attachment.envelope, body).result(TAKE_TIMEOUT_S)
        except (VentanillaError, TimeoutError) as error:
            self._discard(event_id)
            if isinstance(error, TimeoutError):
                raise TransientError("A photograph could not be stored in time; try again.") from error
            raise
        return [attachment.to_data() for attachment, _ in sealed]

    def _not_taken(self, submit: Submit, event: Happening) -> None:
        if submit.number != submit.once:
            return  # the first attempt may have been taken
        self._unsure.pop(submit.once, None)
        if event.envelopes:
            self._discard(event.event_id)

    def _discard(self, event_id: str) -> None:
        _within(lambda: self._owner.discard(event_id).result(ASK_TIMEOUT_S), None)

    def _session(self) -> CitizenSession:
        with self._lock:
            if self._citizen is None:
                if self._owner.told.sealing is not None:
                    self._teller.seal_to(self._owner.told.sealing)
                self._citizen = self._teller.session()
            return self._citizen


def _check(event_type: EventType, data: Mapping[str, Any], event_id: str, owner: FarOwner) -> None:
    """See that an event is one, and that the town takes it, before anything of it is stored."""
    checked = happening(event_type, data, event_id=event_id)
    if event_type is EventType.INCIDENT_REPORTED:
        check_service(checked, owner.told.catalogue)


def _within(ask: Callable[[], T], otherwise: T) -> T:
    """Ask for what is good to have, and go on without."""
    try:
        return ask()
    except (VentanillaError, TimeoutError):
        return otherwise
