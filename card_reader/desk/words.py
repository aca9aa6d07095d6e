"""What a desk says: of an order's outcome, and of everything that stands on a card; in three languages.

    outcome(verdict)                       one sentence, which ends with what to do
    explained(verdict, now_s, language)    the card in words, line by line

The languages stand side by side, as on a validator's display (`card_reader.core.display`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from card_reader.citizen_card.holder import ZONE_MAX, Holder, date_of
from card_reader.citizen_card.journal import RIDES, Deed, Record
from shared.model.card_number import grouped, is_card_number
from shared.model.errors import InputError
from shared.model.instants import TOWN_ZONE
from shared.model.money import EURO, Money
from shared.model.wording import Language, Wording
from shared.protocol.parsing import as_list


def _of(es: str, ca: str, en: str) -> Wording:
    return Wording(es=es, ca=ca, en=en, extra={})


OUTCOMES: Final[Mapping[str, Wording]] = {
    "done": _of("Hecho", "Fet", "Done"),
    "unknown": _of(
        "No se sabe si se hizo: acerque la tarjeta otra vez",
        "No se sap si s’ha fet: acoste la targeta una altra vegada",
        "Nobody knows whether it was done: hold the card there again",
    ),
    "settled": _of(
        "Había algo pendiente y no se ha hecho nada más: repita la operación si aún hace falta",
        "Hi havia una cosa pendent i no s’ha fet res més: repetisca l’operació si encara cal",
        "Something was pending and nothing more was done: repeat the order if it is still wanted",
    ),
    "removed": _of(
        "La tarjeta se retiró antes de tiempo, no se ha hecho nada: acérquela de nuevo",
        "La targeta s’ha retirat massa prompte, no s’ha fet res: acoste-la de nou",
        "The card left too early and nothing was done: hold it there again",
    ),
    "foreign_card": _of(
        "No es una tarjeta de la ciudad: use otra, o emítala con `issue`",
        "No és una targeta de la ciutat: use’n una altra, o emeta-la amb `issue`",
        "This is no card of the town: use another, or make it one with `issue`",
    ),
    "not_genuine": _of(
        "Tarjeta no reconocida: reténgala y avise a un técnico",
        "Targeta no reconeguda: retinga-la i avise un tècnic",
        "Card not recognised: keep it, and tell a technician",
    ),
    "unreadable": _of(
        "No se puede leer: cambie la tarjeta",
        "No es pot llegir: canvie la targeta",
        "It cannot be read: replace the card",
    ),
    "wrong_version": _of(
        "La tarjeta es más nueva que este sistema: actualícelo",
        "La targeta és més nova que este sistema: actualitze’l",
        "The card is newer than this system: update it",
    ),
    "expired": _of(
        "Tarjeta caducada: devuelva el saldo y emita otra",
        "Targeta caducada: torne el saldo i emeta’n una altra",
        "Card expired: refund it, and issue another",
    ),
    "blocked": _of(
        "Tarjeta bloqueada: desbloquéela, si es de quien la trae",
        "Targeta bloquejada: desbloquege-la, si és de qui la porta",
        "Card blocked: unblock it, if it belongs to whoever brings it",
    ),
    "no_balance": _of(
        "Falta saldo: recargue la tarjeta",
        "Falta saldo: recarregue la targeta",
        "Not enough left: top the card up",
    ),
    "unknown_card": _of(
        "La tarjeta no está en el registro: reténgala y avise a un técnico",
        "La targeta no està en el registre: retinga-la i avise un tècnic",
        "The register does not know this card: keep it, and tell a technician",
    ),
    "not_in_use": _of(
        "Tarjeta dada de baja: emita otra",
        "Targeta donada de baixa: emeta’n una altra",
        "This card was replaced or refunded: issue another",
    ),
    "not_blocked": _of(
        "La tarjeta no está bloqueada: puede usarse",
        "La targeta no està bloquejada: es pot usar",
        "The card is not blocked: it can be used",
    ),
    "too_much": _of(
        "Supera los 150 € que admite la tarjeta: recargue menos",
        "Supera els 150 € que admet la targeta: recarregue menys",
        "More than the 150 € that a card holds: top up less",
    ),
    "nothing_left": _of(
        "No queda saldo que devolver: bloquee la tarjeta si no se va a usar",
        "No queda saldo per a tornar: bloquege la targeta si no s’ha d’usar",
        "There is nothing left to refund: block the card if it is to end",
    ),
    "limit": _of(
        "La propia tarjeta rechaza el importe: elija uno menor",
        "La mateixa targeta rebutja l’import: trie’n un de menor",
        "The card itself refuses the amount: choose a smaller one",
    ),
    "already_issued": _of(
        "Ya es una tarjeta de la ciudad: léala con `read`",
        "Ja és una targeta de la ciutat: llija-la amb `read`",
        "It is a card of the town already: look at it with `read`",
    ),
    "no_such_card": _of(
        "El registro no conoce la tarjeta que se sustituye: revise su seudónimo",
        "El registre no coneix la targeta que se substitueix: revise el seu pseudònim",
        "The register does not know the card that is replaced: look at its pseudonym",
    ),
    "no_such_product": _of(
        "Las tarifas no venden ese producto: revise su número",
        "Les tarifes no venen eixe producte: revise el seu número",
        "The fares sell no such product: look at its number",
    ),
    "no_room": _of(
        "No cabe en la tarjeta: tiene otro bono o demasiados abonos; espere a que acaben",
        "No cap en la targeta: té un altre bo o massa abonaments; espere que s’acaben",
        "The card has no room: it has another ticket, or too many passes; wait until they end",
    ),
    "number_in_use": _of(
        "La tarjeta está vacía y su número está en uso: use otra tarjeta y avise a un técnico",
        "La targeta està buida i el seu número està en ús: use’n una altra i avise un tècnic",
        "The card is empty and its number is in use: use another card, and tell a technician",
    ),
}
"""By what the hub says (`hub.domain.cards.verdict.Said`)."""
ORDERS: Final[Mapping[str, Wording]] = {
    "issue": _of("La emisión", "L’emissió", "The issue"),
    "replace": _of("La sustitución", "La substitució", "The replacement"),
    "top_up": _of("La recarga", "La recàrrega", "The top-up"),
    "charge": _of("El cobro", "El cobrament", "The charge"),
    "sell": _of("La venta", "La venda", "The sale"),
    "refund": _of("La devolución", "La devolució", "The refund"),
    "block": _of("El bloqueo", "El bloqueig", "The block"),
    "unblock": _of("El desbloqueo", "El desbloqueig", "The unblock"),
}
BEFORE: Final[Mapping[bool | None, Wording]] = {
    True: _of("{what} pendiente sí se hizo", "{what} pendent sí que es va fer", "{what} did happen"),
    False: _of("{what} pendiente no se hizo", "{what} pendent no es va fer", "{what} did not happen"),
    None: _of(
        "{what} pendiente no se puede saber: un administrativo lo verá en la lista de casos",
        "{what} pendent no es pot saber: un administratiu ho veurà en la llista de casos",
        "{what} can no longer be told: a clerk finds it among the cases",
    ),
}
DEEDS: Final[Mapping[Deed, Wording]] = {
    Deed.ISSUED: _of("Emisión", "Emissió", "Issued"),
    Deed.RIDE: _of("Viaje", "Viatge", "Ride"),
    Deed.TRANSFER: _of("Transbordo", "Transbord", "Transfer"),
    Deed.TOPPED_UP: _of("Recarga", "Recàrrega", "Topped up"),
    Deed.PURCHASE: _of("Compra", "Compra", "Purchase"),
    Deed.REFUNDED: _of("Devolución", "Devolució", "Refunded"),
    Deed.CANCELLED: _of("Viaje anulado", "Viatge anul·lat", "Ride cancelled"),
    Deed.BLOCKED: _of("Bloqueo", "Bloqueig", "Blocked"),
    Deed.UNBLOCKED: _of("Desbloqueo", "Desbloqueig", "Unblocked"),
    Deed.BOUGHT: _of("Compra de abono", "Compra d’abonament", "Pass bought"),
}
STATES: Final[Mapping[str, Wording]] = {
    "issued": _of("En uso", "En ús", "In use"),
    "blocked": _of("Bloqueada", "Bloquejada", "Blocked"),
    "replaced": _of("Sustituida por otra", "Substituïda per una altra", "Replaced by another"),
    "refunded": _of("Saldo devuelto", "Saldo tornat", "Refunded"),
}
_NUMBER: Final = _of("Número: {number}", "Número: {number}", "Number: {number}")
_NOBODYS: Final = _of("Al portador", "Al portador", "Whoever holds it")
_SOMEBODYS: Final = _of("De una persona", "D’una persona", "Somebody's own")
_CATEGORY: Final = _of("Categoría: {category}", "Categoria: {category}", "Category: {category}")
_CATEGORY_UNTIL: Final = _of(
    "Categoría: {category}, hasta {day}",
    "Categoria: {category}, fins a {day}",
    "Category: {category}, until {day}",
)
_CATEGORY_FROM: Final = _of(
    "La categoría empieza el {day}", "La categoria comença el {day}", "The category begins on {day}"
)
_UNTIL: Final = _of("Válida hasta {day}", "Vàlida fins a {day}", "Valid until {day}")
_BALANCE: Final = _of("Saldo: {balance}", "Saldo: {balance}", "Left: {balance}")
_PASS: Final = _of(
    "Abono {product}: zonas {zones}, del {first} al {last}",
    "Abonament {product}: zones {zones}, del {first} al {last}",
    "Pass {product}: zones {zones}, from {first} to {last}",
)
_RIDES: Final = _of(
    "Quedan {rides} viajes del billete {product}",
    "Queden {rides} viatges del bitllet {product}",
    "{rides} rides left of ticket {product}",
)
_DEEDS_HEAD: Final = _of("Movimientos:", "Moviments:", "Deeds:")
_PLACE: Final = _of(
    ", línea {line}, parada {stop}, viajeros: {people}",
    ", línia {line}, parada {stop}, viatgers: {people}",
    ", line {line}, stop {stop}, passengers: {people}",
)
_LAST_RIDE: Final = _of("Último viaje: {ride}", "Últim viatge: {ride}", "Last ride: {ride}")
_NO_RIDE: Final = _of(
    "El último movimiento no es un viaje: pida otro justificante",
    "L’últim moviment no és un viatge: demane un altre justificant",
    "The newest deed is no ride: ask for another proof",
)
_WITHIN: Final = _of(
    "Dentro del tiempo de transbordo, hasta {until}",
    "Dins del temps de transbord, fins a {until}",
    "Within the time for a transfer, until {until}",
)
_BEYOND: Final = _of(
    "Fuera del tiempo de transbordo",
    "Fora del temps de transbord",
    "Beyond the time for a transfer",
)
_PASS_TODAY: Final = _of(
    "Abono {product} válido hoy", "Abonament {product} vàlid hui", "Pass {product} is valid today"
)


def outcome(verdict: Mapping[str, Any], language: Language) -> str:
    """Say what came of an order, and of an earlier one that was open; an unknown word as it stands."""
    word = str(verdict.get("said", ""))
    said = [OUTCOMES[word].in_language(language) if word in OUTCOMES else word]
    before = str(verdict.get("before", ""))
    if before in ORDERS:
        what = ORDERS[before].in_language(language)
        said.insert(0, BEFORE[verdict.get("happened")].in_language(language).format(what=what))
    return ". ".join(said)


def printed_number(verdict: Mapping[str, Any], language: Language) -> str:
    """Say the number that is printed on the card; empty where the hub told none."""
    number = verdict.get("number")
    if not isinstance(number, str) or not is_card_number(number):
        return ""
    return _NUMBER.in_language(language).format(number=grouped(number))


def card_of(verdict: Mapping[str, Any]) -> tuple[Holder, list[Record]] | None:
    """Read what stands on the card; None where it could not be read.

    Raises:
        InputError: the hub says something else.
    """
    if "holder" not in verdict:
        return None
    try:
        records = [Record.from_bytes(bytes.fromhex(each)) for each in as_list(verdict["records"], "records")]
        return Holder.from_bytes(bytes.fromhex(verdict["holder"])), records
    except (TypeError, ValueError, KeyError):
        raise InputError("the hub says of the card what this version cannot read; update the desk") from None


def explained(verdict: Mapping[str, Any], language: Language) -> list[str]:
    """Say everything that stands on a card, line by line."""
    found = card_of(verdict)
    if found is None:
        return []
    holder, records = found
    last, state = records[0], str(verdict.get("state", ""))
    lines = [STATES[state].in_language(language)] if state in STATES else []
    lines += [number] if (number := printed_number(verdict, language)) else []
    until, category = holder.category_until, holder.category
    kind = (_CATEGORY_UNTIL if until else _CATEGORY).in_language(language)
    lines += [
        (_NOBODYS if holder.is_nobodys else _SOMEBODYS).in_language(language),
        kind.format(category=category, day=_day(until)),
        _UNTIL.in_language(language).format(day=_day(holder.valid_until)),
        _BALANCE.in_language(language).format(balance=Money(last.balance_minor, EURO)),
    ]
    if holder.category_from:
        lines.insert(2, _CATEGORY_FROM.in_language(language).format(day=_day(holder.category_from)))
    for held in holder.passes:
        zones = ", ".join(str(zone) for zone in range(1, ZONE_MAX + 1) if held.zones >> (zone - 1) & 1)
        dates = {"first": _day(held.first_day), "last": _day(held.last_day)}
        lines.append(_PASS.in_language(language).format(product=held.product, zones=zones, **dates))
    if last.rides:
        lines.append(_RIDES.in_language(language).format(rides=last.rides, product=last.rides_product))
    lines.append(_DEEDS_HEAD.in_language(language))
    return [*lines, *(f"  {_deed(record, language)}" for record in records)]


def inspected(verdict: Mapping[str, Any], now_s: int, day: int, language: Language) -> list[str]:
    """Say what an inspector asks: the last ride, and whether it still holds."""
    found = card_of(verdict)
    if found is None:
        return []
    holder, (last, *_) = found
    if last.deed not in RIDES:
        lines = [_NO_RIDE.in_language(language)]
    else:
        until = {"until": _moment(last.transfer_until_s)}
        window = _WITHIN if now_s <= last.transfer_until_s else _BEYOND
        lines = [
            _LAST_RIDE.in_language(language).format(ride=_deed(last, language)),
            window.in_language(language).format_map(until),
        ]
    good = [held for held in holder.passes if held.first_day <= day <= held.last_day]
    return lines + [_PASS_TODAY.in_language(language).format(product=held.product) for held in good]


def _deed(record: Record, language: Language) -> str:
    place = _PLACE.in_language(language) if record.deed in RIDES else ""
    where = place.format(line=record.line, stop=record.stop, people=record.passengers)
    moved = f"  {Money(record.amount_minor, EURO)}" if record.amount_minor else ""
    left = _BALANCE.in_language(language).format(balance=Money(record.balance_minor, EURO))
    return f"{_moment(record.at_s)}  {DEEDS[record.deed].in_language(language)}{where}{moved}  ({left})"


def _day(day: int) -> str:
    return f"{date_of(day):%d/%m/%Y}"


def _moment(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, tz=UTC).astimezone(ZoneInfo(TOWN_ZONE)):%d/%m/%Y %H:%M}"
