"""`vqvae-jax COMMAND ...`: video files to .msv files and back."""

import importlib
import os
import sys

from vqvae_jax.command_line import parse
from vqvae_jax.compile_cache import cache_folder, keep_compiled_programs
from vqvae_jax.errors import ExistsError, UserError, run_command
from vqvae_jax.stopping import stoppable

COMMANDS = {
    "encode": "a video file to an .msv file",
    "decode": "an .msv file to a video file, an array or pictures",
    "info": "what an .msv file holds; needs no model",
    "compare": "PSNR, SSIM, bytes and bits per pixel of one video against another",
    "player": "a page that plays .msv files in a browser, one HTML file that opens from disk",
    "export": "a training run to a bundle, the model file that the others read; or a bundle's decoder to ONNX",
    "tokenize": "a folder of videos to ArrayRecord shards of tokens, for models trained on them",
    "merge": "parts that `tokenize --shard I/N` has made on many machines to one data set of tokens",
    "detokenize": "a folder of tokens back to videos",
}
HELP = ("-h", "--help")
VERSION = ("-V", "--version")
NO_CACHE = "--no-compile-cache"


def usage() -> str:
    """What `vqvae-jax --help` prints."""
    lines = [f"  {name:<11} {what}" for name, what in COMMANDS.items()]
    end = [
        "vqvae-jax COMMAND --help documents a command's options, vqvae-jax --version says which this is.",
        f"Compiled programs are kept in {cache_folder().parent}; vqvae-jax {NO_CACHE} COMMAND ... does without.",
    ]
    return "\n".join(["usage: vqvae-jax COMMAND ...", "", *lines, "", *end])


def run(arguments: list[str]) -> None:
    """Runs one command.

    Raises:
      UserError: if there is no such command, or the command raises it.
    """
    if arguments and arguments[0] in HELP:
        print(usage())
        return
    if arguments and arguments[0] in VERSION:
        from importlib import metadata  # a fifth of a short command's time, and of use to this one alone

        print(f"vqvae_jax {metadata.version('vqvae_jax')}")
        return
    kept, arguments = arguments[:1] != [NO_CACHE], arguments[arguments[:1] == [NO_CACHE] :]
    if not arguments or arguments[0] not in COMMANDS:
        given = f"unknown command {arguments[0]!r}" if arguments else "no command given"
        raise UserError(f"{given}; expected one of {', '.join(COMMANDS)} (vqvae-jax --help)")
    if kept:
        keep_compiled_programs()
    # The entropy models' products are small: several threads would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A command imports what it needs: `info` starts without JAX.
    command = importlib.import_module(f"vqvae_jax.cli.{arguments[0]}")
    options = parse(command.Options, f"vqvae-jax {arguments[0]}", arguments[1:])
    try:
        command.run(options)
    except ExistsError as error:
        raise UserError(f"{error} with --force") from error


def main() -> None:
    """Entry point."""
    name = next((word for word in sys.argv[1:3] if word in COMMANDS), "")
    program = f"vqvae-jax {name}".strip()
    with stoppable(program):
        run_command(program, lambda: run(sys.argv[1:]))


if __name__ == "__main__":
    main()
