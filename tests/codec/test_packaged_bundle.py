"""The models that come with the package: what their card promises, on real videos where `../shared` has them."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import configs
from vqvae_jax.codec.bundle import read_bundle
from vqvae_jax.codec.comparison import compare
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.families import family, load_model, token_model
from vqvae_jax.metrics.baselines import mean_frame
from vqvae_jax.packaged import DEFAULT, TOKENS, packaged
from vqvae_jax.video.resize import resizer
from vqvae_jax.video.source import open_source

VIDEOS = Path(__file__).parents[3] / "shared" / "data" / "ucf101"
#: Of the test groups, none of which the model has seen.
NAMES = ("v_Basketball_g03_c01", "v_Biking_g04_c02", "v_CliffDiving_g05_c01", "v_Swing_g06_c04")


@pytest.fixture(params=packaged())
def path(request):
    return packaged()[request.param]


def test_it_is_the_named_experiments_model_within_its_bounds(path):
    bundle, experiment = read_bundle(path), configs.load(path.stem)
    model = family(bundle.family).model(bundle)
    assert model.name == path.stem and path.stat().st_size < 9_500_000
    levels = not bundle.family  # MS-VQ-VAE
    config, most = (model.weights.config, 4_000_000) if levels else (model.config, 5_000_000)
    assert config == experiment.model
    # Weights, codebooks and what the entropy coder needs.
    assert sum(tensor.size for name, tensor in bundle.tensors.items() if not name.startswith("tables/")) <= most
    # The training split of groups 8-25; others than models for tokens were trained last on clips of it that overlap.
    assert model.origin["data"].startswith("f59d01f0" if levels else "68a43dab")


def first_clips():
    """(32, 64, 64, 3) uint8 of each video, 16 frames per second."""
    files = {path.stem: path for path in VIDEOS.rglob("*.avi")}
    if not files:
        pytest.skip("no real videos in ../shared/data/ucf101")
    clips = []
    for name in NAMES:
        with open_source(files[name]) as source:
            scale = resizer(64, 64)
            clips.append(np.stack([scale(frame) for frame in islice(source.frames(Fraction(16)), 32)]))
    return clips


def test_real_videos_it_has_not_seen_come_back_well_above_a_still_picture_in_small_files(path, tmp_path):
    bundle = load_model(path)
    encoder = Encoder(bundle)
    psnr, still, bpp = [], [], []
    for number, clip in enumerate(first_clips()):
        coded = tmp_path / f"{number}.msv"
        encoder.encode(clip, coded, Fraction(16))
        with Decoder(bundle, coded) as decoder:
            psnr.append(compare(clip, decoder.frames()).psnr)
        mean = np.asarray(mean_frame(jnp.asarray(clip)[None]))[0]
        still.append(compare(clip, np.broadcast_to(mean, clip.shape)).psnr)
        bpp.append(8 * coded.stat().st_size / (32 * 64 * 64))
    assert np.mean(psnr) > np.mean(still) + 2
    assert min(psnr) > 20 and max(bpp) < (0.35 if bundle.family == "envc" else 0.3)
    assert np.mean(bpp) < 0.3516 * 0.75  # of the formula's rate


def test_the_default_is_there_and_tokens_have_one():
    assert {DEFAULT, TOKENS} <= set(packaged())
    assert token_model(load_model(packaged()[TOKENS])).levels
