"""An ESP32-S3's boot ROM on a pseudo-terminal: what the real esptool speaks to.

Source: Espressif, "Serial protocol" (esptool documentation): SLIP packets, commands of the ROM loader.
"""

import hashlib
import os
import struct
import threading
import tty
import zlib
from typing import Final

MAC: Final = bytes.fromhex("34851811beef")
CHIP_ID: Final = 9
_MEGABYTE: Final = 1 << 20
_SECTOR: Final = 4096
_EFUSE_MAC: Final = 0x60007044
_SPI: Final = 0x60002000
_SPI_W0: Final = _SPI + 0x58
_WRONG_SUM: Final = b"\1\7\0\0"
_NOT_KNOWN: Final = b"\1\5\0\0"
_SUM_SEED: Final = 0xEF


class BootRom:
    """A chip that waits for a program in its ROM.

    Args:
        flash_mb: the size that its flash tells.
        flips_block: this block is written with one bit turned, as a worn flash does it.
        gone_at_block: the cable is pulled as this block arrives.
    """

    def __init__(
        self, *, flash_mb: int = 8, flips_block: int | None = None, gone_at_block: int | None = None
    ) -> None:
        self.flash = bytearray(b"\xff" * (flash_mb * _MEGABYTE))
        self.blocks = 0
        self._flips, self._gone = flips_block, gone_at_block
        self._size_code = (flash_mb * _MEGABYTE).bit_length() - 1
        self._registers = {
            _EFUSE_MAC: int.from_bytes(MAC[2:], "big"),
            _EFUSE_MAC + 4: int.from_bytes(MAC[:2], "big"),
        }
        self._at = 0
        self._unpacker = zlib.decompressobj()
        self._packed = False
        self._line, self._far = os.openpty()
        tty.setraw(self._far)
        self.port = os.ttyname(self._far)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pull the cable, if nobody did."""
        self._unplug()
        self._thread.join(5)
        if self._line >= 0:
            os.close(self._line)
            self._line = -1

    def _unplug(self) -> None:
        if self._far >= 0:
            os.close(self._far)
            self._far = -1

    def _serve(self) -> None:
        packet = bytearray()
        while True:
            try:
                heard = os.read(self._line, 4096)
            except OSError:
                return
            for octet in heard:
                if octet != 0xC0:
                    packet.append(octet)
                    continue
                whole = bytes(packet).replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
                packet.clear()
                if len(whole) >= 8 and whole[0] == 0 and not self._obey(whole):
                    os.close(self._line)
                    self._line = -1
                    return

    def _obey(self, packet: bytes) -> bool:
        """Do one command; False where the cable was pulled."""
        _, command, _, checksum = struct.unpack("<BBHI", packet[:8])
        body = packet[8:]
        match command:
            case 0x08:  # SYNC
                for _ in range(8):
                    self._answer(command, 0x20120707)
            case 0x0A:  # READ_REG
                self._answer(command, self._register(struct.unpack("<I", body[:4])[0]))
            case 0x09:  # WRITE_REG
                address, value = struct.unpack("<II", body[:8])
                self._registers[address] = value
                self._answer(command)
            case 0x14:  # GET_SECURITY_INFO
                self._answer(command, 0, struct.pack("<IB7BII", 0, 0, *([0] * 7), CHIP_ID, 0))
            case 0x02 | 0x10:  # FLASH_BEGIN, FLASH_DEFL_BEGIN
                size, _, _, self._at = struct.unpack("<IIII", body[:16])
                end = (self._at + size + _SECTOR - 1) & ~(_SECTOR - 1)
                self.flash[self._at : end] = b"\xff" * (end - self._at)
                self._packed, self._unpacker = command == 0x10, zlib.decompressobj()
                self._answer(command)
            case 0x03 | 0x11:  # FLASH_DATA, FLASH_DEFL_DATA
                return self._write(command, checksum, body)
            case 0x13:  # SPI_FLASH_MD5
                at, size = struct.unpack("<II", body[:8])
                digest = hashlib.md5(self.flash[at : at + size], usedforsecurity=False).hexdigest()
                self._answer(command, 0, digest.encode())
            case 0x04 | 0x12 | 0x0B | 0x0D | 0x0F:  # FLASH_END, SPI_SET_PARAMS, SPI_ATTACH, CHANGE_BAUDRATE
                self._answer(command)
            case _:
                self._answer(command, status=_NOT_KNOWN)
        return True

    def _write(self, command: int, checksum: int, body: bytes) -> bool:
        size, block = struct.unpack("<II", body[:8])
        content = body[16 : 16 + size]
        told = _SUM_SEED
        for octet in content:
            told ^= octet
        if told != checksum:
            self._answer(command, status=_WRONG_SUM)
            return True
        if block == self._gone:
            return False
        if self._packed:
            content = self._unpacker.decompress(content)
        if block == self._flips and content:
            content = bytes((content[0] ^ 1,)) + content[1:]
        self.flash[self._at : self._at + len(content)] = content
        self._at += len(content)
        self.blocks += 1
        self._answer(command)
        return True

    def _register(self, address: int) -> int:
        if address == _SPI:  # the command has run
            return 0
        if address == _SPI_W0:  # what the flash says of itself
            return self._size_code << 16 | 0x4020
        return self._registers.get(address, 0)

    def _answer(self, command: int, value: int = 0, body: bytes = b"", status: bytes = b"\0\0\0\0") -> None:
        whole = struct.pack("<BBHI", 1, command, len(body) + len(status), value) + body + status
        escaped = whole.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        os.write(self._line, b"\xc0" + escaped + b"\xc0")
