from vqvae_jax.data.names import find_files, group_of, video_names, video_of


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_ucf101_names_give_class_and_group_and_others_the_folder_and_the_file(tmp_path):
    touch(tmp_path, "any/v_HorseRiding_g07_c02.avi", "my dogs/rex 1.mp4")
    (ucf, other), _ = find_files(tmp_path)
    assert (ucf.label, ucf.group, ucf.number) == ("HorseRiding", "HorseRiding/g07", 7)
    assert (other.label, other.group, other.number) == ("my dogs", "my dogs/rex 1.mp4", None)


def test_same_group_number_in_two_classes_is_two_groups(tmp_path):
    touch(tmp_path, "v_A_g01_c01.avi", "v_B_g01_c01.avi")
    assert len({s.group for s in find_files(tmp_path)[0]}) == 2


def test_links_are_followed_and_a_loop_ends(tmp_path):
    touch(tmp_path, "root/a/one.avi", "elsewhere/two.avi")
    (tmp_path / "root/a/loop").symlink_to(tmp_path / "root")
    (tmp_path / "root/linked").symlink_to(tmp_path / "elsewhere")
    assert [s.path for s in find_files(tmp_path / "root")[0]] == ["a/one.avi", "linked/two.avi"]


def test_video_names_stay_unique_when_files_share_a_name(tmp_path):
    touch(tmp_path, "a/x.avi", "b/x.avi", "b/y.avi", "b/y.mp4", "z.avi")
    names = video_names(find_files(tmp_path)[0])
    assert names == ["a/x.avi", "b/x.avi", "b/y.avi", "b/y.mp4", "z"]


def test_the_group_of_a_clip_is_that_of_its_videos_file_and_without_ucf101s_names_the_video_itself(tmp_path):
    names = ["Biking/v_Biking_g03_c01.avi", "Other/v_Biking_g03_c01.avi", "Biking/v_Biking_g12_c04.avi", "cats/tom.mp4"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    sources, _ = find_files(tmp_path)
    for source, video in zip(sources, video_names(sources), strict=True):
        clip = f"{video}/0002"
        assert video_of(clip) == video
        assert group_of(clip) == (video if source.number is None else source.group)
