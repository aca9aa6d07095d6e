import pytest

from hub.core.reference.faults import HEALTHY, USUAL, Fault, Faults, Mode, Takes


def fault(*, count: int | None = None, for_s: float | None = None, reads_too: bool = False) -> Fault:
    return Fault(mode=Mode.REFUSE, takes=Takes.NEVER, count=count, for_s=for_s, reads_too=reads_too)


def test_every_mode_says_when_it_takes_effect() -> None:
    assert set(USUAL) == set(Mode)


def test_core_without_an_order_is_healthy() -> None:
    assert Faults().meet(reads=False, now_s=0.0) is HEALTHY


def test_order_stands_until_the_next() -> None:
    faults = Faults()
    faults.order(fault(), 0.0)
    assert all(faults.meet(reads=False, now_s=1e9).mode is Mode.REFUSE for _ in range(3))
    faults.order(HEALTHY, 0.0)
    assert faults.meet(reads=False, now_s=1e9) is HEALTHY


def test_order_with_a_count_meets_that_many_requests() -> None:
    faults = Faults()
    faults.order(fault(count=2), 0.0)
    met = [faults.meet(reads=False, now_s=0.0).mode for _ in range(4)]
    assert met == [Mode.REFUSE, Mode.REFUSE, Mode.OK, Mode.OK]


@pytest.mark.parametrize(("now_s", "mode"), [(14.9, Mode.REFUSE), (15.0, Mode.OK)])
def test_order_with_an_end_lapses(now_s: float, mode: Mode) -> None:
    faults = Faults()
    faults.order(fault(for_s=5.0), 10.0)
    assert faults.meet(reads=False, now_s=now_s).mode is mode


def test_reads_are_spared_and_not_counted_unless_the_order_says_so() -> None:
    faults = Faults()
    faults.order(fault(count=1), 0.0)
    assert faults.meet(reads=True, now_s=0.0) is HEALTHY
    assert faults.meet(reads=False, now_s=0.0).mode is Mode.REFUSE
    faults.order(fault(reads_too=True), 0.0)
    assert faults.meet(reads=True, now_s=0.0).mode is Mode.REFUSE
