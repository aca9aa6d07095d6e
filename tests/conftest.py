"""What holds for every test: a missing program is a named skip on a laptop and a failure in CI; no timing."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support.programs import find_program

# How quickly examples come says how busy the machine is, and nothing of the product.
settings.register_profile("ventanilla", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ventanilla")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose `requires(program)` is not installed."""
    for marker in item.iter_markers("requires"):
        for program in marker.args:
            if find_program(program) is None:
                message = f"The program {program} is not installed; `make setup` says how to install it."
                if os.environ.get("CI"):
                    pytest.fail(message, pytrace=False)
                pytest.skip(message)
