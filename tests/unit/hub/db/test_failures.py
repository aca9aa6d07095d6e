"""What a database error means: what passes is tried again, what would fail again is set apart."""

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from hub.db.failures import family
from shared.model.errors import CapacityError, TransientError


@pytest.mark.parametrize(
    ("cause", "meaning"),
    [
        pytest.param(psycopg.OperationalError("server closed the connection"), TransientError, id="gone"),
        pytest.param(psycopg.errors.AdminShutdown("stopping"), TransientError, id="shutdown"),
        pytest.param(psycopg.errors.DiskFull("no room"), CapacityError, id="full"),
        pytest.param(psycopg.errors.UniqueViolation("twice"), type(None), id="twice"),
        pytest.param(psycopg.DataError("text cannot contain NUL"), type(None), id="the driver refuses"),
        pytest.param(psycopg.ProgrammingError("cannot adapt"), type(None), id="the driver cannot"),
    ],
)
def test_error_of_postgresql_is_in_the_family_of_what_helps(cause: psycopg.Error, meaning: type) -> None:
    error = DBAPIError.instance("INSERT", None, cause, psycopg.Error)
    assert isinstance(error, DBAPIError)
    assert type(family(error)) is meaning
