"""A fresh process that decodes .msv files from the files alone: `python -m experiments.rd.decode_files < JSON`.

JSON in: {"bundle": FILE, "results": FILE, "families": {NAME: MODULE}, "files": [[FROM.msv, TO.npy], ...]}. The results
file appears when the model is loaded and gets a line of JSON, {"seconds": s, "error": null or text}, as each file is
done: whoever started the process knows from it at which file it ended. Many files to a process, because JAX takes
seconds to start.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.errors import UserError, run_command
from vqvae_jax.families import FAMILIES, load_model


def main() -> None:
    """Decodes what standard input lists.

    Raises:
      UserError: if the bundle cannot be read.
    """
    task = json.load(sys.stdin)
    FAMILIES.update(task["families"])  # those that the parent knows beyond the library's
    model = load_model(task["bundle"])
    with Path(task["results"]).open("w") as results:
        for source, target in task["files"]:
            started, failure = time.monotonic(), None
            try:
                with Decoder(model, Path(source)) as decoder:
                    np.save(target, np.stack(list(decoder.frames())), allow_pickle=False)
            except UserError as error:
                failure = str(error)
            print(json.dumps({"seconds": time.monotonic() - started, "error": failure}), file=results, flush=True)


if __name__ == "__main__":
    run_command("decode_files", main)
