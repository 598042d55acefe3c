"""What is read from a compiled program's text."""

import pytest

from experiments.plan.program_text import Collective, collectives, convolutions, cycles, part

TEXT = """
  %all-reduce.5 = (f32[128,64]{1,0:T(8,128)}, f32[]{:T(128)}, bf16[3,2]{1,0}) all-reduce(%a, %b, %c), channel_id=1
  %all-reduce.6 = f32[10]{0} all-reduce(%d), channel_id=2
  %ag = (bf16[4]{0}, bf16[8]{0}) all-gather-start(%e), channel_id=3
  %done = bf16[8]{0} all-gather-done(%ag)
  %convolution.1 = bf16[8,4,64,64,96]{4,3,2,1,0} convolution(%x, %w), window={size=3x3x3}, dim_labels=b012f_012io->b012f
  %convolution.2 = f32[8,64,64,96]{3,2,1,0} convolution(%x, %w), window={size=3x3}, dim_labels=0b1f_01io->0b1f
  %cudnn-conv.5 = (f32[2,96,16,16,16], u8[0]) custom-call(%a, %b), window={size=1x3x3}, dim_labels=bf012_oi012->bf012
  %gemm.1 = f32[2,2] custom-call(%a, %b), custom_call_target="__cublas$gemm"
  %fusion.1 = f32[2] fusion(%x), metadata={op_name="jit(step)/jvp(NTC.decode)/x"}, \
backend_config={"window_config":{"estimated_cycles":"30"}}
  %fusion.2 = f32[2] fusion(%x), metadata={op_name="jit(step)/transpose(jvp(NTC))/NTC.decode/refine/block_0/add"}, \
backend_config={"window_config":{"estimated_cycles":"50"}}
  %fusion.3 = f32[2] fusion(%x), metadata={op_name="jit(step)/jvp(NTC)/NTC.decode/refine/block_1/mul"}, \
backend_config={"window_config":{"estimated_cycles":"15"}}
  %fusion.4 = f32[2] fusion(%x), metadata={op_name="jit(step)/add"}, \
backend_config={"window_config":{"estimated_cycles":"5"}}
  %fusion.5 = f32[2] fusion(%x), metadata={op_name="jit(step)/jvp(NTC.decode)/y"}, \
backend_config={"window_config":{"estimated_cycles":"18446744073709551615"}}
"""


def test_collectives_are_counted_by_kind_and_type_with_their_bytes():
    assert collectives(TEXT) == [
        Collective("all-reduce", "f32", 2, 4 * (128 * 64 + 1 + 10)),
        Collective("all-gather", "bf16", 1, 2 * (4 + 8)),
        Collective("all-reduce", "bf16", 1, 12),
    ]


def test_convolutions_are_counted_by_their_spatial_axes():
    assert convolutions(TEXT) == {"2-D": 1, "3-D": 2}


def test_cycles_are_summed_over_forward_and_backward_of_a_part_where_there_is_an_estimate():
    assert cycles(TEXT) == {"NTC.decode/refine": 65, "NTC.decode/x": 30, "other": 5}
    assert cycles(TEXT, depth=1) == {"NTC.decode": 95, "other": 5}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jit(step)/jit(_normal)/erf_inv", "other"),
        ("jit(step)/checkpoint/rematted_computation/MSVQVAE.decode/head/conv_0/add", "MSVQVAE.decode/head"),
        ("", "other"),
    ],
)
def test_parts_are_modules(name, expected):
    assert part(name, 2) == expected
