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


def test_parts_come_from_everywhere_and_leave_the_other_draws_alone():
    clip = np.arange(6 * 4 * 5 * 3, dtype=np.uint8).reshape(6, 4, 5, 3)
    places = set()
    for number in range(200):
        whole, part = (augment(clip, 4, False, True, random_generator(0, number), crop) for crop in (None, (2, 3)))
        found = [
            (top, left)
            for top in range(3)
            for left in range(3)
            if np.array_equal(part, whole[:, top : top + 2, left : left + 3])
        ]
        assert part.shape == (4, 2, 3, 3) and len(found) == 1
        places.update(found)
    assert places == {(top, left) for top in range(3) for left in range(3)}
    mirrored = [np.array_equal(a, b[:, :, ::-1]) for a, b in zip(results(20), results(20, flip=False), strict=True)]
    pairs = zip(results(20, crop=(2, 2)), results(20, crop=(2, 2), flip=False), strict=True)
    assert [np.array_equal(a, b[:, :, ::-1]) for a, b in pairs] == mirrored


def test_every_position_draws_differently_and_always_the_same():
    draws = [random_generator(7, position).random() for position in range(100)]
    assert len(set(draws)) == 100
    assert draws == [random_generator(7, position).random() for position in range(100)]
    assert random_generator(8, 0).random() != draws[0]
