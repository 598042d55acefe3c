"""Evaluation results as lines for a terminal."""

from vqvae_jax.evaluation.schema import CheckpointResult, Result


def describe_checkpoint(entry: CheckpointResult) -> str:
    """`step 500  PSNR 24.61 dB  SSIM 0.8123  files 0.2910 bpp, 24.58 dB, 0.8120  formula 0.3516 bpp  entropy 0.31`."""
    mean, files = entry["quality"]["mean"], entry["files"]
    parts = [f"step {entry['step']}", f"PSNR {mean['psnr']:.2f} dB", f"SSIM {mean['ssim']:.4f}"]
    if mean["perceptual"] is not None:
        parts.append(f"perceptual {mean['perceptual']:.4f}")
    if files is not None:
        parts.append(f"files {files['bpp']:.4f} bpp, {files['psnr']:.2f} dB, {files['ssim']:.4f}")
    parts += [f"{name} {bpp:.4f} bpp" for name, bpp in entry["estimates"].items()]
    return "  ".join(parts)


def describe_baselines(result: Result) -> str:
    """The PSNR of reconstructions without learning, the size as H.264, and what could not be measured and why."""
    known = [
        f"{name.replace('_', ' ')} {baseline['quality']['mean']['psnr']:.2f} dB"
        for name, baseline in result["baselines"].items()
        if baseline["quality"] is not None
    ]
    data, h264, perceptual = result["data"], result["h264"], result["perceptual"]
    trained_with = result["run"]["training_trunk"]
    size = f"{h264['bpp']:.4f} bpp" if h264["bpp"] is not None else f"not measured ({h264['reason']})"
    lines = [
        f"{len(data['clip_ids'])} of {data['clips_in_split']} {data['split']} clips; without learning: "
        f"{', '.join(known)}; as H.264 at its defaults: {size}"
    ]
    if perceptual["reason"] is not None:
        lines.append(f"perceptual distance not measured: {perceptual['reason']}")
    if None not in (trained_with, perceptual["trunk"]) and trained_with != perceptual["trunk"]:
        lines.append("perceptual distance measured with another trunk than the run was trained with")
    return "\n".join(lines)
