"""Makes the golden files: `python -m tests.mvc.codec.golden.make`. Files that exist stay as they are for ever."""

from pathlib import Path

from tests.mvc.codec.coded_mvc import coded, rate_aware, tiny_model
from vqvae_jax.mvc.codec.model import MvcModel

GOLDEN = Path(__file__).parent


def made():
    """Bytes by name: three scenes on ranges with embeddings; one on learned steps without."""
    (plain,) = tiny_model((7,), "enerv").scenes
    return {"scenes": coded(tiny_model((3, 5, 6))), "steps": coded(MvcModel([rate_aware(plain, 0.1)], 6))}


if __name__ == "__main__":
    for name, data in made().items():
        path = GOLDEN / f"{name}.msv"
        if not path.exists():
            path.write_bytes(data)
