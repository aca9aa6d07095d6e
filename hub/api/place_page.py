"""The page of a place: what the town says here now, in es, ca and en, without a script. Pure.

Rules:
- The page is whole without a script: every notice of now, the urgent ones first.
- What a notice lacks in a language is shown in Spanish, and marked as Spanish for whoever reads it aloud.
- Interests are kept by the browser alone: the server sends everybody the same, the script hides what somebody
  did not choose.
- Pictures of notices are not shown: they lie elsewhere, and their server would see who stands here.

Source: WCAG 2.2; /b/place.js and /b/place.css are `hub.api.place_files`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from hub.domain.beacons.places import Place
from shared.model.beacon_notices import BeaconNotice, Interest, Urgency
from shared.model.instants import TOWN_ZONE, to_rfc3339
from shared.model.wording import Language, Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page shows.

    Attributes:
        town: what the town is called.
        place: where.
        notices: of this place, whether they are said at this hour or not.
        interests: the town's list.
        language: of the page.
        now_ms: Unix epoch.
    """

    town: str
    place: Place
    notices: Sequence[BeaconNotice]
    interests: Sequence[Interest]
    language: Language
    now_ms: int


def _words(es: str, ca: str, en: str) -> Wording:
    return Wording(es=es, ca=ca, en=en, extra={})


_NOW: Final = _words("Ahora, aquí", "Ara, ací", "Here and now")
_NOTHING: Final = _words(
    "Ahora no hay avisos en este lugar. Cuando los haya, los verá en esta página.",
    "Ara no hi ha avisos en este lloc. Quan n'hi haja, els veureu en esta pàgina.",
    "There are no notices here now. When there are, you will see them on this page.",
)
_URGENT: Final = _words("Urgente", "Urgent", "Urgent")
_UNTIL: Final = _words("Hasta el", "Fins al", "Until")
_MORE: Final = _words("Más información", "Més informació", "More about this")
_QUESTION: Final = _words("¿Qué le interesa?", "Què vos interessa?", "What do you care about?")
_KEPT: Final = _words(
    "Lo que elija se queda en este navegador. No se envía a nadie.",
    "El que trieu es queda en este navegador. No s'envia a ningú.",
    "What you choose stays in this browser. It is sent to nobody.",
)
_FORGET: Final = _words("Olvidar lo elegido", "Oblidar el que s'ha triat", "Forget my choice")
_COUNT: Final = _words(
    "Se muestran {some} de {all} avisos.",
    "Es mostren {some} de {all} avisos.",
    "{some} of {all} notices shown.",
)
_PRIVATE: Final = _words(
    "Esta página no guarda quién la mira.",
    "Esta pàgina no guarda qui la mira.",
    "This page does not keep who looks at it.",
)
_NO_PLACE: Final = _words(
    "No hay ningún lugar con este código", "No hi ha cap lloc amb este codi", "No such place"
)
_LOOK_AGAIN: Final = _words(
    "Compruebe el código que está escrito en el equipo.",
    "Comproveu el codi que està escrit en l'equip.",
    "Check the code that is written on the case.",
)
_GONE: Final = _words(
    "Este punto ya no está en uso", "Este punt ja no està en ús", "This point is no longer in use"
)
_ASK: Final = _words(
    "Pregunte en el ayuntamiento qué ha sido de él.",
    "Pregunteu a l'ajuntament què se n'ha fet.",
    "Ask the town hall what became of it.",
)
_LANGUAGES: Final = _words("Idioma", "Idioma", "Language")
_SKIP: Final = _words("Ir a los avisos", "Anar als avisos", "Skip to the notices")
_DAYS: Final = {
    Language.ES: "lunes martes miércoles jueves viernes sábado domingo",
    Language.CA: "dilluns dimarts dimecres dijous divendres dissabte diumenge",
    Language.EN: "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}
_MONTHS: Final = {
    Language.ES: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    Language.CA: "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    Language.EN: "January February March April May June July August September October November December",
}
_NAMES: Final = ((Language.ES, "Español"), (Language.CA, "Català"), (Language.EN, "English"))


def place_page(shown: Shown) -> str:
    """Write the page of a place."""
    language = shown.language
    local = _local(shown.now_ms)
    minute = 60 * local.hour + local.minute
    said = [one for one in shown.notices if one.is_said(shown.now_ms, minute)]
    said.sort(key=lambda one: (one.urgency is not Urgency.URGENT, one.until_ms, one.id))
    name = _in(shown.place.name, language)
    articles = "".join(_article(notice, language) for notice in said)
    nothing = "" if said else f"<p>{_text(_NOTHING, language)}</p>"
    content = (
        f'<h1><span class="now">{_text(_NOW, language)}</span> {name}</h1>'
        f'{_choice(shown, language)}<p id="count" role="status"></p>'
        f'<div id="notices" tabindex="-1">{articles}{nothing}</div>'
        f'<p class="quiet">{_text(_PRIVATE, language)}</p>'
    )
    return _frame(shown.town, language, shown.place.name.in_language(language), content, with_script=True)


def no_place_page(town: str, language: Language, *, is_gone: bool) -> str:
    """Write the page that says that there is no such place, or no more."""
    title, then = (_GONE, _ASK) if is_gone else (_NO_PLACE, _LOOK_AGAIN)
    content = f'<h1>{_text(title, language)}</h1><p id="notices" tabindex="-1">{_text(then, language)}</p>'
    return _frame(town, language, title.in_language(language), content, with_script=False)


def when_said(at_ms: int, language: Language) -> str:
    """Return an instant as people say it: `sábado 21 de noviembre, 20:00`."""
    at = _local(at_ms)
    day, month = _DAYS[language].split()[at.weekday()], _MONTHS[language].split()[at.month - 1]
    time = f"{at.hour}:{at.minute:02d}"
    match language:
        case Language.ES:
            return f"{day} {at.day} de {month}, {time}"
        case Language.CA:
            link = "d’" if month[0] in "ao" else "de "
            return f"{day} {at.day} {link}{month}, {time}"
        case Language.EN:
            return f"{day} {at.day} {month}, {time}"


def _article(notice: BeaconNotice, language: Language) -> str:
    urgent = notice.urgency is Urgency.URGENT
    mark = (
        f'<p class="urgent"><span aria-hidden="true">▲</span> {_text(_URGENT, language)}</p>'
        if urgent
        else ""
    )
    until = when_said(notice.until_ms, language)
    title = notice.title.in_language(language)
    link = ""
    if notice.link is not None:
        said = escape(f"{_MORE.in_language(language)}: {title}")
        link = f'<p><a href="{escape(notice.link)}" rel="noreferrer noopener">{said}</a></p>'
    return (
        f'<article data-interests="{escape(" ".join(notice.interests))}">{mark}'
        f"<h2>{_in(notice.title, language)}</h2><p>{_in(notice.text, language)}</p>{link}"
        f'<p class="quiet">{_text(_UNTIL, language)} '
        f'<time datetime="{to_rfc3339(notice.until_ms)}">{escape(until)}</time></p></article>'
    )


def _choice(shown: Shown, language: Language) -> str:
    """What the script shows: without one there is nothing to choose, and nothing is hidden."""
    if not shown.interests:
        return ""
    boxes = "".join(
        f'<label><input type="checkbox" value="{escape(one.code)}"> {_in(one.name, language)}</label>'
        for one in shown.interests
    )
    return (
        f'<form id="interests" data-count="{_text(_COUNT, language)}" hidden><fieldset>'
        f"<legend>{_text(_QUESTION, language)}</legend><p>{_text(_KEPT, language)}</p>{boxes}"
        f'<button type="button" id="forget">{_text(_FORGET, language)}</button></fieldset></form>'
    )


def _frame(town: str, language: Language, title: str, content: str, *, with_script: bool) -> str:
    others = "".join(_other(each, name, language) for each, name in _NAMES)
    script = '<script src="/b/place.js" defer></script>' if with_script else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – {escape(town)}</title>"
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="/b/place.css">{script}</head>'
        f'<body><a class="skip" href="#notices">{_text(_SKIP, language)}</a>'
        f'<header><p>{escape(town)}</p><nav aria-label="{_text(_LANGUAGES, language)}">{others}</nav>'
        "</header>"
        f"<main>{content}</main></body></html>\n"
    )


def _other(each: Language, name: str, language: Language) -> str:
    current = ' aria-current="true"' if each is language else ""
    return f'<a lang="{each}" hreflang="{each}" href="?lang={each}"{current}>{name}</a>'


def _in(words: Wording, language: Language) -> str:
    """A text of the town's, marked as Spanish where that is what is shown elsewhere."""
    said = words.in_language(language)
    is_other = {Language.ES: words.es, Language.CA: words.ca, Language.EN: words.en}[language] is None
    return f'<span lang="es">{escape(said)}</span>' if is_other else escape(said)


def _text(words: Wording, language: Language) -> str:
    return escape(words.in_language(language))


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).astimezone(ZoneInfo(TOWN_ZONE))
