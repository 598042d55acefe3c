"""Command lines that take a named experiment: NAME, the program's options, every field as an option."""

import inspect
import sys
from typing import Annotated, Any, TypeVar

from experiments import configs
from vqvae_jax.command_line import parse
from vqvae_jax.errors import UserError

Options = TypeVar("Options")


def parse_named(program: str, options: type[Options], arguments: list[str]) -> tuple[Options, Any]:
    """Parses `NAME [options]`; the experiment's own values are the defaults that `--help` shows.

    Args:
      program: module name, for usage lines.
      options: dataclass of the program's own options; its docstring is the program's description.
      arguments: without the program's name.

    Raises:
      UserError: if NAME is missing or unknown.
    """
    import tyro

    listed = ", ".join(configs.names())
    if arguments and arguments[0] in ("-h", "--help"):
        print(f"usage: python -m {program} NAME [options]\n\n{inspect.getdoc(options)}\n\nNAME is one of {listed}.")
        print(f"python -m {program} NAME --help lists every option with that experiment's defaults.")
        sys.exit(0)
    if not arguments or arguments[0].startswith("-"):
        raise UserError(f"give the experiment's name first: one of {listed}")
    experiment = configs.load(arguments[0])

    def both(options: Any, experiment: Any = experiment) -> tuple[Options, Any]:
        return options, experiment

    # Without a prefix for either, so that `--data` and `--model.width` stand side by side.
    both.__annotations__ = {
        "options": Annotated[options, tyro.conf.arg(name="")],
        "experiment": Annotated[type(experiment), tyro.conf.arg(name="")],
    }
    both.__doc__ = inspect.getdoc(options)
    return parse(
        both,
        f"python -m {program} {arguments[0]}",
        arguments[1:],
        config=(tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands),
    )
