"""Money that moved in the street, booked once in a double-entry ledger."""
