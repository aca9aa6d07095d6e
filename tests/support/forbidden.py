"""Rows of every kind of record, and the statements that must and must not change them."""

from sqlalchemy import Connection, text

ROWS = """
INSERT INTO account (id, code, kind, currency, floor_minor, balance_minor)
VALUES (1, 'purse:card', 'purse', 'EUR', -500, -150), (2, 'revenue:transport', 'revenue', 'EUR', NULL, 150);
INSERT INTO journal (
    id, device, event_id, effect_key, body_hash, kind, occurred_ms, booked_ms, business_day
) VALUES (1, 'bus-7', 'e', 'k', 'h', 'tap', 1, 1, '2026-11-21');
INSERT INTO posting VALUES (1, 1, 1, 2, 150);
INSERT INTO card_counter VALUES ('card', 1, 1);
INSERT INTO inbox (device, event_id, stream, epoch, seq, type, body_hash, line, received_ms)
VALUES ('bus-7', 'e', 'payments', '9f3c2a1b', 1, 'tap.charged', 'h', '{}', 1);
INSERT INTO loss_record (device, stream, epoch, first_seq, last_seq, reason, possibly_more, at_ms)
VALUES ('bus-7', 'payments', '9f3c2a1b', 1, 2, 'gone', false, 1);
INSERT INTO loss_found VALUES (1, 1);
INSERT INTO outgoing (effect_key, connector, aggregate, device, event_id, body, due_ms, created_ms)
VALUES ('k', 'settlements', 'purse:card', 'bus-7', 'e', '{}', 1, 1)
"""
FORBIDDEN = (
    "UPDATE journal SET business_day = '2026-11-22'",
    "DELETE FROM journal",
    "UPDATE posting SET amount_minor = 1",
    "DELETE FROM posting",
    "UPDATE card_counter SET counter = 2",
    "DELETE FROM card_counter",
    "UPDATE inbox SET seq = 2",
    "DELETE FROM inbox",
    "UPDATE loss_found SET seq = 2",
    "DELETE FROM loss_found",
    "UPDATE loss_record SET last_seq = 1",
    "UPDATE loss_record SET reason = 'evicted'",
    "DELETE FROM loss_record",
)
LATER_ROWS = """
INSERT INTO service_request (
    reference, device, event_id, service_code, description, channel, status, requested_ms, received_ms
) VALUES ('R-1', 'bus-7', 'e', 'aceras', 'd', 'kiosk', 'open', 1, 1);
INSERT INTO report_update (reference, device, event_id, status, notes, heard_ms)
VALUES ('R-1', 'bus-7', 'e', 'closed', '', 1);
INSERT INTO card (
    subject, card_id, issue, uid, category, is_anonymous, key_version, seal_version, state, issued_ms,
    state_ms, who
) VALUES ('card', 'i', 1, 'u', 0, true, 1, 1, 'issued', 1, 1, 'clerk');
INSERT INTO card_change (subject, state, key_version, why, who, at_ms)
VALUES ('card', 'issued', 1, '', 'clerk', 1);
INSERT INTO beacon_place (code, district, site, name, position, is_withdrawn)
VALUES ('biblio-3', 'centro', 'plaza', '{}', '', false);
INSERT INTO beacon_stand (place, device, since_ms, who) VALUES ('biblio-3', 'beacon-1', 1, 'clerk');
INSERT INTO beacon_change (kind, name, what, detail, who, why, at_ms)
VALUES ('place', 'biblio-3', 'added', '{}', 'clerk', '', 1)
"""
FORBIDDEN_LATER = (
    "UPDATE report_update SET status = 'open'",
    "DELETE FROM report_update",
)
FORBIDDEN_OF_BEACONS = (
    "UPDATE beacon_stand SET device = NULL",
    "DELETE FROM beacon_stand",
    "UPDATE beacon_change SET who = 'nobody'",
    "DELETE FROM beacon_change",
)
FORBIDDEN_OF_CARDS = (
    "UPDATE card_change SET who = 'nobody'",
    "DELETE FROM card_change",
)
"""Of tables that came after the triggers did."""
ALLOWED = (
    "UPDATE loss_record SET found = 1, resolved = true",
    "UPDATE account SET balance_minor = balance_minor - 100 WHERE id = 1",
    "UPDATE outgoing SET state = 'done'",
)


def fill(connection: Connection, rows: str = ROWS) -> None:
    """One row of every kind of record."""
    for statement in rows.split(";"):
        connection.execute(text(statement))
