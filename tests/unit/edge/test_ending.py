"""A process that is told to end hears it, whichever of its threads the signal or the word came to."""

import os
import select
import signal
import threading
from pathlib import Path

import pytest

from shared.edge.ending import START_AGAIN, until_told
from tests.support.polling import eventually

PATIENCE_S = 20.0


class AsleepMain:
    """Sees whether the main thread sleeps, and has not run since the look before."""

    def __init__(self) -> None:
        self._status = Path(f"/proc/self/task/{threading.main_thread().native_id}/status")
        self._before = ""

    def sleeps(self) -> bool:
        now = "".join(
            line
            for line in self._status.read_text().splitlines()
            if line.startswith(("State", "voluntary_ctxt", "nonvoluntary_ctxt"))
        )
        before, self._before = self._before, now
        return now == before and "S (sleeping)" in now


def take_signal_when_main_sleeps(number: signal.Signals) -> None:
    """Take a signal on this thread, as the kernel decides where the main thread cannot take it just then."""
    eventually(AsleepMain().sleeps, timeout_s=PATIENCE_S, what="the main thread asleep")
    signal.pthread_kill(threading.get_ident(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_that_comes_to_another_thread_wakes_the_sleeping_main_thread(number: signal.Signals) -> None:
    with until_told() as ending:
        thread = threading.Thread(target=take_signal_when_main_sleeps, args=(number,))
        thread.start()
        assert select.select([ending.told], [], [], PATIENCE_S)[0]
        thread.join()
        assert not ending.status


def test_signal_to_the_process_is_heard_and_asks_for_no_start() -> None:
    with until_told() as ending:
        os.kill(os.getpid(), signal.SIGTERM)
        assert select.select([ending.told], [], [], PATIENCE_S)[0]
        assert not ending.status


def test_device_that_asks_to_be_started_again_ends_with_the_status_that_says_so() -> None:
    with until_told() as ending:
        assert not select.select([ending.told], [], [], 0)[0]
        thread = threading.Thread(target=ending.start_again)
        thread.start()
        assert select.select([ending.told], [], [], PATIENCE_S)[0]
        thread.join()
        assert ending.status == START_AGAIN


def test_start_that_is_asked_for_after_the_end_does_nothing() -> None:
    with until_told() as ending:
        pass
    reading, writing = os.pipe2(os.O_NONBLOCK)  # these take the descriptors that it had
    try:
        ending.start_again()
        assert not ending.status
        assert not select.select([reading], [], [], 0)[0]
    finally:
        os.close(reading)
        os.close(writing)


def test_end_that_is_asked_for_a_hundred_thousand_times_is_one_end() -> None:
    with until_told() as ending:
        for _ in range(100_000):
            ending.start_again()
        assert ending.status == START_AGAIN


def test_signals_go_where_they_went_before_once_nobody_waits() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    outer = os.pipe2(os.O_NONBLOCK)
    earlier = signal.set_wakeup_fd(outer[1])
    try:
        with until_told():
            assert signal.getsignal(signal.SIGTERM) != before[0]
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        assert signal.set_wakeup_fd(earlier) == outer[1]
    finally:
        signal.set_wakeup_fd(earlier)
        for end in outer:
            os.close(end)
