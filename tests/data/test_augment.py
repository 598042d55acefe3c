import numpy as np

from vqvae_jax.data.order import augment, random_generator

CLIP = np.arange(6 * 2 * 3 * 3, dtype=np.uint8).reshape(6, 2, 3, 3)


def results(count=200, **options):
    return [
        augment(CLIP, rng=random_generator(0, i), **({"frames": 4, "flip": True, "jitter": True} | options))
        for i in range(count)
    ]


def test_windows_start_everywhere_and_half_of_the_clips_are_mirrored():
    mirrored, starts = 0, set()
    for out in results():
        flipped = (out[0, 0, 0, 0] % 9) != 0
        mirrored += flipped
        straight = out[:, :, ::-1] if flipped else out
        start = int(straight[0, 0, 0, 0]) // 18
        starts.add(start)
        np.testing.assert_array_equal(straight, CLIP[start : start + 4])
    assert starts == {0, 1, 2}
    assert 70 < mirrored < 130


def test_without_options_the_first_frames_come_back_as_they_are():
    for out in results(5, flip=False, jitter=False):
        np.testing.assert_array_equal(out, CLIP[:4])


def test_switching_jitter_on_leaves_the_mirroring_of_every_clip_alone():
    def is_mirrored(outs):
        return [(out[0, 0, 0, 0] % 9) != 0 for out in outs]

    assert is_mirrored(results(20)) == is_mirrored(results(20, jitter=False))


def test_every_position_draws_differently_and_always_the_same():
    draws = [random_generator(7, position).random() for position in range(100)]
    assert len(set(draws)) == 100
    assert draws == [random_generator(7, position).random() for position in range(100)]
    assert random_generator(8, 0).random() != draws[0]
