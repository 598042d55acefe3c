"""Which platform is traced for; and, where a TPU's compiler is installed, that small pieces compile for TPUs."""

import os
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vqvae_jax.layers.conv3d import convolve
from vqvae_jax.layers.resample import Head
from vqvae_jax.metrics.psnr import frame_psnr, to_uint8
from vqvae_jax.quantization.codebook import empty_codebook, quantize
from vqvae_jax.target import platform, traced_for, tracing_for
from vqvae_jax.training.mapping import DeviceMap

NEEDED = "pip install 'jax[tpu]' has the TPU's compiler"
TOPOLOGIES = ("v5e:2x2", "v5p:2x2x1", "v6e:2x2")


def test_the_platform_is_this_machines_unless_another_one_is_named():
    assert platform() == jax.default_backend()
    with tracing_for("tpu"):
        assert platform() == "tpu"
        with tracing_for("cuda"):
            assert platform() == "gpu"
        assert traced_for("cpu", platform)() == "cpu"
        assert platform() == "tpu"
    assert platform() == jax.default_backend()


def test_convolutions_are_lowered_for_the_platform_that_is_named():
    x, w = jnp.zeros((1, 3, 4, 4, 2)), jnp.zeros((3, 3, 3, 2, 5))

    def spatial_dimensions(name):
        found = str(jax.make_jaxpr(traced_for(name, lambda x, w: convolve(x, w, (1, 1, 1))))(x, w))
        return len(re.search(r"window_strides=\(([\d, ]+)\)", found)[1].split(","))

    assert {name: spatial_dimensions(name) for name in ("cpu", "cuda", "tpu")} == {"cpu": 2, "cuda": 3, "tpu": 3}


def test_a_mapped_function_is_traced_for_its_devices(monkeypatch):
    seen = []
    devices = DeviceMap("auto", jax.devices()[:1])
    monkeypatch.setattr(devices, "platform", "tpu")
    mapped = devices.map(lambda x: (seen.append(platform()), x)[1:], (True,), (True,))
    mapped(devices.split(np.zeros((1,), np.float32)))
    assert seen == ["tpu"]


def test_the_tpus_compiler_is_lent_more_memory():
    assert os.environ["LIBTPU_INIT_ARGS"].count("--xla_tpu_scoped_vmem_limit_kib=") == 1


@pytest.fixture(scope="module", params=TOPOLOGIES)
def compiled(request):
    """A function compiled for one chip from shapes, as its text."""
    pytest.importorskip("libtpu", reason=NEEDED)
    from jax.experimental import topologies

    os.environ.update(TPU_SKIP_MDS_QUERY="1", ALLOW_MULTIPLE_LIBTPU_LOAD="1")
    chip = topologies.get_topology_desc(platform="tpu", topology_name=request.param).devices[0]
    devices = DeviceMap("shard_map", [chip])

    def compile_for_it(function, *shapes):
        split = (True,) * len(shapes)
        return devices.map(lambda *x: (function(*x),), split, (True,)).lower(*shapes).compile().as_text()

    return compile_for_it


def test_eight_clips_become_pictures_on_a_tpu(compiled):
    head = Head((2, 4, 4), early_width=96, dtype=jnp.bfloat16)
    features = jax.ShapeDtypeStruct((8, 16, 16, 16, 128), jnp.bfloat16)
    params = jax.tree.map(jnp.ones_like, head.init(jax.random.key(0), jnp.zeros((1, 2, 4, 4, 128))))
    clips = jax.ShapeDtypeStruct((8, 32, 64, 64, 3), jnp.uint8)

    def decode(x, clips):
        frames = to_uint8(0.5 + 0.5 * head.apply(params, x).astype(jnp.float32))
        return frames, frame_psnr(clips, frames)

    assert "u8[8,32,64,64,3]" in compiled(decode, features, clips)


def test_codes_are_compared_in_float32_on_a_tpu(compiled):
    text = compiled(
        lambda z: quantize(empty_codebook(1024, 64), z).indices, jax.ShapeDtypeStruct((4096, 64), "float32")
    )
    assert "f32[4096" in text and "bf16[" not in text
