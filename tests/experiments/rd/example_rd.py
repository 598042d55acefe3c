"""A made-up rate-distortion file: four codecs with known curves, one point of ours, one codec that is missing."""

import numpy as np

CLIPS = [f"Class{k}/v_Class{k}_g0{k}_c01/0000" for k in range(4)]
SHAPE = [4, 16, 16, 3]
PIXELS = 4 * 16 * 16
#: x265 at R bits a pixel has 30 + 3 log2(R / 1.25) dB; the others need this many times its rate.
RATE_FACTORS = {"x264": 1.5, "x265": 1.0, "svtav1": 0.9, "av1": 0.5}
TITLES = {"x264": "x264", "x265": "x265", "svtav1": "SVT-AV1", "av1": "AV1 (libaom)", "vvc": "VVC (VVenC)"}


def quality(psnr):
    """`Quality` of clips whose PSNR is `psnr` plus or minus something that cancels."""
    spread = np.array([-1.5, -0.5, 0.5, 1.5])
    clips = psnr + spread
    ssim = (0.9 + (clips - 30) / 100).tolist()
    return {
        "mean": {
            "psnr": psnr,
            "ssim": float(np.mean(ssim)),
            "difference_psnr": psnr + 2,
            "perceptual": 2 - psnr / 20,
            "lossless_frames": 0,
        },
        "psnr_by_position": [psnr] * 4,
        "clips": {
            "psnr": clips.tolist(),
            "ssim": ssim,
            "difference_psnr": (clips + 2).tolist(),
            "perceptual": (2 - clips / 20).tolist(),
            "lossless_frames": [0] * 4,
        },
    }


def point(setting, psnr, size, payload=None):
    """A point whose clips are all `size` bytes."""
    absent = {"mean": None, "clips": None, "reason": "sides below 176"}
    return {
        "setting": setting,
        "encode_command": f"ffmpeg -i IN -crf {setting.removeprefix('crf ')} OUT",
        "decode_command": "ffmpeg -i IN OUT",
        "clip_ids": list(CLIPS),
        "quality": quality(psnr),
        "ms_ssim": dict(absent),
        "vmaf": dict(absent),
        "rate": {
            "bpp": 8 * size / PIXELS,
            "payload_bpp": None if payload is None else 8 * payload / PIXELS,
            "bytes": [size] * 4,
            "payload_bytes": None if payload is None else [payload] * 4,
        },
        "encode_seconds": 0.21,
        "decode_seconds": 0.05,
        "failures": [],
    }


def classical(codec, factor):
    sizes = [round(size * factor) for size in (640, 320, 160, 80)]
    points = [
        point(f"crf {20 + 5 * k}", 30 + 3 * np.log2(8 * size / factor / PIXELS / 1.25), size)
        for k, size in enumerate(sizes)
    ]
    return {
        "kind": "classical",
        "family": codec,
        "codec": codec,
        "title": TITLES[codec],
        "version": f"{codec} 1.0",
        "note": "elementary stream",
        "points": points,
        "reason": None,
    }


def with_rate_weights(rd):
    """The example with four points of ours; the first is the one it had, the others spend less for less."""
    ours = rd["codecs"]["msvqvae"]["points"]
    for weight, psnr, size in (("0.02", 29.0, 170), ("0.1", 27.5, 140), ("0.3", 26.0, 110)):
        ours.append(point(f"edge rate-weight {weight}", psnr, size, payload=size - 40))
    return rd


def example_rd():
    codecs = {codec: classical(codec, factor) for codec, factor in RATE_FACTORS.items()}
    codecs["vvc"] = {
        "kind": "classical",
        "family": "vvc",
        "codec": "vvc",
        "title": TITLES["vvc"],
        "version": None,
        "note": "",
        "points": [],
        "reason": "this FFmpeg has no libvvenc",
    }
    codecs["msvqvae"] = {
        "kind": "learned",
        "family": "msvqvae",
        "codec": "msvqvae",
        "title": "MS-VQ-VAE edge",
        "version": "vqvae_jax 0.1.0",
        "note": "the bundle is not counted",
        "points": [point("edge", 30.0, 200, payload=160)],
        "reason": None,
    }
    return {
        "schema": "vqvae_jax.rate_distortion",
        "version": 3,
        "command": "python -m experiments.rd --data DIR --out DIR",
        "data": {
            "folder": "data",
            "split": "test",
            "digest": "0" * 64,
            "clip_shape": list(SHAPE),
            "fps": 16.0,
            "clips_in_split": 4,
            "clip_ids": list(CLIPS),
        },
        "perceptual": {"trunk": "1" * 64, "provenance": "test", "layer_means": [1.0, 1.0, 1.0], "reason": None},
        "codecs": codecs,
        "hardware": {"platform": "cpu", "device": "cpu", "devices": 1, "cores": 2},
        "versions": {"vqvae_jax": "0.1.0"},
        "added": [],
        "date": "2025-01-01T00:00:00Z",
    }
