"""The holder file: which card this is, for whom, until when, and the passes that were bought with it.

     0  1  form of this file: 1 or 2               14  2  last day of the card
     1  1  lowest version of who may read it       16  1  flags: bit 0, nobody's in particular
     2  8  card id, drawn at random                17  2  form 2: first day of the category; 0: always
    10  1  issue: counts up with each replacement  19  5  room to grow
    11  1  rider category; 0: everybody            24  8  pass, three times: product, zones, first, last
    12  2  last day of the category; 0: for ever

Rules:
- Numbers are big-endian. Days count from 2020-01-01, in the town's time. A zone is a bit: zone 1 the lowest.
- The card id is not the card's number in the air and nobody's in the town's registers.
- What this version does not know is kept: a later form stays readable as long as its second byte says so.
- A terminal that knows form 1 alone would give a category before its first day, so form 2 says that it
  may not read it. `in_form` brings a file from one to the next; nothing of it changes its meaning.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Self

from card_reader.citizen_card.errors import CardDataError, CardVersionError
from card_reader.citizen_card.layout import HOLDER_BYTES

VERSION: Final = 2
"""The newest form that is understood here."""
FIRST_FORM: Final = 1
_WITH_CATEGORY_FROM: Final = 2
CARD_ID_BYTES: Final = 8
PASSES: Final = 3
EVERY_ZONE: Final = 0xFFFF
ZONE_MAX: Final = 16
DAY_MAX: Final = 0xFFFF
_FIRST_DAY: Final = date(2020, 1, 1)
_HEAD: Final = struct.Struct(">BB8sBBHHBH5s")
_PASS: Final = struct.Struct(">HHHH")
_NOBODYS: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A period pass: rides in its zones, from its first day to its last.

    Attributes:
        product: its number in the fares; 1 to 65535.
        zones: a bit for each zone.
        first_day: the first day that it is good for.
        last_day: the last one.
    """

    product: int
    zones: int
    first_day: int
    last_day: int

    def covers(self, zone: int, day: int) -> bool:
        """Tell whether it is good in a zone (1 to 16) on a day."""
        in_zone = 0 < zone <= ZONE_MAX and self.zones >> (zone - 1) & 1
        return bool(in_zone) and self.first_day <= day <= self.last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What stands in the file.

    Attributes:
        card_id: 8 bytes.
        issue: which replacement this card is; 0 the first.
        category: of the rider, as the fares have it; 0 everybody.
        category_until: the last day of the category; 0 for ever.
        valid_until: the last day of the card.
        is_nobodys: it belongs to whoever holds it.
        passes: at most three.
        form: of the file, as it was read.
        reader_min: the lowest version of who may read it.
        category_from: the first day of the category, from form 2 on; 0 for always.
        spare: what this version does not know, 5 bytes.
        flags: further bits that this version does not know.
    """

    card_id: bytes
    issue: int
    category: int
    category_until: int
    valid_until: int
    is_nobodys: bool
    passes: Sequence[Pass] = ()
    form: int = FIRST_FORM
    reader_min: int = FIRST_FORM
    category_from: int = 0
    spare: bytes = bytes(5)
    flags: int = 0

    @classmethod
    def from_bytes(cls, file: bytes, knows: int = VERSION) -> Self:
        """Read the file.

        Args:
            file: 48 bytes.
            knows: the newest form that the reader understands.

        Raises:
            CardVersionError: it is not for this version.
            CardDataError: it is nothing that the town writes.
        """
        if len(file) != HOLDER_BYTES or not file[0] or not file[1]:
            raise CardDataError(CardDataError.__doc__)
        if file[1] > knows:
            raise CardVersionError(CardVersionError.__doc__)
        form, reader_min, card_id, issue, category, until, valid, flags, first, spare = _HEAD.unpack_from(
            file
        )
        passes = [_PASS.unpack_from(file, _HEAD.size + _PASS.size * slot) for slot in range(PASSES)]
        bought = [Pass(product=p, zones=z, first_day=f, last_day=last) for p, z, f, last in passes if p]
        if any(each.first_day > each.last_day for each in bought):
            raise CardDataError(CardDataError.__doc__)
        return cls(
            card_id=card_id,
            issue=issue,
            category=category,
            category_until=until,
            valid_until=valid,
            is_nobodys=bool(flags & _NOBODYS),
            passes=tuple(bought),
            form=form,
            reader_min=reader_min,
            category_from=first,
            spare=spare,
            flags=flags & ~_NOBODYS,
        )

    def to_bytes(self) -> bytes:
        """The file.

        Raises:
            CardDataError: a number does not fit, or there are too many passes.
        """
        if len(self.passes) > PASSES or len(self.card_id) != CARD_ID_BYTES:
            raise CardDataError(CardDataError.__doc__)
        try:
            head = _HEAD.pack(
                self.form,
                self.reader_min,
                self.card_id,
                self.issue,
                self.category,
                self.category_until,
                self.valid_until,
                self.flags | self.is_nobodys,
                self.category_from,
                self.spare,
            )
            passes = [
                _PASS.pack(each.product, each.zones, each.first_day, each.last_day) for each in self.passes
            ]
        except struct.error:
            raise CardDataError(CardDataError.__doc__) from None
        return (head + b"".join(passes)).ljust(HOLDER_BYTES, b"\0")

    def category_on(self, day: int) -> int:
        """The rider's category on a day: before it begins and once it has ended, everybody's."""
        has_begun = self.form < _WITH_CATEGORY_FROM or day >= self.category_from
        return self.category if has_begun and (not self.category_until or day <= self.category_until) else 0

    def in_form(self, form: int) -> Self:
        """Return the file in a later form, with what that adds left at nothing; as it is where it has it.

        Args:
            form: 1 to `VERSION`.
        """
        if self.form >= form:
            return self
        return replace(self, form=form, reader_min=max(form, self.reader_min), category_from=0)


def day_of(moment: date) -> int:
    """Return the number of a day of the town's calendar."""
    return (moment - _FIRST_DAY).days


def date_of(day: int) -> date:
    """Return the day that a number stands for."""
    return date.fromordinal(_FIRST_DAY.toordinal() + day)
