"""A fresh process that decodes .msv files from the files alone: `python -m experiments.rd.decode_files < JSON`.

JSON in: {"bundle": FILE, "files": [[FROM.msv, TO.npy], ...]}. JSON out: a list with {"seconds": s, "error": null or
text} for each. Many files to a process, because JAX takes seconds to start.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from vqvae_jax.codec.bundle import load_bundle
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.tokenizer import Tokenizer
from vqvae_jax.errors import UserError, run_command


def main() -> None:
    """Decodes what standard input lists.

    Raises:
      UserError: if the bundle cannot be read.
    """
    task = json.load(sys.stdin)
    bundle = load_bundle(task["bundle"])
    tokenizer = Tokenizer(bundle)
    results = []
    for source, target in task["files"]:
        started, failure = time.monotonic(), None
        try:
            with Decoder(bundle, Path(source), tokenizer) as decoder:
                np.save(target, np.stack(list(decoder.frames())), allow_pickle=False)
        except UserError as error:
            failure = str(error)
        results.append({"seconds": time.monotonic() - started, "error": failure})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    run_command("decode_files", main)
