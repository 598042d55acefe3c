import pytest


@pytest.fixture(scope="session")
def compiled_programs(tmp_path_factory):
    """A folder in which runs find what earlier ones compiled; tests of exactness have at least one run without it."""
    return tmp_path_factory.mktemp("compiled")
