"""A process that has the bundle and the file alone finds every integer and every bit of every frame."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from tests.envc.codec.coded_envc import SMALL, Seen, coded, frames, small_bundle, small_model, video
from vqvae_jax.codec.bundle import save_bundle
from vqvae_jax.envc.codec.latents import Walk
from vqvae_jax.envc.coding import Intra, inter_bits, intra_bits

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


class SeenLatents:
    """Latents as an encoder has them, before they are bytes."""

    def __init__(self, monkeypatch):
        self.frames = []
        for name in ("intra", "inter"):
            self._keep(monkeypatch, name, getattr(Walk, name))

    def _keep(self, monkeypatch, name, inner):
        def kept(walk, known=None):
            self.frames.append(known)
            return inner(walk, known)

        monkeypatch.setattr(Walk, name, kept)


@pytest.mark.parametrize(
    ("size", "ar"), [((64, 64), False), ((64, 64), True), ((100, 70), False), ((192, 128), True)], ids=str
)
def test_a_fresh_process_decodes_what_was_encoded(size, ar, tmp_path, monkeypatch):
    config, clip = replace(SMALL, ar=ar), video(14, *size)
    encoder, latents = Seen(monkeypatch), SeenLatents(monkeypatch)
    data, result = coded(clip, config)
    assert result.chunks == 2
    save_bundle(tmp_path / "m.safetensors", small_bundle(config))
    (tmp_path / "v.msv").write_bytes(data)
    command = [sys.executable, "-m", "tests.envc.codec.decode_alone", "m.safetensors", "v.msv", "out.npz"]
    command[3:] = [str(tmp_path / name) for name in command[3:]]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=600)
    found = np.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(found["references"], np.concatenate(encoder.references))
    for number, frame in enumerate(latents.frames):
        for part, values in frame._asdict().items():
            np.testing.assert_array_equal(found[f"{number}_{part}"], values)
    assert found["shown"].shape == clip.shape
    top, left = ((-side % 64) // 2 for side in size)
    shown = np.rint(255 * np.clip(found["references"], 0, 1))[:, top : top + size[0], left : left + size[1]]
    np.testing.assert_array_equal(found["shown"], shown)


@pytest.mark.parametrize("ar", [False, True])
def test_bytes_are_what_the_model_in_floats_says_they_cost(ar, monkeypatch):
    config = replace(SMALL, ar=ar)
    latents = SeenLatents(monkeypatch)
    # Latents that such distributions may give: beyond them the model stops at a millionth, files go on.
    _, result = coded(video(24), config, 0.25)
    # As training counts it: whole grids, in floats.
    bits = {kind: jax.jit(f, static_argnums=0) for kind, f in ((True, intra_bits), (False, inter_bits))}
    model, estimate = small_model(config, 0.25), 0.0
    for frame in latents.frames:
        whole = type(frame)(*(part.astype(np.float32) for part in frame))
        parts = bits[isinstance(frame, Intra)](model.config, model.programs.params, whole)
        estimate += float(sum(part.sum() for part in parts))
    assert estimate > 5000
    assert abs(8 * result.payload_bytes["y"] - estimate) < 0.01 * estimate + 64 * result.chunks + 8 * 30


@pytest.mark.parametrize(
    "changes",
    [
        {"predictor": "pixel_flow", "residual": "pixel", "motion_input": "pixel", "refine": False},
        {"predictor": "scale_space", "motion_input": "matching"},
        {"predictor": "feature_deform", "width": 16},
    ],
    ids=lambda changes: changes["predictor"],
)
def test_every_predictor_decodes_what_its_encoder_had(changes, monkeypatch):
    config, clip = replace(SMALL, **changes), video(4)
    encoder = Seen(monkeypatch)
    data, _ = coded(clip, config)
    decoder = Seen(monkeypatch)
    assert frames(data, config=config).shape == clip.shape
    np.testing.assert_array_equal(decoder.references, encoder.references[:4])
