import pytest

from tests.codec.example_bundle import save_example


@pytest.fixture(scope="session")
def bundle_file(tmp_path_factory):
    """A two-level bundle, made anew from its formula."""
    path = tmp_path_factory.mktemp("bundle") / "two.safetensors"
    save_example(path)
    return path
