"""A node's desired twin: settings that are taken on trial, and gone back from by the node itself.

    steady --offer--> trial --reached--> steady, with the new settings
                      trial --time is up--> fallback: the last good settings, on trial in their turn
                      fallback --reached--> steady, with the last good ones; the version is given up
                      fallback --time is up--> trial: the last good ones reach nobody either

    /twin     as `config` writes: how it stands, with both documents

*Reached* is a session that the hub confirmed on a connection dialled after the settings were put in force. A
document lies over what the node was set up with (`/config`): what it does not say is as set up.

Rules:
- Every change is on the flash before anything follows from it. A spoilt file is as none: as set up.
- Only a rising version is taken, and of one version only its first body.
- A version is given up only if the last good settings reach the hub where it did not.
- A trial outlives a power cut; at the fourth start within one it is over.

Not here: what settings mean (`config`), who hears and tells (`guidance`). The larger implementation, with the
reasons, is shared/protocol/twin.py.

Source: docs/PROTOCOL.md, section Twin, commands, bundles.
"""

import json

from beacon_node.firmware import config
from beacon_node.firmware import constants as c
from beacon_node.firmware.answers import MessageError

PATH = "/twin"
BYTES_MAX = 8192
DOC_BYTES_MAX = 3072
"""Two of them lie in the file."""
STEADY = "steady"
TRIAL = "trial"
FALLBACK = "fallback"
_DOUBLINGS_MAX = 8


class OlderError(MessageError):
    """It is not newer than what the node has; nothing was changed."""


class Twin:
    """What the hub wants, and how it stands.

    Args:
        path: where it is kept.
    """

    def __init__(self, path: str = PATH) -> None:
        self._path = path
        self._since_ms = 0
        self._stands = _read(path)
        try:
            self._started()
        except OSError:
            pass  # the flash takes no count; what lies there is in force

    # -- how it stands

    def in_force(self) -> dict:
        """Return the document in force."""
        settings = self._settings()
        return settings[1] if settings else {}

    def report(self) -> "dict | None":
        """Return where the settings stand, as the reported twin has it; None where there never were any."""
        stands, newest, settings = self._stands, self._newest(), self._settings()
        if newest is None:
            return None
        state, why = "reached", ""
        if stands["phase"] != STEADY:
            newest, state = stands["wanted"][0], "pending"
        elif newest in stands["bad"]:
            state, why = "reverted", stands["why"]
        return {"version": newest, "state": state, "in_force": settings[0] if settings else None, "why": why}

    # -- what happens

    def take(self, members: dict) -> bool:
        """Take what the hub wants; return whether other settings are to be put in force.

        Raises:
            OlderError: it is not newer.
            MessageError: it is malformed, or says what cannot be; then its version is given up.
            OSError: it cannot be stored; nothing was changed.
        """
        wanted = _desired([members.get("version"), members.get("doc"), members.get("confirm_s")])
        if wanted is None:
            raise MessageError("The message is forged or malformed; it had no effect.")
        version, stands, newest = wanted[0], self._stands, self._newest()
        known = (stands["good"], stands["wanted"])
        if version in stands["bad"] or version in [each[0] for each in known if each]:
            return False
        if newest is not None and version < newest:
            raise OlderError("It is not newer than what the node has; nothing was changed.")
        why = config.fault(wanted[1])
        if len(json.dumps(wanted[1]).encode()) > DOC_BYTES_MAX:
            why = "the settings of a node have at most 3,072 bytes; shorten the lists"
        if why:
            self._keep(self._given_up(version, why))
            raise MessageError(why)
        self._keep(_changed(stands, wanted=wanted, phase=TRIAL, starts=0, rounds=0, doubt=False))
        return True

    def put_in_force(self, now_ms: int) -> dict:
        """Begin the time of the present phase; return its document."""
        self._since_ms = now_ms
        return self.in_force()

    def reached(self) -> bool:
        """The hub was reached with what is in force; return whether other settings are to be put in force.

        Raises:
            OSError: it cannot be stored; call again later.
        """
        stands = self._stands
        if stands["phase"] == TRIAL:
            settled = {"good": stands["wanted"], "wanted": None, "phase": STEADY}
            self._keep(_changed(stands, starts=0, rounds=0, doubt=False, **settled))
            return False
        if stands["phase"] == FALLBACK and stands["doubt"]:
            self._keep(_changed(stands, phase=TRIAL, starts=0, rounds=0, doubt=False))
            return True
        if stands["phase"] == FALLBACK:
            self._keep(self._given_up(stands["wanted"][0], "the hub was not reached with it"))
        return False

    def look(self, now_ms: int) -> bool:
        """See whether a trial's time is up; return whether other settings are to be put in force.

        Raises:
            OSError: it cannot be stored; call again later.
        """
        stands = self._stands
        if stands["phase"] == STEADY:
            return False
        confirm_s = stands["wanted"][2]
        trial_s = min(confirm_s << min(stands["rounds"], _DOUBLINGS_MAX), max(confirm_s, c.TRIAL_S_MAX))
        if now_ms - self._since_ms < trial_s * 1000:
            return False
        self._keep(_time_is_up(stands))
        return True

    # -- within

    def _started(self) -> None:
        stands = self._stands
        if stands["phase"] == STEADY:
            return
        over = stands["starts"] >= c.TRIAL_STARTS_MAX
        self._keep(_time_is_up(stands) if over else _changed(stands, starts=stands["starts"] + 1))

    def _settings(self):
        return self._stands["wanted" if self._stands["phase"] == TRIAL else "good"]

    def _newest(self):
        stands = self._stands
        known = [each[0] for each in (stands["good"], stands["wanted"]) if each] + stands["bad"]
        return max(known) if known else None

    def _given_up(self, version: list, why: str) -> dict:
        bad = (self._stands["bad"] + [version])[-c.VERSIONS_REVERTED_MAX :]
        return _changed(self._stands, wanted=None, phase=STEADY, starts=0, rounds=0, bad=bad, why=why)

    def _keep(self, stands: dict) -> None:
        config.save(stands, self._path, BYTES_MAX)
        self._stands = stands


def _changed(stands: dict, **changes) -> dict:
    made = dict(stands)
    made.update(changes)
    return made


def _time_is_up(stands: dict) -> dict:
    if stands["phase"] == TRIAL:
        return _changed(stands, phase=FALLBACK, starts=0)
    return _changed(stands, phase=TRIAL, starts=0, rounds=stands["rounds"] + 1, doubt=True)


def _read(path: str) -> dict:
    stands = {"good": None, "wanted": None, "phase": STEADY, "starts": 0, "rounds": 0, "doubt": False}
    stands.update(bad=[], why="")
    found = config.read(path, BYTES_MAX) or {}
    sound = (
        all(
            type(found.get(name)) is type(stands[name])
            for name in ("starts", "rounds", "doubt", "bad", "why")
        )
        and all(each is None or _desired(each) for each in (found.get("good"), found.get("wanted")))
        and all(_is_version(each) for each in found["bad"])
        and found.get("phase") in (STEADY, TRIAL, FALLBACK)
        and (found.get("phase") == STEADY) == (found.get("wanted") is None)
    )
    return found if sound else stands


def _desired(said) -> "list | None":
    """Return version, document and length of the trial, if they are that."""
    if type(said) is not list or [type(each) for each in said] != [list, dict, int]:
        return None
    return said if _is_version(said[0]) and 1 <= said[2] <= c.CONFIRM_S_MAX else None


def _is_version(said) -> bool:
    return type(said) is list and [type(each) for each in said] == [int, int] and min(said) >= 0
