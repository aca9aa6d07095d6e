"""Who speaks a language to a citizen: sentences, and moments in the town's time.

    speakers = Speakers("Europe/Madrid", translations)
    speaker_of = speakers.of                              # what the screen is given
    say("Empieza: {when}", when=Instant(at_ms)).spoken_by(speakers.of(Language.CA))

Rules:
- What the town wrote itself (bundle `translations`) comes before the kiosk's own text, language by language.
- A text of the town whose parts are not those of its sentence is left out: half a sentence is worse than
  ours.
- Moments are said as people say them: `sábado 21 de noviembre, 10:15`.

Source: Unicode CLDR (names of days and months), through Babel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime

from kiosk_app.languages.catalogue import catalogue, parts_of
from shared.model.errors import InputError
from shared.model.translations import Translations
from shared.model.wording import Language, Wording

TOWN_ZONE: Final = "Europe/Madrid"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT: Final[Mapping[Language, str]] = {
    Language.ES: "EEEE d 'de' MMMM, HH:mm",
    Language.CA: "EEEE d MMMM, HH:mm",
    Language.EN: "EEEE d MMMM, HH:mm",
}
_LOCALE: Final[Mapping[Language, str]] = {
    Language.ES: "es_ES",
    Language.CA: "ca_ES",
    Language.EN: "en_GB",
}


@dataclass(frozen=True, slots=True)
class TownSpeaker:
    """Speaks one language; implements `kiosk_app.core.words.Speaker`.

    Attributes:
        language: which one.
        texts: translations by their Spanish sentence.
        zone: of the town.
    """

    language: Language
    texts: Mapping[str, str]
    zone: ZoneInfo

    def translate(self, key: str) -> str:
        """Return a sentence's translation, or the sentence where there is none."""
        return self.texts.get(key, key)

    def instant(self, at_ms: int) -> str:
        """Say a moment in the town's time."""
        moment = _EPOCH + timedelta(milliseconds=at_ms)
        return format_datetime(
            moment, _MOMENT[self.language], tzinfo=self.zone, locale=_LOCALE[self.language]
        )

    def day(self, day: date) -> str:
        """Say a day of the calendar."""
        return format_date(day, "long", locale=_LOCALE[self.language])


class Speakers:
    """One speaker for each language.

    Args:
        zone: of the town, by its name in the IANA database.
        translations: what the town wrote itself; None where it wrote nothing.

    Attributes:
        left_out: sentences of the town that could not be used, by their keys.

    Raises:
        InputError: no zone has this name.
    """

    def __init__(self, zone: str = TOWN_ZONE, translations: Translations | None = None) -> None:
        own: Mapping[str, Wording] = {} if translations is None else translations.texts
        usable = {key: wording for key, wording in own.items() if _fits(key, wording)}
        self.left_out: Sequence[str] = sorted(own.keys() - usable.keys())
        self._own = usable
        self._zone = _zone(zone)
        self._speakers: dict[Language, TownSpeaker] = {}

    def of(self, language: Language) -> TownSpeaker:
        """Return who speaks a language; its catalogue is read when somebody first wants it."""
        if language not in self._speakers:
            texts = {**_shipped(language), **_in(language, self._own)}
            self._speakers[language] = TownSpeaker(language, texts, self._zone)
        return self._speakers[language]


@cache
def _shipped(language: Language) -> Mapping[str, str]:
    return catalogue(language)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError("there is no such time zone; give one such as Europe/Madrid") from None


def _fits(key: str, wording: Wording) -> bool:
    """Tell whether every text of the town has the parts of its sentence."""
    texts = [wording.es, *(text for text in (wording.ca, wording.en) if text is not None)]
    return parts_of(key) is not None and all(parts_of(text) == parts_of(key) for text in texts)


def _in(language: Language, texts: Mapping[str, Wording]) -> Mapping[str, str]:
    wanted = {Language.ES: "es", Language.CA: "ca", Language.EN: "en"}[language]
    found = {key: getattr(wording, wanted) for key, wording in texts.items()}
    return {key: text for key, text in found.items() if text is not None}
