"""Damaged files in Node end as in Python: the same chunks refused, the same indices found, in bounded memory."""

import json
import math
import random
import struct
import zlib

from tests.codec.example_bundle import golden_model
from tests.codec.fuzzing import OUTCOMES, mutant, originals
from tests.codec.golden.make import FILES
from tests.container.mend import mend
from tests.web.in_node import done, needs_node
from tests.web.test_web_entropy import NTC, TOKENS, chunk_digest, golden_ntc
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.container.chunk import DamagedChunk
from vqvae_jax.errors import UserError
from vqvae_jax.web.pack import MAGIC, pack_model

pytestmark = needs_node
MUTANTS = 600


def python_outcome(model, path):
    """As `harness.mjs` says it: refused, or of each chunk its digest, or that it is damaged."""
    try:
        with Decoder(model, path) as decoder:
            reader, chunks = decoder.reader, []
            for chunk in range(min(reader.chunk_count, reader.whole_chunks + 1)):
                try:
                    chunks.append(chunk_digest(decoder.content(chunk)))
                except DamagedChunk:
                    chunks.append("damaged")
            return chunks
    except UserError:
        return "refused"


def node_outcome(result):
    if "refused" in result:
        return "refused"
    return ["damaged" if isinstance(chunk, dict) else chunk for chunk in result["chunks"]]


def kind(outcome):
    if outcome == "refused":
        return outcome
    damaged = outcome.count("damaged")
    return "all chunks" if not damaged else "no chunk" if damaged == len(outcome) else "some chunks"


def check(models, jobs):
    """Each job's outcome in Python and in Node, with kernels and without in turns."""
    expected = [python_outcome(model, job["file"]) for model, job in zip(models, jobs, strict=True)]
    results = done(*jobs)
    for job, result, outcome in zip(jobs, results, expected, strict=True):
        assert node_outcome(result) == outcome, (job, result)
    return {kind(outcome) for outcome in expected}


def test_mutated_files_of_indices_hold_what_python_finds_in_them(tmp_path):
    rng, known = random.Random(51), [original for original in originals() if original.name in FILES]
    # By model, since Node keeps one at a time.
    known.sort(key=lambda original: FILES[original.name][0])
    models, jobs = [], []
    for original in known:
        for number in range(MUTANTS // len(known)):
            path = tmp_path / f"{original.name}_{number}.msv"
            path.write_bytes(mutant(original, rng, mended=number % 4 > 0))
            bundle = TOKENS / f"{FILES[original.name][0]}.safetensors"
            models.append(golden_model(2 if FILES[original.name][0].endswith("2") else 1, "contexts" in original.name))
            jobs.append({"file": path, "model": bundle, "wasm": 2 * number < MUTANTS // len(known)})
    assert check(models, jobs) == set(OUTCOMES)


def test_mutated_files_of_latents_hold_what_python_finds_in_them(tmp_path):
    rng, models, jobs = random.Random(52), [], []
    for name in ("low", "high", "one_frame"):
        original = originals()[0]._replace(name=name, data=(NTC / f"{name}.msv").read_bytes())
        for number in range(60):
            path = tmp_path / f"{name}_{number}.msv"
            path.write_bytes(mutant(original, rng, mended=number % 4 > 0))
            models.append(golden_ntc("usual"))
            jobs.append({"file": path, "model": NTC / "usual.safetensors", "wasm": number < 30})
    assert check(models, jobs) >= {"refused", "some chunks", "all chunks"}


def test_a_file_that_promises_much_takes_little(tmp_path):
    """Four thousand million frames in chunks of 65,532; the harness bounds memory."""
    data = bytearray((TOKENS / "contexts.msv").read_bytes())
    data[34:38], data[38:40] = b"\xff" * 4, (65532).to_bytes(2, "little")
    path = tmp_path / "much.msv"
    path.write_bytes(mend(bytes(data), rebuild_index=True))
    model = TOKENS / "contexts2.safetensors"
    assert check([golden_model(2, True)], [{"file": path, "model": model}]) <= {"refused", "no chunk"}


def test_a_cut_file_gives_its_whole_chunks_and_says_so(tmp_path):
    whole = (TOKENS / "contexts.msv").read_bytes()
    path = tmp_path / "cut.msv"
    path.write_bytes(whole[:-60])
    (found,) = done({"file": path, "model": TOKENS / "contexts2.safetensors", "pictures": tmp_path / "cut.rgb"})
    assert "2 of 3 chunks are whole" in found["notes"][0] and "damaged" in found["chunks"][2]
    assert (tmp_path / "cut.rgb").stat().st_size == 16 * 24 * 32 * 3


def mutated_model(packed: bytes, rng: random.Random) -> bytes:
    """A packed model without a tensor, with one of another shape, another configuration, or other bytes."""
    content = zlib.decompress(packed[len(MAGIC) :])
    (size,) = struct.unpack_from("<I", content)
    about, data = json.loads(content[4 : 4 + size]), bytearray(content[4 + size :])
    metadata = about["__metadata__"]
    name = rng.choice([name for name in about if name != "__metadata__"])
    match rng.randrange(4):
        case 0:
            del about[name]
        case 1:
            shape, (begin, end) = about[name]["shape"], about[name]["data_offsets"]
            wide = (end - begin) // math.prod(shape)
            axis = rng.randrange(len(shape))
            shape[axis] = rng.choice([0, 1, 2 * shape[axis], shape[axis] + 1, shape[axis] // 2, -1])
            about[name]["data_offsets"] = [begin, begin + wide * math.prod(shape)]
        case 2:
            config = json.loads(metadata["model"])
            fields = config.get("model", config)
            fields[rng.choice(list(fields))] = rng.choice([None, 0, 1, 3, -1, 0.5, 1e9, "x", True, [], {}, [4, 8, 8]])
            metadata["model"] = json.dumps(config)
        case 3:
            for _ in range(rng.choice((1, 50))):
                data[rng.randrange(len(data))] = rng.randrange(256)
    text = json.dumps(about).encode()
    return MAGIC + zlib.compress(struct.pack("<I", len(text)) + text + data)


def test_damaged_models_whose_checksum_is_right_end_in_one_line_or_in_pictures(tmp_path):
    rng, jobs = random.Random(53), []
    for bundle, file in (
        (TOKENS / "contexts2.safetensors", TOKENS / "contexts.msv"),
        (TOKENS / "levels2.safetensors", TOKENS / "range.msv"),
        (NTC / "usual.safetensors", NTC / "low.msv"),
    ):
        packed = pack_model(bundle)
        for number in range(60):
            model = tmp_path / f"{bundle.stem}_{number}"
            model.write_bytes(mutated_model(packed, rng))
            jobs.append({"file": file, "model": model, "wasm": number % 2, "pictures": tmp_path / "pictures"})
    refused = sum("refused" in result for result in done(*jobs))
    assert len(jobs) * 0.4 < refused < len(jobs) * 0.9
