"""The numbers that are printed on cards, in a transaction."""

from secrets import randbelow

from sqlalchemy import Connection, insert, select

from hub.db.card_tables import card_number as table
from shared.model.card_number import CARD_NUMBERS, card_number


class CardNumberRepository:
    """Numbers.

    Args:
        connection: in a transaction; the writer's, where something is changed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, subject: str) -> str | None:
        """Return a card's number; None where none was drawn yet."""
        return self._connection.execute(select(table.c.number).where(table.c.subject == subject)).scalar()

    def subject_of(self, number: str) -> str | None:
        """Return the pseudonym of the card that has a number."""
        return self._connection.execute(select(table.c.subject).where(table.c.number == number)).scalar()

    def draw(self, subject: str) -> str:
        """Return a card's number; one is drawn where it has none."""
        found = self.find(subject)
        while found is None:
            drawn = card_number(randbelow(CARD_NUMBERS))
            if self.subject_of(drawn) is None:
                self._connection.execute(insert(table).values(number=drawn, subject=subject))
                found = drawn
        return found
