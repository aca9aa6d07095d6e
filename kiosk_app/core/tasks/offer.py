"""What this kiosk offers, in the order of its home page.

Procedures and payments come between "follow" and the agenda once the hub offers them; what a kiosk has no
part for is not shown.
"""

from collections.abc import Sequence
from typing import Final

from kiosk_app.core.tasks.agenda import ReadAgenda
from kiosk_app.core.tasks.callback import CallBack
from kiosk_app.core.tasks.follow import Follow
from kiosk_app.core.tasks.lostcard import LostCard
from kiosk_app.core.tasks.mycard import MyCard
from kiosk_app.core.tasks.rate import Rate
from kiosk_app.core.tasks.report import Report
from kiosk_app.core.tasks.suggest import Suggest
from kiosk_app.core.tasks.task import AnyTask

TASKS: Final[Sequence[AnyTask]] = (
    Report(),
    Follow(),
    ReadAgenda(),
    Suggest(),
    CallBack(),
    Rate(),
)
WITH_CARDS: Final[Sequence[AnyTask]] = (*TASKS[:2], MyCard(), *TASKS[2:5], LostCard(), *TASKS[5:])
"""Of a kiosk that has a card reader."""
