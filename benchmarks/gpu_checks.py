"""Does it work on this device: the tests, ten training steps in bf16 and in float32, golden files.

    python -m benchmarks.gpu_checks {tests,steps,golden} [--model msvqvae] [--clips 8] [--out FILE]

`benchmarks/gpu.py` runs them with the rest. Exit code 1 where something is not as it should be; the JSON says what.
"""

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import tyro

from benchmarks.jax_programs import Clip, Name, experiment_of, first_state, jax_programs, model_of, noise
from benchmarks.report import RESULTS, Out, versions
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.families import load_model
from vqvae_jax.files import write_atomically
from vqvae_jax.msvqvae.config import ModelConfig

ROOT = Path(__file__).parents[1]
#: Those whose claims hold on any device; the rest of the suite is about files and processes.
TESTS = ("layers", "quantization", "losses", "metrics", "msvqvae")
STEPS = 10
#: bf16 keeps 8 bits: a loss that is further off is not rounding.
BF16_TOLERANCE = 0.03


def check_tests(folders: Sequence[str]) -> dict[str, Any]:
    """Runs the quick device-independent tests on the default device."""
    tests = [f"tests/{name}" for name in folders]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    lines = ran.stdout.splitlines()
    return {
        "ok": ran.returncode == 0,
        "summary": next((line for line in reversed(lines) if line), "the tests said nothing"),
        "failed": [line for line in lines if line.startswith(("FAILED", "ERROR"))],
    }


def check_steps(model: ModelConfig, clips: int) -> dict[str, Any]:
    """Ten steps in bf16 and in float32 from the same weights on the same clips."""
    state = first_state(experiment_of(model))
    losses = {dtype: ten_losses(replace(model, dtype=dtype), state, clips) for dtype in ("bfloat16", "float32")}
    finite = all(math.isfinite(loss) for side in losses.values() for loss in side)
    pairs = zip(losses["bfloat16"], losses["float32"], strict=True)
    apart = max(abs(bf16 - f32) / f32 for bf16, f32 in pairs) if finite else math.inf
    falls = losses["bfloat16"][-1] < losses["bfloat16"][0]
    return {
        "ok": finite and falls and apart <= BF16_TOLERANCE,
        "summary": f"bf16 loss {losses['bfloat16'][0]:.4f} to {losses['bfloat16'][-1]:.4f}, {apart:.2%} off float32",
        "tolerance": BF16_TOLERANCE,
        "losses": losses if finite else {side: list(map(str, values)) for side, values in losses.items()},
    }


def ten_losses(model: ModelConfig, state: Any, clips: int) -> list[float]:
    """The loss of each of the first steps."""
    step = jax_programs(experiment_of(model), state, noise(model, clips), 1, ["train step"])["train step"]
    return [float(step.call().scalars["loss"]) for _ in range(STEPS)]


def check_golden(folder: Path = ROOT / "tests/codec/golden") -> dict[str, Any]:
    """Golden files decode to what they hold, and their clips are encoded again to the same indices."""
    sys.path.insert(0, str(ROOT))
    from tests.codec.example_bundle import moving
    from tests.codec.golden.make import FILES, describe

    expected = json.loads((folder / "golden.json").read_text())
    equal, total, decoded, worst = 0, 0, True, 0.0
    for name, (of_bundle, mode, frames, height, width) in FILES.items():
        bundle = load_model(folder / f"{of_bundle}.safetensors")
        with tempfile.TemporaryDirectory() as scratch, Decoder(bundle, folder / f"{name}.msv") as golden:
            again = Path(scratch) / "again.msv"
            clip = moving(frames, height, width)
            Encoder(bundle, mode, chunk_frames=8).encode(clip, again, Fraction(30000, 1001), source_size=(320, 240))
            found = describe(golden)
            means = np.subtract(found["frame_means"], expected[name]["frame_means"])
            worst = max(worst, float(np.abs(means).max()))
            decoded &= found["indices"] == expected[name]["indices"]
            with Decoder(bundle, again) as ours:
                for chunk in range(golden.reader.header.chunks):
                    pairs = zip(
                        golden.content(chunk).indices.values(), ours.content(chunk).indices.values(), strict=True
                    )
                    for one, other in pairs:
                        equal, total = equal + int(np.sum(one == other)), total + one.size
    return {
        "ok": decoded and worst < 0.05 and equal == total,
        "summary": f"decoded {'equal' if decoded else 'DIFFERENT'}, {equal} of {total} indices encoded alike, "
        f"frame means {worst:.3f} apart",
    }


def main(
    check: tyro.conf.Positional[Literal["tests", "steps", "golden"]],
    model: Name = "msvqvae",
    clip: Clip = None,
    clips: int = 8,
    tests: tuple[str, ...] = TESTS,
    out: Out = RESULTS / "gpu_checks.json",
) -> None:
    """Does it work on this device?

    Args:
      clips: clips a step.
      tests: folders of tests/.
    """
    if check == "tests":
        result = check_tests(tests)
    else:
        result = check_steps(model_of(model, clip), clips) if check == "steps" else check_golden()
    devices = [] if check == "tests" else [device.device_kind for device in jax.devices()]
    result |= {"devices": devices, "versions": versions("jax", "jaxlib", "flax", "optax")}
    write_atomically(out, (json.dumps(result, indent=1) + "\n").encode())
    print(result["summary"])
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    run_command("benchmarks.gpu_checks", lambda: parse(main, "python -m benchmarks.gpu_checks"))
