"""A family that fits a model to every clip, beside others: its files by the command line, decoded without a bundle."""

import json
import sys

import numpy as np
import pytest

from experiments.rd.config import RdConfig
from experiments.rd.decode_process import Receiver
from experiments.rd.ffmpeg import Processes
from experiments.rd.fitted import FittedCoder, open_fitted
from experiments.rd.run import open_codecs
from tests.mvc.codec.golden.make import GOLDEN
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.errors import ConfigError
from vqvae_jax.evaluation.coder import CodecError
from vqvae_jax.mvc.codec.model import MvcModel

ENCODER = """
import json, pathlib, sys
arguments = sys.argv[1:]
pathlib.Path(arguments[arguments.index("encode") + 2]).write_bytes(pathlib.Path({golden!r}).read_bytes())
print(json.dumps({{"payload_bytes": {{"w": 5, "e": 7}}}}))
"""


class Stand(Processes):
    """In place of a fit, a program that has the file already; it keeps what was asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def run(self, command, given=b"", timeout=0.0, cwd=None):
        self.asked.append(command)
        golden = str(GOLDEN / "scenes.msv")
        return super().run([sys.executable, "-c", ENCODER.format(golden=golden), *command[1:]], given, timeout, cwd)


def test_a_coder_runs_the_command_line_and_a_fresh_process_decodes_its_file(tmp_path):
    processes = Stand()
    entry, coders = open_fitted("mvc", (0.5, 1.0), 3, 12.5, processes, tmp_path)
    assert (entry["title"], entry["reason"], [c.setting for c in coders]) == (
        "MVC",
        None,
        ["bpp 0.5 epochs 3", "bpp 1 epochs 3"],
    )
    path, clip = tmp_path / "a.part", np.zeros((14, 11, 14, 3), np.uint8)
    seconds, payload = coders[1].encode(clip, path)
    assert payload == 12 and seconds > 0 and path.read_bytes() == (GOLDEN / "scenes.msv").read_bytes()
    (command,) = processes.asked
    line = " ".join(command)
    assert "-m vqvae_jax encode" in line and "--family mvc --bpp 1 --epochs 3 --source-fps 25/2" in line
    assert coders[1].encode_command == "vqvae-jax encode IN OUT --family mvc --bpp 1 --epochs 3 --source-fps 25/2"
    # Runs of other clips are others'.
    coders[1].encode(clip + 1, path)
    runs = [asked[asked.index("--run") + 1] for asked in processes.asked]
    assert runs[0] != runs[1] and all(str(tmp_path / "fits") in run for run in runs)
    decoded, _ = coders[0].decode(path, clip.shape)
    with Decoder(MvcModel(), path) as decoder:
        np.testing.assert_array_equal(decoded, list(decoder.frames()))
    with pytest.raises(CodecError, match=r"decodes to a clip of \(14, 11, 14, 3\), expected"):
        coders[0].decode(path, (1, 11, 14, 3))
    assert json.loads(json.dumps(coders[0].key)) == coders[0].key != coders[1].key
    processes.stop()


def test_without_rates_it_is_left_out_with_a_reason(tmp_path):
    config = RdConfig(data=tmp_path, out=tmp_path, codecs="mvc")
    entry, coders = open_codecs(config, None, 25.0, Processes())["mvc"]
    assert coders == [] and "takes long: --bpp 0.05 0.1 asks for that" in entry["reason"]
    config = RdConfig(data=tmp_path, out=tmp_path, codecs="mvc", bpp=(0.1,), epochs=7)
    entry, (coder,) = open_codecs(config, None, 25.0, Processes())["mvc"]
    assert isinstance(coder, FittedCoder) and entry["kind"] == coder.kind == "learned" and "7 looks" in entry["note"]
    assert isinstance(coder._receiver, Receiver)


@pytest.mark.parametrize("bpp", [(0.0,), (0.1, 0.1), (float("nan"),)])
def test_rates_that_are_none_are_refused(tmp_path, bpp):
    with pytest.raises(ConfigError, match=r"bpp=.* expected numbers above 0, different in 6 digits"):
        RdConfig(data=tmp_path, out=tmp_path, bpp=bpp)
    with pytest.raises(ConfigError, match="epochs=0"):
        RdConfig(data=tmp_path, out=tmp_path, epochs=0)
