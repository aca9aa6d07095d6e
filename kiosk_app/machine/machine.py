"""The machine behind the flow: carries out its effects, and knows what is around. One per screen's process.

Implements `kiosk_app.core.ports.Machine`. None of its calls waits: sealing, the owner, camera and paper have
threads of their own, and their answers come when they come.

Rules:
- What was begun in one session answers into none: after a wipe a photograph that comes late is dropped.
- After a session with somebody's own data the whole process goes: the owner is told, and replaces it.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

import structlog

from kiosk_app.core.desk import Key
from kiosk_app.core.draft import Ability, Around, Gazetteer, Place
from kiosk_app.core.effects import (
    CARD,
    LOST,
    UNKNOWN,
    Answer,
    Ask,
    DropPhotos,
    Effect,
    Failed,
    Heard,
    PhotoTaken,
    Print,
    Printed,
    Submit,
    Taken,
    TakePhoto,
    Wipe,
)
from kiosk_app.core.tasks.follow import NOT_FOUND, TOO_MANY
from kiosk_app.core.words import Words, say_counted
from kiosk_app.machine.card_reading import READER_GONE, CardNotReadError, CardReading
from kiosk_app.machine.equipment import Equipment, TicketWanted
from kiosk_app.machine.far_owner import FarOwner
from kiosk_app.machine.lost_cards import LostCards
from kiosk_app.machine.photographs import PhotographBox
from kiosk_app.machine.reasons import (
    BROKEN,
    MISSING,
    NO_CAMERA,
    NO_PRINTER,
    WHY_CLOSED,
    reason_of,
)
from kiosk_app.machine.taking import Taking
from shared.edge.errors import OutcomeUnknownError
from shared.edge.happenings import KINDS
from shared.model.attachment import SEALED_BYTES_MAX
from shared.model.errors import CapacityError, InputError, VentanillaError
from shared.model.event import Stream
from shared.model.fields import flag
from shared.protocol.parsing import octets

STALE_S: Final = 3_600
"""Without the hub for an hour, what the town says is shown with its age."""
UNREACHED: Final = "unreached"
"""The reason of a question that found no hub."""
_REASONS: Final = ((InputError, NOT_FOUND), (CapacityError, TOO_MANY))
"""Why the hub gave no answer, as a task understands it."""
_WORKERS: Final = 4

Tell = Callable[[Answer], None]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where this kiosk stands.

    Attributes:
        here: its place.
        gazetteer: streets and landmarks.
        office: says that the counter is closed, and when it opens; nothing while it is open.
        verify: the hub's address for telephones, whose page checks a receipt; empty where there is none.
    """

    here: Place
    gazetteer: Gazetteer
    office: Callable[[], Words | None] = lambda: None
    verify: str = ""

    def shown(self, proof: str) -> str:
        """Return a receipt as its QR code holds it: with the address in front that checks it."""
        return f"{self.verify}/verify?r={proof}" if proof and self.verify else proof


class KioskMachine:
    """Carries out effects.

    Args:
        owner: keeps what is sealed, and asks the hub.
        taking: seals.
        box: photographs of the session.
        where: where the kiosk stands.
        equipment: camera, printer and the rest.
        cards: reads citizens' cards; None where there is no reader.
        lost_cards: has cards blocked; None where the town has none.

    Attributes:
        is_leaving: this process is about to be replaced, and takes nothing more.
    """

    def __init__(
        self,
        owner: FarOwner,
        taking: Taking,
        box: PhotographBox,
        where: Whereabouts,
        equipment: Equipment,
        cards: CardReading | None = None,
        lost_cards: LostCards | None = None,
    ) -> None:
        self.is_leaving = False
        self._owner = owner
        self._taking = taking
        self._box = box
        self._where = where
        self._equipment = equipment
        self._cards = cards
        self._lost_cards = lost_cards
        self._session = 0
        self._ticket: TicketWanted | None = None
        self._is_stale = False
        self._told_health: Mapping[str, str] = {}
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="machine")

    def around(self) -> Around:
        """Return the machine and its town, as they are now."""
        told = self._owner.told
        return Around(
            here=self._where.here,
            closed=self._closed(),
            services=() if told.catalogue is None else told.catalogue.services,
            announcements=told.announcements,
            gazetteer=self._where.gazetteer,
            age=_age(told.away_s),
            office=self._where.office(),
        )

    def photo(self, token: str) -> bytes:
        """Return the body of a photograph of this session; nothing where it was dropped."""
        return self._box.get(token)

    def carry_out(self, effect: Effect, tell: Tell) -> None:
        """Begin to carry out an effect."""
        match effect:
            case TakePhoto():
                self._begin(self._take_photo, effect, tell)
            case DropPhotos(tokens=tokens):
                self._box.drop(tokens)
            case Ask(what=what) if what == CARD:
                self._begin(self._card_read(), effect, tell)
            case Ask(what=what) if what == LOST:
                self._begin(self._block_card, effect, tell)
            case Ask():
                self._ask(effect, tell)
            case Submit():
                self._begin(self._take, effect, tell)
            case Print():
                self._begin(self._print, effect, tell)
            case Wipe(personal=is_personal):
                self._wipe(is_personal=is_personal)
            case _:
                assert_never(effect)

    def beat(self) -> None:
        """The screen's clock goes on; called from it."""
        self._owner.beat()
        health = self._equipment.health()
        if health != self._told_health:
            self._told_health = health
            self._owner.tell_health(health)

    def heed(self, *, is_idle: bool) -> Key | None:
        """Do what the owner has said since; what needs that nobody is there waits until then.

        Args:
            is_idle: whether nobody is there.

        Returns:
            The key with which somebody began at the process before this one; None where nobody did.
        """
        wanted: Key | None = None
        for members in self._owner.words():
            match members.get("tell"):
                case "anew":
                    self._is_stale = True  # settings are read at the start
                case "paper_test":
                    self._workers.submit(self._test_paper)
                case "begin":
                    wanted = Key.SPEAK if flag(members, "aloud") else Key.CHOOSE
                case _:
                    pass  # a newer owner's word
        if self._is_stale and is_idle and not self.is_leaving:
            self.is_leaving = True
            self._owner.leave()
        return wanted

    def hand_on(self, *, aloud: bool) -> None:
        """Tell that somebody wants to begin, who is for the next process.

        Args:
            aloud: by the speaking key.
        """
        self._owner.tell_awaited(aloud=aloud)

    # -- effects -----------------------------------------------------------------------------------------

    def _begin(self, work: Callable[[Any, int], Answer | None], effect: Any, tell: Tell) -> None:  # noqa: ANN401 - of one kind each
        session = self._session

        def act() -> None:
            try:
                answer = work(effect, session)
            except (VentanillaError, TimeoutError) as error:
                log.warning("effect_failed", effect=type(effect).__name__, reason=type(error).__name__)
                known = error if isinstance(error, VentanillaError) else VentanillaError()
                answer = Failed(effect.number, reason_of(known).key)
            if answer is not None:
                tell(answer)

        self._workers.submit(act)

    def _take(self, submit: Submit, session: int) -> Answer:
        why = self._owner.can_take(KINDS[submit.submission.type].stream)
        if why is not None and submit.number == submit.once:
            return Failed(submit.number, WHY_CLOSED.get(why, BROKEN).key)
        try:
            reference, signed = self._taking.take(submit)
        except OutcomeUnknownError:
            return Failed(submit.number, UNKNOWN)
        proof = self._where.shown(signed)
        if session == self._session:
            self._ticket = TicketWanted(type=submit.submission.type, reference=reference, proof=proof)
        return Taken(submit.number, reference, proof)

    def _take_photo(self, effect: TakePhoto, session: int) -> Answer | None:
        if self._equipment.why_not(Ability.CAMERA) is not None:
            return Failed(effect.number, NO_CAMERA.key)
        jpeg = self._equipment.take_photograph()
        if session != self._session:
            return None
        return PhotoTaken(effect.number, self._box.put(jpeg))

    def _print(self, effect: Print, _session: int) -> Answer:
        ticket = self._ticket
        if ticket is None or self._equipment.why_not(Ability.PRINTER) is not None:
            return Failed(effect.number, NO_PRINTER.key)
        self._equipment.print_ticket(replace(ticket, language=effect.language))
        return Printed(effect.number)

    def _card_read(self) -> Callable[[Ask, int], Answer | None]:
        """Wait for a card, and have the hub read it; whoever has gone meanwhile hears nothing."""
        cards = self._cards
        if cards is None:
            return lambda effect, _: Failed(effect.number, READER_GONE)
        given_up = cards.begin()  # here, so that a wipe that comes before a worker is free counts

        def work(effect: Ask, session: int) -> Answer | None:
            try:
                said = cards.read(effect.about, given_up)
            except CardNotReadError as error:
                return Failed(effect.number, error.reason) if session == self._session else None
            return Heard(effect.number, said) if session == self._session else None

        return work

    def _block_card(self, effect: Ask, session: int) -> Answer | None:
        """Have a lost card blocked; whoever has gone meanwhile hears nothing, and it is blocked."""
        if self._lost_cards is None:
            return Failed(effect.number, UNREACHED)
        number, _, pin = effect.about.partition(" ")
        try:
            said = self._lost_cards.block(number, pin)
        except CardNotReadError as error:
            return Failed(effect.number, error.reason) if session == self._session else None
        return Heard(effect.number, said) if session == self._session else None

    def _ask(self, effect: Ask, tell: Tell) -> None:
        session = self._session

        def answer(done: Future[Mapping[str, Any]]) -> None:
            error = done.exception()
            if session != self._session:
                return
            if error is None:
                tell(Heard(effect.number, self._with_picture(done.result())))
            else:
                reason = next((said for kind, said in _REASONS if isinstance(error, kind)), UNREACHED)
                tell(Failed(effect.number, reason))

        self._owner.ask_hub(effect.what, effect.about).add_done_callback(answer)

    def _with_picture(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put a picture's body aside, as a photograph's; what is none is left out."""
        if "picture" not in said:
            return said
        rest = {name: value for name, value in said.items() if name != "picture"}
        digits = said["picture"]
        try:
            length = len(digits) // 2 if isinstance(digits, str) else 0
            if not 0 < length <= SEALED_BYTES_MAX:
                return rest
            return {**rest, "picture": self._box.put(octets(said, "picture", length))}
        except VentanillaError:
            return rest

    def _wipe(self, *, is_personal: bool) -> None:
        self._session += 1
        self._ticket = None
        self._box.clear()
        self._taking.forget()
        if self._cards is not None:
            self._cards.give_up()
        if is_personal:
            self.is_leaving = True
            self._owner.leave()

    def _test_paper(self) -> None:
        """Print a technician's test; what is in the way is in the log and in the health of the printer."""
        try:
            self._equipment.print_test()
        except VentanillaError as error:
            log.warning("paper_test_failed", reason=str(error))

    # -- what is around ----------------------------------------------------------------------------------

    def _closed(self) -> Mapping[Ability, Words]:
        closed: dict[Ability, Words] = {}
        why = self._owner.can_take(Stream.CASES)
        if why is not None:
            closed[Ability.REPORTS] = WHY_CLOSED.get(why, BROKEN)
        if self._owner.told.catalogue is None:
            closed[Ability.CATALOGUE] = MISSING[Ability.CATALOGUE]
        if not self._owner.told.network:
            closed[Ability.NETWORK] = MISSING[Ability.NETWORK]
        for ability in (Ability.CAMERA, Ability.PRINTER, Ability.CARDS):
            words = self._equipment.why_not(ability)
            if words is not None:
                closed[ability] = words
        return closed


def _age(away_s: int | None) -> Words | None:
    if away_s is None or away_s < STALE_S:
        return None
    return say_counted(
        away_s // 3_600,
        "Sin conexión desde hace {count} hora. Lo que aquí se lee puede haber cambiado.",
        "Sin conexión desde hace {count} horas. Lo que aquí se lee puede haber cambiado.",
    )
