"""The kiosk's real screen and its real owner: two citizens as quick as they can press; the hub has both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.protocol.receipts import judge
from tests.support.kiosk_process import KioskProcess
from tests.support.kiosk_secrets import KioskAtHub
from tests.support.polling import eventually


@pytest.fixture
def street(tmp_path: Path) -> Iterator[KioskAtHub]:
    made = KioskAtHub(tmp_path)
    made.kiosk = KioskProcess(made.town.home, has_screen=True, patience_s=240)
    yield made
    made.close()


@pytest.mark.timeout(600)
def test_quick_citizens_at_the_real_screen_take_their_receipts_home_and_the_hub_has_both(
    street: KioskAtHub,
) -> None:
    kiosk = street.kiosk
    receipts = [kiosk.serve(words, phone="600123456")["qr"] for words in ("Parpadea", "No luce")]
    judged = [judge(qr, street.town.keys().by_id()).receipt for qr in receipts]
    taken = [(one.epoch, one.seq) for one in judged if one is not None]
    assert len(taken) == 2
    eventually(lambda: sorted(street.places()) == sorted(taken), timeout_s=60, what=f"{taken} at the hub")
    screen = kiosk.status()["screen"]
    assert (screen["replaced"], screen["failed"]) == (2, 0), kiosk.log_text()[-4000:]
