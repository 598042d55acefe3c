"""What a named model costs: `python -m experiments.count NAME [--json]`."""

import json
from typing import Annotated, Any

from experiments import configs
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.msvqvae.config import ModelConfig
from vqvae_jax.msvqvae.count import cost


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

    one_of = tyro.conf.arg(metavar="{" + ",".join(configs.names()) + "}")

    def count(name: Annotated[str, tyro.conf.Positional, one_of], /, json: bool = False) -> tuple[str, bool]:
        """Prints parameters, codebook entries, multiply-accumulates per clip, latent grids and bits per pixel.

        Args:
          name: A named experiment of experiments/configs/.
          json: Print one JSON object.
        """
        return name, json

    name, as_json = parse(count, "python -m experiments.count", config=(tyro.conf.FlagCreatePairsOff,))
    facts = describe(name, configs.load(name).model)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        print(f"{key.replace('_', ' '):34}{f'{value:,}' if isinstance(value, int) else value}")


if __name__ == "__main__":
    run_command("count", main)
