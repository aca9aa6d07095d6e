"""Lies at the board's root as `main.py`: runs what `boot.py` chose, and starts the board again when it ends.

A technician who presses Ctrl-C on the cable gets the prompt; nothing else does.
"""

import machine


def begin() -> None:
    """Run the firmware of the slot; whatever ends it, the board starts again and the start counts."""
    try:
        from beacon_node.firmware.main import run

        run()
    except Exception as reason:
        _keep(type(reason).__name__)
    machine.reset()


def _keep(name: str) -> None:
    """Keep what ended it, if the flash takes it."""
    try:
        with open("/ended", "w") as file:
            file.write(name)
    except OSError:
        pass


if __name__ == "__main__":
    begin()
