"""What this phone has shown: so that nothing is shown twice, and not too much in an hour or a day.

Rules:
- A notice is remembered by a keyed hash of its id and version: the file alone tells nobody what was read.
- It is forgotten a day after the notice itself ends, and at once with the person's word.
- A clock that went back uncaps nothing: what was shown "in the future" counts, as long as it is within a day.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Self

from shared.model import fields
from shared.model.beacon_notices import BeaconNotice
from shared.model.errors import InputError

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
SHOWN_MAX: Final = 2_000
"""Notices that are remembered; of more, those that end first are forgotten."""
KEY_BYTES: Final = 32
_ANSWERS_MAX: Final = 1_000
"""Answers that are kept, a list of notices each, so that a hash is made once of each notice."""
_MARK_BYTES: Final = 12
_MARK_LENGTH_MAX: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    shown_ms: int
    forget_ms: int


class History:
    """What was shown.

    Args:
        key: 32 random bytes of this phone.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._shown: dict[bytes, _Shown] = {}
        self._answers: dict[int, tuple[Sequence[BeaconNotice], Sequence[bool]]] = {}

    def has(self, notice_id: str, version: int) -> bool:
        """Tell whether this version of a notice was shown."""
        return bool(self._shown) and self._mark(notice_id, version) in self._shown

    def has_each(self, notices: Sequence[BeaconNotice]) -> Sequence[bool]:
        """Tell of each notice whether it was shown; kept until one more is shown."""
        kept = self._answers.get(id(notices))
        if kept is not None and kept[0] is notices:
            return kept[1]
        if len(self._answers) >= _ANSWERS_MAX:
            self._answers.clear()
        told = [self.has(one.id, one.version) for one in notices]
        self._answers[id(notices)] = (notices, told)
        return told

    def within(self, now_ms: int, *spans_ms: int) -> Sequence[int]:
        """Count, for each span, what was shown less than so long before, or after, an instant."""
        apart_ms = [abs(now_ms - one.shown_ms) for one in self._shown.values()]
        return [sum([one < span_ms for one in apart_ms]) for span_ms in spans_ms]

    def note(self, notice_id: str, version: int, until_ms: int, now_ms: int) -> None:
        """Remember that a notice was shown."""
        self._answers.clear()
        self._shown[self._mark(notice_id, version)] = _Shown(
            shown_ms=now_ms, forget_ms=max(until_ms, now_ms) + DAY_MS
        )
        if len(self._shown) > SHOWN_MAX:
            del self._shown[min(self._shown, key=lambda mark: self._shown[mark].forget_ms)]

    def forget_old(self, now_ms: int) -> None:
        """Forget what can neither be shown again nor count any more."""
        self._answers.clear()
        self._shown = {mark: one for mark, one in self._shown.items() if one.forget_ms > now_ms}

    def __len__(self) -> int:
        return len(self._shown)

    def to_data(self) -> dict[str, object]:
        """As the phone keeps it."""
        return {
            "key": _text(self._key),
            "shown": [
                {"mark": _text(mark), "shown_ms": one.shown_ms, "forget_ms": one.forget_ms}
                for mark, one in self._shown.items()
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        """Reads the phone's file.

        Raises:
            InputError: it is damaged.
        """
        history = cls(_raw(fields.text(data, "key", 2 * KEY_BYTES), KEY_BYTES))
        history._shown = dict(fields.each(data, "shown", SHOWN_MAX, _entry))
        return history

    @classmethod
    def of(cls, key: bytes, shown: Iterable[Mapping[str, Any]]) -> Self:
        """A history of notices by `id`, `version`, `until_ms` and `shown_ms`, as the vectors list them."""
        history = cls(key)
        for one in shown:
            history.note(one["id"], one["version"], one["until_ms"], one["shown_ms"])
        return history

    def _mark(self, notice_id: str, version: int) -> bytes:
        return blake2b(f"{version}|{notice_id}".encode(), key=self._key, digest_size=_MARK_BYTES).digest()


def _entry(data: Mapping[str, object]) -> tuple[bytes, _Shown]:
    mark = _raw(fields.text(data, "mark", _MARK_LENGTH_MAX), _MARK_BYTES)
    times = (fields.whole(data, name, 0, fields.INTEGER_MAX) for name in ("shown_ms", "forget_ms"))
    shown_ms, forget_ms = times
    return mark, _Shown(shown_ms=shown_ms, forget_ms=forget_ms)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(written: str, length: int) -> bytes:
    try:
        raw = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except ValueError:
        raw = b""
    if len(raw) != length:
        raise InputError("The phone's history is damaged; `ventanilla receiver forget` begins a new one.")
    return raw
