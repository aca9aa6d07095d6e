"""What a clerk may ask to be sent again: instants that a database can hold."""

import pytest
from pydantic import ValidationError

from hub.api.clerk import ReplayWanted


@pytest.mark.parametrize("name", ["since_ms", "until_ms"])
def test_instant_beyond_what_a_database_holds_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        ReplayWanted.model_validate({name: 74_618_909_859_151_886_680_064})
