"""`vqvae-jax COMMAND ...`: video files to .msv files and back."""

import importlib
import sys
from importlib import metadata

from vqvae_jax.command_line import parse
from vqvae_jax.errors import ExistsError, UserError, run_command
from vqvae_jax.stopping import stoppable

COMMANDS = {
    "encode": "a video file to an .msv file",
    "decode": "an .msv file to a video file, an array or pictures",
    "info": "what an .msv file holds; needs no model",
    "compare": "PSNR, SSIM, bytes and bits per pixel of one video against another",
    "export": "a training run to a bundle, the model file that the other commands read",
    "tokenize": "a folder of videos to ArrayRecord shards of tokens, for models trained on them",
    "detokenize": "a folder of tokens back to videos",
}
HELP = ("-h", "--help")
VERSION = ("-V", "--version")


def usage() -> str:
    """What `vqvae-jax --help` prints."""
    lines = [f"  {name:<11} {what}" for name, what in COMMANDS.items()]
    end = "vqvae-jax COMMAND --help documents a command's options, vqvae-jax --version says which this is."
    return "\n".join(["usage: vqvae-jax COMMAND ...", "", *lines, "", end])


def run(arguments: list[str]) -> None:
    """Runs one command.

    Raises:
      UserError: if there is no such command, or the command raises it.
    """
    if arguments and arguments[0] in HELP:
        print(usage())
        return
    if arguments and arguments[0] in VERSION:
        print(f"vqvae_jax {metadata.version('vqvae_jax')}")
        return
    if not arguments or arguments[0] not in COMMANDS:
        given = f"unknown command {arguments[0]!r}" if arguments else "no command given"
        raise UserError(f"{given}; expected one of {', '.join(COMMANDS)} (vqvae-jax --help)")
    # A command imports what it needs: `info` starts without JAX.
    command = importlib.import_module(f"vqvae_jax.cli.{arguments[0]}")
    options = parse(command.Options, f"vqvae-jax {arguments[0]}", arguments[1:])
    try:
        command.run(options)
    except ExistsError as error:
        raise UserError(f"{error} with --force") from error


def main() -> None:
    """Entry point."""
    name = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] in COMMANDS else ""
    program = f"vqvae-jax {name}".strip()
    with stoppable(program):
        run_command(program, lambda: run(sys.argv[1:]))


if __name__ == "__main__":
    main()
