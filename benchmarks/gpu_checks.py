"""Does it work on this device: the tests, ten training steps in bf16 and in float32, golden files.

    python -m benchmarks.gpu_checks {tests,steps,golden} [--model msvqvae] [--clips 8] [--out FILE]

`benchmarks/gpu.py` runs them with the rest. Exit code 1 where something is not as it should be; the JSON says what.
"""

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jax
import numpy as np

from benchmarks.jax_programs import jax_programs
from benchmarks.named_models import MODELS, clips_of, experiment_of, first_state
from benchmarks.report import options, versions
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.encoder import Encoder
from vqvae_jax.families import load_model
from vqvae_jax.files import write_atomically
from vqvae_jax.msvqvae.config import ModelConfig

ROOT = Path(__file__).parents[1]
#: Those whose claims hold on any device; the rest of the suite is about files and processes.
TESTS = ["layers", "quantization", "losses", "metrics", "msvqvae"]
STEPS = 10
#: bf16 keeps 8 bits: a loss that is further off is not rounding.
BF16_TOLERANCE = 0.03


def check_tests(folders: list[str]) -> dict[str, Any]:
    """Runs the quick device-independent tests on the default device."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "tests.xml"
        tests = [f"tests/{name}" for name in folders]
        options = ["-q", "-m", "not slow", "-p", "no:cacheprovider", f"--junitxml={report}"]
        subprocess.run([sys.executable, "-m", "pytest", *tests, *options], cwd=ROOT, check=False)
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    found = {
        case.get("name"): child.get("message", "").splitlines()[:1]
        for case in cases
        for child in case
        if child.tag in ("failure", "error")
    }
    return {
        "ok": bool(cases) and not found,
        "summary": f"{len(cases) - len(found)} of {len(cases)} tests passed",
        "failed": found,
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
    step = jax_programs(experiment_of(model), state, clips_of(model, clips), 1, ["train step"])["train step"]
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


def main() -> None:
    parser = options("gpu_checks", __doc__)
    parser.add_argument("check", choices=["tests", "steps", "golden"])
    parser.add_argument("--model", choices=MODELS, default="msvqvae")
    parser.add_argument("--clip", type=int, nargs=3, metavar=("T", "H", "W"), help="default: the model's clip")
    parser.add_argument("--clips", type=int, default=8, help="clips a step")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders of tests/")
    arguments = parser.parse_args()
    model = MODELS[arguments.model]
    model = replace(model, clip=tuple(arguments.clip)) if arguments.clip else model
    if arguments.check == "tests":
        result = check_tests(arguments.tests)
    else:
        result = check_steps(model, arguments.clips) if arguments.check == "steps" else check_golden()
    devices = [] if arguments.check == "tests" else [device.device_kind for device in jax.devices()]
    result |= {"devices": devices, "versions": versions("jax", "jaxlib", "flax", "optax")}
    write_atomically(arguments.out, (json.dumps(result, indent=1) + "\n").encode())
    print(result["summary"])
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
