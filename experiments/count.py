"""What a named model costs: `python -m experiments.count NAME [--json]`."""

import dataclasses
import json
from typing import Annotated, Any

from experiments import configs
from vqvae_jax.command_line import parse
from vqvae_jax.errors import run_command
from vqvae_jax.families import cost_of


def describe(name: str, experiment: Any) -> dict[str, Any]:
    """The costs of the experiment's model for one training clip, as JSON values."""
    clip = experiment.model.clip
    counted = dataclasses.asdict(cost_of(experiment, clip))
    per_clip = {f"{key}_per_clip" if key.endswith("_macs") else key: value for key, value in counted.items()}
    return {"name": name, "clip": list(clip)} | per_clip


def main() -> None:
    """Parses the command line and prints."""
    import tyro

    one_of = tyro.conf.arg(metavar="{" + ",".join(configs.names()) + "}")

    def count(name: Annotated[str, tyro.conf.Positional, one_of], /, json: bool = False) -> tuple[str, bool]:
        """Prints parameters, multiply-accumulates per clip, and what else the model's family counts.

        Args:
          name: A named experiment: a file of experiments/configs/.
          json: Print the result as JSON.
        """
        return name, json

    name, as_json = parse(count, "python -m experiments.count")
    facts = describe(name, configs.load(name))
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        print(f"{key.replace('_', ' '):34}{f'{value:,}' if isinstance(value, int) else value}")


if __name__ == "__main__":
    run_command("count", main)
