"""Near duplicates against brute force and against real re-coded videos."""

import itertools

import cv2
import numpy as np
import pytest

from data_prep.near import NEAR, Looks, near_duplicates, picture_hash
from data_prep.prepare import prepare
from vqvae_jax.data.details import read_details
from vqvae_jax.errors import UserError


def brute(videos):
    found = []
    for (i, a), (j, b) in itertools.combinations(enumerate(videos), 2):
        short, long = (a, b) if len(a.hashes) <= len(b.hashes) else (b, a)
        near = [any((x ^ y).bit_count() <= NEAR for y in long.hashes) for x in short.hashes]
        if a.split != b.split and near and np.mean(near) >= 0.5:
            found.append((i, j, pytest.approx(np.mean(near))))
    return found


def test_pairs_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    known = [int(h) for h in rng.integers(0, 2**63, 30)]

    def seen_again(h):
        for bit in rng.choice(64, rng.integers(0, 6), replace=False):
            h ^= 1 << int(bit)
        return h

    videos = [
        Looks(
            str(rng.choice(["train", "validation", "test"])),
            tuple(seen_again(h) for h in rng.choice(known, rng.integers(0, 5))) if n % 2 else tuple(known[n : n + 2]),
        )
        for n in range(28)
    ]
    videos = [v._replace(hashes=tuple(map(int, v.hashes))) for v in videos]
    found = near_duplicates(videos)
    assert len(found) > 5 and found == brute(videos)


def test_a_hash_is_that_of_a_gradient_and_flat_pictures_have_none():
    falling = np.repeat(np.linspace(250, 5, 90).astype(np.uint8)[None], 80, 0)
    assert picture_hash(np.dstack([falling] * 3)) == 0
    assert picture_hash(np.dstack([falling[:, ::-1]] * 3)) == 2**64 - 1
    assert picture_hash(np.full((64, 64, 3), 90, np.uint8)) is None


def test_a_video_coded_again_in_another_split_is_listed_and_on_request_refused(config, tree, tmp_path):
    source = cv2.VideoCapture(str(tree / "Biking" / "v_Biking_g01_c01.avi"))
    (tree / "Surf" / "v_Surf_g04_c01.avi").unlink()
    copy = cv2.VideoWriter(str(tree / "Surf" / "v_Surf_g04_c01.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (48, 36))
    copy.set(cv2.VIDEOWRITER_PROP_QUALITY, 70)
    while (read := source.read())[0]:
        copy.write(cv2.resize(read[1], (48, 36)))
    copy.release()
    made = config(test_groups="4-5")
    card = prepare(made)
    (pair,) = read_details(made.out, card, "near_duplicates")
    assert (pair["first"], pair["second"]) == ("Biking/v_Biking_g01_c01.avi", "Surf/v_Surf_g04_c01.avi")
    assert card["near_duplicates"]["pairs"] == 1 and "test" in " ".join(card["near_duplicates"])
    assert any("1 pair of videos in different splits looks alike" in w for w in card["warnings"])
    with pytest.raises(UserError, match=r"--near-duplicates refuse: 1 pair .*Biking_g01.* kept in"):
        prepare(config(test_groups="4-5", near_duplicates="refuse", out=tmp_path / "other"))
    assert not (tmp_path / "other").exists()
