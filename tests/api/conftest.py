import pytest

import vqvae_jax as vj
from tests.codec.example_bundle import save_example


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "example.safetensors"
    save_example(path)
    return path


@pytest.fixture(scope="module")
def model(bundle):
    return vj.load(bundle)
