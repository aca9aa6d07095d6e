"""A device's outbox in memory, the simulator's, and a hand that fills it: for tests of what is sent next."""

from shared.model.event import Stream
from shared.protocol.acknowledgement import StreamAck
from shared.protocol.sender import EpochView, Run
from tests.simulation.disk import Disk

DEVICE = "kiosk-7"


class SmallOutbox(Disk):
    """A disk that also notes how often a watermark was set, and how many bytes were asked for."""

    def __init__(self) -> None:
        super().__init__(DEVICE)
        self.acknowledged = 0
        self.asked_bytes: list[int] = []
        self._names = iter(f"{n:08x}" for n in range(1, 2**32))

    def append(self, count: int = 1, stream: Stream = Stream.PAYMENTS, *, size: int = 0) -> EpochView:
        """Append durable lines to the open epoch, which is opened where there is none."""
        for _ in range(count):
            _, seq = self.slot(stream, next(self._names))
            pad = b',"pad":"%s"' % (b"x" * size) if size else b""
            raw = b'{"seq":%d,"id":"%s-%d"%s}' % (seq, stream.encode(), seq, pad)
            self.sync(stream, self.write(stream, raw, seq, None, ""))
        return self.view(stream)

    def restart(self) -> None:
        """The owner's process starts again: the next line opens an epoch of its own."""
        self.start()

    def view(self, stream: Stream = Stream.PAYMENTS, index: int = -1) -> EpochView:
        return self.epochs(stream)[index]

    def read(self, stream: Stream, epoch: str, first: int, lines_max: int, bytes_max: int) -> Run:
        self.asked_bytes.append(bytes_max)
        return super().read(stream, epoch, first, lines_max, bytes_max)

    def acknowledge(self, stream: Stream, epoch: str, acked: int, now_ms: int) -> None:
        self.acknowledged += 1
        super().acknowledge(stream, epoch, acked, now_ms)

    def ack(
        self, acked: int, stream: Stream = Stream.PAYMENTS, *, index: int = -1, credit: int = 800
    ) -> dict[Stream, StreamAck]:
        """What a hub says that holds this outbox up to a number of one epoch."""
        view = self.view(stream, index)
        head = self.chain_at(stream, view.epoch, acked)
        return {stream: StreamAck(epoch=view.epoch, acked=acked, head=head, credit=credit)}
