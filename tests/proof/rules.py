"""Each rule of the failure table taken out once, alone: a quick test and one with real processes go red.

A rule is taken out of a copy of the tree by an exact edit, never of the tree itself. A test that stays green
without its rule shows nothing, and neither does an edit that no longer fits.
"""

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.proof.plan import end_with_all

ROOT: Final = Path(__file__).parents[2]
TEST_FAILED: Final = 1
"""How pytest ends where a test went red, and not the collection or pytest itself."""
PATIENCE_S: Final = 600
JOBS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, how it is taken out, and who must notice.

    Attributes:
        row: of the failure table, by its first words.
        words: the rule.
        file: where it stands.
        old: its text, once in the file.
        new: what is written instead.
        quick: a test without processes, by its name.
        process: a test with real processes.
    """

    row: str
    words: str
    file: str
    old: str
    new: str
    quick: str
    process: str


RULES: Final = (
    Rule(
        row="the hub restored from a backup",
        words="the newest acknowledgement is authoritative, also where it says less",
        file="shared/protocol/sender.py",
        old="            view.acked != ack.acked\n",
        new="            view.acked < ack.acked\n",
        quick="test_word_below_the_watermark_means_send_again_from_there",
        process="test_device_whose_clock_is_years_ahead_lets_nothing_go_before_it_has_heard_the_hub",
    ),
    Rule(
        row="the hub's disk lost",
        words="a commit is in the second copy before anybody hears of it",
        file="hub/db/writer.py",
        old="            if self._after_commit is not None:\n                self._after_commit()\n"
        "        for job in running:\n            job.settle(failure)",
        new="        for job in running:\n            job.settle(failure)",
        quick="test_commit_is_in_the_copy_when_it_is_told",
        process="test_writer_killed_in_the_middle_has_every_commit_that_it_told_in_its_copy",
    ),
    Rule(
        row="power cut at any byte of an append",
        words="a promised append is synced before it is told",
        file="shared/adapters/outbox/disk.py",
        old='_FULL: Final = "PRAGMA synchronous=FULL"',
        new='_FULL: Final = "PRAGMA synchronous=OFF"',
        quick="test_sync_fails_and_the_outbox_is_broken_until_its_owner_restarts",
        process="test_outbox_after_a_power_cut_has_all_that_was_told_and_gives_no_number_twice",
    ),
    Rule(
        row="a device's disk lost",
        words="an epoch that is no longer listed and was not complete is a loss record",
        file="shared/protocol/delivery.py",
        old="            sink.lose(here, here.held + 1, here.heard, LossReason.GONE, possibly_more=True)",
        new="            pass",
        quick="test_disk_that_is_empty_closes_everything_once",
        process="test_device_whose_disk_is_lost_is_recorded_as_far_as_the_hub_had_heard",
    ),
    Rule(
        row="a disk image rolled back",
        words="a last number below the watermark fences",
        file="shared/protocol/delivery.py",
        old="        sink.fence(here, LossReason.ROLLED_BACK)",
        new="        pass",
        quick="test_last_below_the_watermark_is_a_roll_back_with_fence_and_loss",
        process="test_clone_that_runs_beside_its_original_loses_nothing_and_doubles_nothing",
    ),
    Rule(
        row="a flipped bit, vanished rows",
        words="a line proves itself by its chain before it is sent",
        file="shared/adapters/outbox/reading.py",
        old="        return link(self.prev, self.line) == self.chain and self.line",
        new="        return self.line",
        quick="test_flipped_bit_in_a_line_is_a_gap_and_the_rest_goes_on",
        process="test_flipped_bit_on_a_device_is_a_loss_record_and_the_rest_arrives",
    ),
    Rule(
        row="a lane full, a disk full",
        words="the ballast is given up for acknowledgements",
        file="shared/adapters/outbox/room.py",
        old="            self._ballast.drop()",
        new="            pass",
        quick="test_disk_full_still_takes_every_acknowledgement_and_opens_again",
        process="test_outbox_killed_on_a_full_ext4_opens_after_the_next_mount_and_acknowledges",
    ),
    Rule(
        row="the hub's disk full",
        words="a database that cannot be written is told until something was written again",
        file="hub/db/writer.py",
        old="        self.failing = str(trouble)",
        new="        pass",
        quick="test_writer_that_cannot_write_says_so_until_it_has_written_again",
        process="test_hub_on_a_full_disk_acknowledges_nothing_says_so_and_goes_on_by_itself",
    ),
    Rule(
        row="an event that is poison",
        words="an id that comes again with another body is set aside, and the first one counts",
        file="hub/ingest/intake.py",
        old='            self._quarantine(epoch, line, "another event has this id")\n',
        new="",
        quick="test_same_id_with_another_body_is_set_aside_and_told",
        process="test_poison_of_a_device_is_set_aside_and_the_rest_goes_on",
    ),
    Rule(
        row="a forged, replayed or reordered frame",
        words="a message counts only under its device's MAC",
        file="shared/protocol/mac.py",
        old="    if key is None or not hmac.compare_digest(line[_KEY_ID_END + 1 :], _tag(key, topic, body)):",
        new="    if key is None:",
        quick="test_message_that_is_forged_has_no_effect_and_no_answer",
        process="test_hostile_broker_loses_doubles_and_forges_nothing",
    ),
    Rule(
        row="a device's clock wrong by years",
        words="a clock that strayed since it agreed with the hub's vouches for nothing",
        file="shared/edge/device_time.py",
        old="        if strayed_ms <= limits.CLOCK_AGREE_MS:",
        new="        if strayed_ms >= 0:",
        quick="test_clock_that_was_set_since_it_agreed_is_not_vouched_for",
        process="test_device_whose_clock_jumps_by_years_is_heard_in_order_and_dated_by_the_hub",
    ),
    Rule(
        row="the core down for days",
        words="an attempt is counted before its request leaves",
        file="hub/forwarder/loop.py",
        old="            repository.mark_attempts([effect.id for effect in effects], now_ms)\n",
        new="",
        quick="test_attempt_is_in_the_database_before_the_request_leaves",
        process="test_forwarder_killed_in_the_middle_of_requests_leaves_one_effect_each",
    ),
    Rule(
        row="the network cut, for a day",
        words="a broker that does not confirm what it was sent is left",
        file="shared/adapters/mqtt_link.py",
        old="            if (now - max(sent_at, resumed_at)) * 1000 > self._settings.puback_timeout_ms:",
        new="            if now < sent_at:",
        quick="test_puback_swallowed_link_leaves_in_bounded_time_and_dials_again",
        process="test_wire_that_is_cut_costs_time_alone",
    ),
    Rule(
        row="a device or the hub killed while link keys change",
        words="new link keys are durable on the device before the hub hears of them",
        file="shared/adapters/device_keys.py",
        old="        write_whole(pending / name, source.read_bytes())",
        new="        is_new = coming and name == _SECRET\n"
        "        drawn = token_bytes(SECRET_BYTES) if is_new else source.read_bytes()\n"
        "        write_whole(pending / name, drawn)",
        quick="test_rotation_cut_at_any_step_leaves_a_common_key_and_ends_with_the_new_ones",
        process="test_device_killed_when_the_hub_alone_has_its_new_keys_ends_with_them",
    ),
    Rule(
        row="a frame or acknowledgement lost, doubled, reordered",
        words="what lies beyond a hole is dropped until the hole is filled",
        file="shared/protocol/delivery.py",
        old="        return  # a hole: what lies before it comes first",
        new="        pass",
        quick="test_frame_beyond_a_hole_is_dropped_until_the_hole_is_filled",
        process="test_hostile_broker_loses_doubles_and_forges_nothing",
    ),
    Rule(
        row="the hub killed before COMMIT, or after it",
        words="nobody is answered before the commit",
        file="hub/db/writer.py",
        old="                    self._run_one(job, connection)\n                is_full",
        new="                    self._run_one(job, connection)\n                    job.settle()\n"
        "                running = []\n                is_full",
        quick="test_answer_and_puback_leave_after_the_commit",
        process="test_hub_after_a_power_cut_has_all_that_it_acknowledged_and_its_books_balance",
    ),
    Rule(
        row="a slow hub, credit 0",
        words="a device sends no more lines than the hub has given it credit for",
        file="shared/protocol/sender.py",
        old="        return min(max(1, limits.FRAME_LINES_MAX >> 4 * self.resends), self.credit - in_flight)",
        new="        return max(1, limits.FRAME_LINES_MAX >> 4 * self.resends) + 0 * in_flight",
        quick="test_credit_zero_stops_frames_and_the_next_word_reopens_them",
        process="test_our_own_device_holds_every_sentence",
    ),
    Rule(
        row="a setting that cuts a device off",
        words="settings that did not reach the hub in time are left",
        file="shared/protocol/twin.py",
        old="            return replace(twin, phase=Phase.FALLBACK, starts=0)",
        new="            return twin",
        quick="test_settings_that_cut_the_device_off_are_given_up_and_not_taken_again",
        process="test_setting_that_cuts_the_device_off_is_reverted_by_itself",
    ),
    Rule(
        row="a bundle that has expired",
        words="a deny list that has expired lowers what one card may spend",
        file="shared/edge/admission.py",
        old="        if not cards.expired:\n            return happening\n        if not elsewhere",
        new="        if cards:\n            return happening\n        if not elsewhere",
        quick="test_list_that_has_expired_lowers_what_one_card_may_spend_and_stops_nobody_else",
        process="test_card_on_the_deny_list_is_refused_and_an_expired_list_lowers_what_it_may_spend",
    ),
    Rule(
        row="a forged, replayed or reordered frame",
        words="a bundle counts only if a key that the device trusts has signed it",
        file="shared/protocol/bundle.py",
        old="            except InvalidSignature:\n                continue\n            return\n"
        "    raise SignatureError(",
        new="            except InvalidSignature:\n                continue\n            return\n"
        "    SignatureError(",
        quick="test_bundle_that_is_forged_or_under_another_name_has_no_effect",
        process="test_bundle_that_nobody_signed_whom_the_device_trusts_is_not_taken_and_a_clerk_is_told",
    ),
    Rule(
        row="an upload cut at any byte",
        words="a body that is sent in pieces counts when the last of it is here",
        file="hub/attachments/service.py",
        old="            if self._blobs.append(body.device, body.sha256, piece.content) < body.size:\n"
        "                return Progress(here.offset + len(piece.content), body.size)\n",
        new="            self._blobs.append(body.device, body.sha256, piece.content)\n",
        quick="test_piece_is_taken_only_where_the_hub_is",
        process="test_kill_in_the_middle_of_an_upload_costs_nothing",
    ),
)


class Copy:
    """A copy of the tree in which one rule at a time is missing.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout
        with BytesIO() as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                for name in filter(None, names.split("\0")):
                    archive.add(ROOT / name, name)
            packed.seek(0)
            with tarfile.open(fileobj=packed) as archive:
                archive.extractall(folder, filter="data")

    def without(self, rule: Rule) -> str:
        """Take a rule out, run its two tests, and put it back.

        Returns:
            What is wrong: nothing, where both went red.
        """
        path = self._folder / rule.file
        text = path.read_text(encoding="utf-8")
        if text.count(rule.old) != 1:
            return f"{rule.file} no longer has the text of the rule; write the edit anew"
        path.write_text(text.replace(rule.old, rule.new), encoding="utf-8")
        try:
            return "; ".join(
                f"{name} {how}" for name in (rule.quick, rule.process) if (how := self._stays_green(name))
            )
        finally:
            path.write_text(text, encoding="utf-8")

    def _stays_green(self, name: str) -> str:
        """Why a test did not go red as it should; nothing if it did."""
        words = f"def {name}("
        places = [
            path for path in sorted(self._folder.glob("tests/**/test_*.py")) if words in path.read_text()
        ]
        if len(places) != 1:
            return f"is in {len(places)} files"
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        with (self._folder / "said").open("w+") as said:
            tried = subprocess.Popen(
                [*command, f"{places[0]}::{name}"],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(self._folder), "CI": "1"},
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            try:
                status = tried.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                return f"did not end in {PATIENCE_S} s"
            finally:
                end_with_all(tried.pid)
                tried.wait()
            said.seek(0)
            words = said.read()
        if status == TEST_FAILED:
            return ""
        return f"could not be run: {words[-500:]}" if status else "stayed green"


def take_out(rules: Iterable[Rule], folder: Path) -> Iterator[tuple[Rule, float, str]]:
    """Take rules out one by one, in as many copies as there are processors; give each when it is known.

    Args:
        rules: which.
        folder: an empty one.

    Yields:
        The rule, how many seconds it took, and what is wrong: nothing, where both its tests went red.
    """
    copies: SimpleQueue[Copy] = SimpleQueue()
    for number in range(JOBS):
        copies.put(Copy(folder / str(number)))

    def without(rule: Rule) -> tuple[Rule, float, str]:
        copy, began_s = copies.get(), time.monotonic()
        try:
            why = copy.without(rule)
            return rule, time.monotonic() - began_s, why
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(JOBS) as pool:
        for done in as_completed([pool.submit(without, rule) for rule in rules]):
            yield done.result()
