import pytest

from shared.edge.hub_state import HEED_EVERY_MS, HubHint
from shared.model.errors import InputError


def test_hint_is_heeded_no_more_often_than_births_go_out() -> None:
    hint = HubHint()
    assert not hint.heed(0)
    hint.hear(b'{"v":1,"on":true,"incarnation":12,"time_ms":1}\n')
    assert hint.on
    assert hint.heed(0)
    assert not hint.heed(HEED_EVERY_MS - 1)
    assert hint.heed(HEED_EVERY_MS)
    hint.hear(b'{"v":1,"on":false}')
    assert not hint.heed(9 * HEED_EVERY_MS)


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"on":1}', b"\xff"])
def test_hint_that_is_none_changes_nothing(payload: bytes) -> None:
    hint = HubHint(on=True)
    with pytest.raises(InputError):
        hint.hear(payload)
    assert hint.on
