"""What the named models cost: frozen integers, the paper's figures, a hand count."""

from dataclasses import replace

import jax
import pytest
from narrow_models import FAMILY, narrow

from vqvae_jax.errors import UserError
from vqvae_jax.msvqvae.config import LevelConfig, ModelConfig
from vqvae_jax.msvqvae.count import cost
from vqvae_jax.msvqvae.start import empty_codebooks, init_params
from vqvae_jax.training.state import parameter_count


@pytest.fixture(scope="module")
def costs():
    return {name: cost(model) for name, model in FAMILY.items()}


@pytest.mark.parametrize(
    ("name", "parameters", "entries", "bpp"),
    [
        ("msvqvae", 18_184_844, 262_144, 0.3515625),
        ("vqvae3d", 16_175_980, 131_072, 0.3125),
        ("msvqvae_k512", 18_184_844, 131_072, 0.31640625),
        ("tiny", 1_458_912, 262_144, 0.3515625),
        ("edge4", 1_709_728, 262_144, 0.3515625),
    ],
)
def test_parameters_entries_and_rate_of_the_named_models(costs, name, parameters, entries, bpp):
    found = costs[name]
    assert (found.parameters, found.codebook_entries, found.bpp) == (parameters, entries, bpp)
    assert found.total == parameters + entries


@pytest.mark.parametrize(("name", "paper"), [("msvqvae", 18.5e6), ("vqvae3d", 16.2e6)])
def test_the_papers_counts_are_met_within_two_percent(costs, name, paper):
    assert costs[name].total == pytest.approx(paper, rel=0.02)


def test_vqvae3d_is_msvqvae_without_the_top():
    assert replace(FAMILY["msvqvae"], top=None) == FAMILY["vqvae3d"]


@pytest.mark.parametrize("name", ["tiny", "edge4"])
def test_models_small_enough_for_two_cores(costs, name):
    assert costs[name].total < 4e6


def test_codes_of_edge4_span_twice_the_frames_and_half_the_rows(costs):
    assert costs["edge4"].latent_shapes == {"top": (4, 16, 8), "bottom": (8, 32, 16)}


def test_grids_of_the_papers_clip(costs):
    assert costs["msvqvae"].latent_shapes == {"top": (8, 8, 8), "bottom": (16, 16, 16)}
    assert costs["vqvae3d"].latent_shapes == {"bottom": (16, 16, 16)}


def test_counts_are_those_of_real_arrays():
    config = narrow("msvqvae")
    params = jax.eval_shape(lambda: init_params(config, jax.random.key(0)))
    found = cost(config)
    assert found.parameters == parameter_count(params)
    books = empty_codebooks(config)
    assert found.codebook_entries == sum(book.embeddings.size for book in books.values())


def test_multiply_accumulates_equal_the_hand_count():
    """Patches, factored blocks, two levels, one block a stack; positions times kernel times channels."""
    width, hidden, top_width, top_hidden, codes, dim = 8, 6, 4, 2, 16, 5
    config = ModelConfig(
        bottom=LevelConfig((2, 4, 4), codes, dim),
        top=LevelConfig((4, 8, 8), codes, dim),
        clip=(4, 16, 16),
        resample="patch",
        block="factored",
        width=width,
        hidden=hidden,
        encoder_blocks=1,
        decoder_blocks=1,
        top_width=top_width,
        top_hidden=top_hidden,
        top_blocks=1,
    )
    bottom, top = 2 * 4 * 4, 1 * 2 * 2  # positions
    pixels = 2 * 4 * 4 * 3  # values in a bottom patch

    def block(wide, narrow_):
        return 9 * wide * narrow_ + 3 * narrow_ * wide

    decode_top = top * (dim * top_width + block(top_width, top_hidden) + top_width * 8 * top_width)
    encoder = bottom * (pixels * width + block(width, hidden))
    encoder += top * (8 * width * top_width + block(top_width, top_hidden) + top_width * dim + codes * dim)
    encoder += decode_top + bottom * ((width + top_width) * dim + codes * dim)
    decoder = decode_top + bottom * ((dim + top_width) * width + block(width, hidden) + width * pixels)
    found = cost(config)
    assert (found.encoder_macs, found.decoder_macs) == (encoder, decoder)


@pytest.mark.parametrize("lowering", ["direct", "concat", "sum"])
def test_costs_do_not_depend_on_lowering_or_type(lowering):
    config = narrow("msvqvae")
    assert cost(replace(config, lowering=lowering, dtype="bfloat16")) == cost(config)


def test_groups_divide_the_blocks_arithmetic():
    plain = cost(replace(narrow("msvqvae"), top=None))
    grouped = cost(replace(narrow("msvqvae"), top=None, groups=4))
    inside = 32 * (27 * 8 * 8 + 8 * 8)  # one block at 32 positions
    assert plain.encoder_macs - grouped.encoder_macs == inside * 3 // 4


def test_a_clip_twice_as_long_costs_twice_as_much():
    config = narrow("tiny")
    once, twice = cost(config), cost(config, (8, 16, 16))
    assert twice.encoder_macs == 2 * once.encoder_macs and twice.parameters == once.parameters
    with pytest.raises(UserError, match="count: frames=7 must be a multiple of 4"):
        cost(config, (7, 16, 16))
