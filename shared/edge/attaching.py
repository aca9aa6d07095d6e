"""Attaching: the photographs of an event are durable before the event counts.

A photograph is made fit to leave (`shared.adapters.photographs`), sealed and stored; the event's data then
names it with its key, and its line names what travels. Where a photograph cannot be kept the event is refused
before it begins; where the event is not taken after all, its bodies are forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Final

from shared.adapters.attachment_store import AttachmentStore
from shared.edge.event_lines import Submission
from shared.edge.happenings import Happening
from shared.model.attachment import Attachment
from shared.model.errors import DeviceError, VentanillaError

JPEG: Final = "image/jpeg"


class NoPhotographsError(DeviceError):
    """This device lacks what reads photographs; install `ventanilla[device]` on it."""


@dataclass(frozen=True, slots=True)
class Attaching:
    """Keeps what goes with events.

    Attributes:
        store: where bodies lie.
    """

    store: AttachmentStore

    def attach(self, submission: Submission) -> Submission:
        """Store an event's photographs, and return the event that names them.

        Raises:
            InputError: a file is no photograph that can be taken.
            CapacityError: there is no room for it.
            DeviceError: the disk failed.
        """
        if not submission.photographs:
            return submission
        happening = submission.happening
        try:
            kept = self._keep(happening.event_id, submission.photographs)
        except VentanillaError:
            self.store.discard(happening.event_id)
            raise
        data = {**happening.data, "attachments": [one.to_data() for one in kept]}
        return replace(submission, happening=replace(happening, data=data))

    def discard(self, happening: Happening) -> None:
        """Forget the bodies of an event that was not taken."""
        if happening.envelopes:
            self.store.discard(happening.event_id)

    def _keep(self, event_id: str, paths: Sequence[Path]) -> Sequence[Attachment]:
        # Only who takes photographs needs what reads them: a terminal goes without.
        try:
            from shared.adapters.photographs import take_photograph  # noqa: PLC0415  see above
        except ImportError:
            raise NoPhotographsError(NoPhotographsError.__doc__) from None
        kept: list[Attachment] = []
        for path in paths:
            jpeg = take_photograph(path).jpeg
            kept.append(self.store.put(event_id, JPEG, BytesIO(jpeg), len(jpeg)))
        return kept
