"""`vqvae-jax export`."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

import tyro

from vqvae_jax.codec.bundle import WeightType
from vqvae_jax.data.open import open_sets
from vqvae_jax.errors import UserError, number_of, say
from vqvae_jax.families import export_bundle, load_snapshot, onnx_decoder
from vqvae_jax.files import check_output, write_atomically
from vqvae_jax.packaged import TOKENS, bundle_path, called
from vqvae_jax.progress import Progress
from vqvae_jax.training.resume import NotedData, noted_data
from vqvae_jax.training.snapshot import chosen_step, open_run


@dataclass(frozen=True)
class Options:
    """Writes a training run as a bundle: weights, codebooks, configuration, and entropy models fitted on its training
    clips. Or a bundle's decoder, from indices to frames, as an ONNX file."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT.safetensors|OUT.onnx")]
    """The file to write; its ending says which."""
    run: Path | None = None
    """For a bundle: the folder of the run."""
    bundle: Path | None = None
    """For an ONNX file: the model, a bundle's file or the name of one of the package; default: $VQVAE_JAX_BUNDLE, else
    `edge`."""
    step: str = "best"
    """Checkpoint: best (by validation PSNR; the latest of a run without validation), latest or a number."""
    data: Path | None = None
    """Data set that the run was trained on; default: where it was then."""
    weights: WeightType = "bfloat16"
    """How weights are stored; codebooks are float32 always."""
    clips: int = 2000
    """Training clips to fit the entropy models on."""
    force: bool = False
    """Overwrite an existing file."""


def run(options: Options) -> None:
    """Exports; says what was written.

    Raises:
      UserError: about the run, the data, the bundle or the output.
    """
    if options.out.suffix == ".onnx":
        export_onnx(options)
    elif options.out.suffix != ".safetensors":
        raise UserError(f"{options.out}: the name must end in .safetensors (a bundle) or .onnx (a bundle's decoder)")
    elif options.bundle is not None:
        raise UserError(
            f"bundle={options.bundle} is for .onnx files; {options.out} is a bundle itself, made with --run"
        )
    elif options.run is None:
        raise UserError(f"{options.out}: name the training run to make it of with --run DIR")
    else:
        export_run(options, options.run)


def export_run(options: Options, run: Path) -> None:
    """A run's checkpoint to a bundle."""
    checkpoints = open_run(run)
    step = chosen_step(checkpoints, run, options.step)
    unranked = options.step == "best" and checkpoints.best_step() is None
    noted = " (the latest; none was validated)" if unranked else ""
    snapshot = load_snapshot(checkpoints, step)
    data = NotedData([options.data], None) if options.data else noted_data(run)
    clips = open_sets(data.folders, "train", data.weights)
    with Progress("") as progress:
        result = export_bundle(
            snapshot, clips, options.out, options.weights, options.clips, options.force, progress.show
        )
    chunks = result.origin.get("table_chunks")
    fitted = f", entropy models from {number_of(chunks, 'chunk')}" if chunks else ""
    say(
        f"{options.out}: step {step} of {run}{noted}, {options.out.stat().st_size:,} bytes{fitted}, "
        f"digest {result.digest[:16]}"
    )


def export_onnx(options: Options) -> None:
    """A bundle's decoder to an ONNX file."""
    for field in fields(Options):
        value = getattr(options, field.name)
        if field.name not in {"out", "bundle", "force"} and value != field.default:
            raise UserError(f"{field.name}={value} is for bundles made of a run; {options.out} is made with --bundle")
    check_output(options.out, options.force)
    path = bundle_path(options.bundle, TOKENS)
    bundle, content = onnx_decoder(path, called(path))
    write_atomically(options.out, content)
    say(f"{options.out}: decoder of {bundle.name}, {len(content):,} bytes, digest {bundle.digest[:16]}")
