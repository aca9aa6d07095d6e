"""Real firmware in a real MicroPython, on the virtual air, heard by the phone and by a technician."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from beacon_node.receiver.bundles import Bundles
from beacon_node.receiver.core.heard import Heard
from beacon_node.receiver.core.matching import Reason
from beacon_node.receiver.core.person import Person
from beacon_node.receiver.phone import Phone
from beacon_node.receiver.pocket import Pocket
from beacon_node.receiver.radio import scanner
from beacon_node.receiver.show import TerminalNotifier
from beacon_node.survey.surveying import Standing, Survey
from shared.model.beacon_notices import BeaconNotice
from shared.model.instants import to_rfc3339
from shared.model.wording import Language
from tests.support.aired import LIMIT_S, air_key_of, aired, keys_of, listen_until, now_s
from tests.support.phone import HOUR_MS, beacon_notices, notice
from tests.support.town_bundles import SigningTown

PLACE = "biblio-3"
VENTANILLA = Path(sys.executable).with_name("ventanilla")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def today(notice_id: str, **changed: object) -> BeaconNotice:
    around = {"from": to_rfc3339(now_ms() - HOUR_MS), "until": to_rfc3339(now_ms() + HOUR_MS)}
    return notice(notice_id, **{**around, **changed})


def phone_in(folder: Path) -> tuple[Pocket, Person]:
    """A phone whose person likes music, has no quiet hours and reads Catalan, with its district fetched."""
    town, pocket = SigningTown(), Pocket(folder)
    pocket.keep_town(town.known_as())
    bundles = Bundles(folder, pocket.town())
    expires_ms = now_ms() + 24 * HOUR_MS
    said = beacon_notices(
        [
            today("concert", interests=["musica"], places=[PLACE]),
            today("partit", interests=["deporte"]),
            today("lluny", interests=["musica"], places=["parada-12"]),
            today("tothom"),
        ]
    )
    bundles.take("keys", town.keys(keys_of(PLACE, "parada-12"), expires_ms=expires_ms), now_ms())
    bundles.take("notices", town.notices(said, expires_ms=expires_ms), now_ms())
    person = Person(
        consent_ms=now_ms(),
        language=Language.CA,
        interests=frozenset({"musica"}),
        quiet=None,
        unproven_shown=False,
    )
    pocket.keep_person(person)
    return pocket, person


@pytest.mark.parametrize("loss", [0.0, 0.6])
def test_phone_that_passes_a_node_is_shown_exactly_what_its_person_cares_about(
    tmp_path: Path, loss: float
) -> None:
    async def walk() -> None:
        folder = tmp_path / "phone"
        phone_in(folder)
        async with aired(tmp_path, loss) as (where, put):
            put(PLACE, unix_s=now_s())
            words = (VENTANILLA, "receiver", "listen", "--folder", folder, "--air", where)
            listening = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
            assert listening.stdout is not None
            shown = ""
            async with asyncio.timeout(LIMIT_S):
                while not ("Títol concert" in shown and "Títol tothom" in shown):
                    shown += (await listening.stdout.readline()).decode()
            listening.terminate()
            shown += (await listening.stdout.read()).decode()
            await listening.wait()
        assert shown.count("Títol concert") == shown.count("Títol tothom") == 1
        assert "partit" not in shown
        assert "lluny" not in shown
        assert "Lloc biblio-3" in shown
        told = Pocket(folder).decisions(now_ms())
        assert (PLACE, Reason.SHOW) in {(one.place, one.reason) for one in told}

    asyncio.run(walk())


def test_node_without_the_time_a_recording_and_a_stranger_show_nothing(tmp_path: Path) -> None:
    async def walk() -> None:
        pocket, person = phone_in(tmp_path / "phone")
        known = Bundles(pocket.folder, pocket.town()).district()
        phone = Phone(pocket, person, known, TerminalNotifier(sys.stdout), now_ms())
        reasons: set[Reason] = set()

        def hear(heard: Heard) -> None:
            decision = phone.hear(heard, now_ms())
            if decision is not None:
                reasons.add(decision.reason)

        async with aired(tmp_path) as (where, put):
            put(PLACE, unix_s=None)  # a lasting identity, which this person does not want
            put(PLACE, unix_s=now_s() - 3 * 3600)  # what was recorded three hours ago
            put("elsewhere", unix_s=now_s())  # another town's
            await listen_until(scanner(where), hear, lambda: {Reason.UNPROVEN, Reason.FOREIGN} <= reasons)
        assert Reason.SHOW not in reasons

    asyncio.run(walk())


def test_survey_tells_the_node_from_its_copy_a_recording_and_a_stranger(tmp_path: Path) -> None:
    async def look() -> None:
        made = Survey(keys_of(PLACE, "parada-12"))
        wanted = {
            (PLACE, Standing.COPIED),
            ("parada-12", Standing.REPLAYED),
        }

        def told() -> set[tuple[str, Standing]]:
            return {(row.name, row.standing) for row in made.rows(now_ms())}

        async with aired(tmp_path) as (where, put):
            put(PLACE, unix_s=now_s())
            put(PLACE, unix_s=now_s())
            put("parada-12", unix_s=now_s() - 3 * 3600)
            put("elsewhere", unix_s=now_s())
            await listen_until(
                scanner(where),
                lambda heard: made.hear(heard, now_ms()),
                lambda: wanted <= told() and any(standing is Standing.FOREIGN for _, standing in told()),
            )
        assert (PLACE, Standing.COPIED) in told()

    asyncio.run(look())


def test_sealed_telemetry_of_a_node_is_opened_by_who_has_its_air_key(tmp_path: Path) -> None:
    async def look() -> None:
        made = Survey(keys_of(PLACE), {PLACE: air_key_of(PLACE)})
        blind = Survey(keys_of(PLACE))

        def hear(heard: Heard) -> None:
            made.hear(heard, now_ms())
            blind.hear(heard, now_ms())

        def opened() -> bool:
            return any(row.standing is Standing.OURS and row.telemetry for row in made.rows(now_ms()))

        async with aired(tmp_path) as (where, put):
            put(PLACE, unix_s=now_s())
            await listen_until(scanner(where), hear, opened)
        (ours,) = [row for row in made.rows(now_ms()) if row.standing is Standing.OURS]
        assert ours.telemetry is not None
        assert 0 < ours.telemetry.uptime_s < LIMIT_S
        assert not ours.sealed
        assert all(row.sealed for row in blind.rows(now_ms()) if row.standing is Standing.OURS)

    asyncio.run(look())


def test_technicians_command_writes_table_lines_and_picture_and_says_what_is_false(tmp_path: Path) -> None:
    async def look() -> None:
        folder = tmp_path / "phone"
        phone_in(folder)
        lines, picture = tmp_path / "here.csv", tmp_path / "here.svg"
        async with aired(tmp_path) as (where, put):
            put("parada-12", unix_s=now_s() - 3 * 3600)
            options = ("--folder", folder, "--air", where, "--csv", lines, "--picture", picture)
            for seconds in ("3", "10", "60"):  # a slow machine takes longer
                words = (VENTANILLA, "beacon", "survey", *options, "--seconds", seconds)
                surveying = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
                out, _ = await surveying.communicate()
                if surveying.returncode == 6:
                    break
        assert surveying.returncode == 6
        assert "! replayed" in out.decode()
        assert "parada-12,replayed" in lines.read_text()
        assert "parada-12" in picture.read_text()

    asyncio.run(look())
