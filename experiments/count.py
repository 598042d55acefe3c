"""What a named model costs: `python -m experiments.count NAME [--json]`."""

import json
from dataclasses import dataclass
from typing import Any

from experiments import configs
from vqvae_jax.errors import run_command
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.count import cost


@dataclass(frozen=True)
class CountCommand:
    """Prints parameters, codebook entries, multiply-accumulates per clip, latent grids and bits per pixel."""

    name: str
    """A named experiment of experiments/configs/."""
    json: bool = False
    """Print one JSON object."""


def describe(name: str, model: ModelConfig) -> dict[str, Any]:
    """The costs of `model` for one training clip, as JSON values."""
    counted = cost(model)
    return {
        "name": name,
        "clip": list(model.clip),
        "parameters": counted.parameters,
        "codebook_entries": counted.codebook_entries,
        "parameters_and_codebook_entries": counted.total,
        "encoder_macs_per_clip": counted.encoder_macs,
        "decoder_macs_per_clip": counted.decoder_macs,
        "latent_shapes": {level: list(shape) for level, shape in counted.latent_shapes.items()},
        "bpp": counted.bpp,
    }


def main() -> None:
    """Parses the command line and prints."""
    import tyro

    command = tyro.cli(CountCommand, config=(tyro.conf.PositionalRequiredArgs,))
    facts = describe(command.name, configs.load(command.name).model)
    if command.json:
        print(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        print(f"{key.replace('_', ' '):34}{f'{value:,}' if isinstance(value, int) else value}")


if __name__ == "__main__":
    run_command("count", main)
