"""A Beam pipeline decodes what processes of this machine would, into the same data set."""

import shutil
import sys

import pytest

from data_prep import decode_all
from data_prep.__main__ import main
from data_prep.journal import about
from data_prep.merge import MergeConfig, merge
from data_prep.pool import Pool
from data_prep.prepare import prepare, prepare_share
from tests.data_prep.test_command import ROOT
from tests.data_prep.test_prepare_resume import same
from vqvae_jax.data.details import read_details
from vqvae_jax.data.names import find_files
from vqvae_jax.data.work_folder import Journal, WorkFolder
from vqvae_jax.errors import ConfigError, UserError, run_command

WHY = "Apache Beam is not in the lock: pip install -e '.[beam]' in an environment of its own"


@pytest.fixture
def beam(monkeypatch):
    found = pytest.importorskip("apache_beam", reason=WHY)
    monkeypatch.chdir(ROOT)  # Beam's workers find data_prep there
    return found


@pytest.fixture
def odd(tree):
    """The tree with files that cannot be used, each in its way."""
    shutil.copy(tree / "Surf" / "v_Surf_g01_c01.avi", tree / "Surf" / "v_Surf_g09_c01.avi")
    (tree / "odd\nname.avi").write_bytes(b"")
    (tree / "notes.txt").write_text("hello")
    return tree


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["npy", "arrayrecord"])
def test_two_processes_of_beam_and_four_parts_joined_make_the_data_set_of_one_machine(
    config, odd, beam, tmp_path, format_
):
    straight = prepare(config(format=format_, out=tmp_path / "straight"))
    card = prepare(config(format=format_, runner="direct", workers=2, out=tmp_path / "beam"))
    parts = [config(format=format_, shard=f"{n}/4", out=tmp_path / f"part{n}") for n in range(1, 5)]
    for part in parts:
        prepare_share(part)
    joined = merge(MergeConfig(tuple(part.out for part in parts), tmp_path / "joined", workers=1))
    assert same(card, straight) and same(joined, straight) and card["totals"]["skipped"] == 3
    for name in ("videos", "skipped"):
        ours, theirs = (list(read_details(tmp_path / folder, card, name)) for folder in ("beam", "straight"))
        assert ours == theirs
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_beam_goes_on_where_another_run_was_killed(config, odd, beam, tmp_path, monkeypatch):
    straight = prepare(config(out=tmp_path / "straight"))
    plain, given = decode_all.decode_into, []

    def some(made, source, *others):
        given.append(source.path)
        if len(given) == 5:
            raise OSError("gone")
        return plain(made, source, *others)

    monkeypatch.setattr("data_prep.beam_worker.decode_into", some)
    here = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
    with pytest.raises(UserError, match=r"--runner direct: the pipeline failed: .*gone.*; what is decoded is kept in"):
        prepare(config(runner="direct"), beam_options=here)
    done, given[:] = set(given[:4]), ["not the fifth again"] * 5
    assert same(prepare(config(runner="direct"), beam_options=here), straight)
    assert len(given) == 5 + 19 - 4 and not done & set(given)


def test_workers_with_other_libraries_or_another_folder_are_refused_in_one_line(config, beam, tmp_path, monkeypatch):
    here = ["--direct_running_mode=in_memory", "--direct_num_workers=1"]
    with monkeypatch.context() as patch, pytest.raises(UserError, match="was begun with libraries=") as error:
        patch.setattr("data_prep.beam_worker.about", lambda made: about(made) | {"libraries": {"numpy": "1"}})
        prepare(config(runner="direct"), beam_options=here)
    assert "\n" not in str(error.value)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("data_prep.beam_worker.Journal", lambda home: Journal(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"16 of 16 files have come to nothing in .*; is it on a file system that all"):
        prepare(config(runner="direct"), beam_options=here)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--foo=1", "--foo: Beam has no such option"),
        ("--direct_num_workers=x", "after --: argument --direct_num_workers: invalid int value: 'x'"),
        ("--runner=FlinkRunner", "is no option of Beam's here: give it before --"),
    ],
)
def test_mistakes_in_options_of_beam_are_one_line(config, beam, tmp_path, option, message):
    with pytest.raises(UserError, match=message) as error:
        prepare(config(runner="direct"), beam_options=[option])
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["videos"]


def test_without_beam_one_line_says_what_installs_it_before_any_work(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    command = ["data_prep", "--videos", str(tmp_path / "no such folder"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [*command, "--runner", "flink", "--", "--flink_master=host:8081"])
    with pytest.raises(SystemExit) as leaving:
        run_command("data_prep", main)
    said = capsys.readouterr()
    assert leaving.value.code == 2 and said.out == ""
    assert said.err == "data_prep: --runner flink needs Apache Beam: pip install -e '.[beam]' (docs/data.md)\n"
    assert [p.name for p in tmp_path.iterdir()] == ["videos"]


def test_options_of_beam_need_a_runner_and_shares_are_beams_own_affair(config):
    with pytest.raises(UserError, match="--parallelism=4: options after -- are Beam's; name its --runner"):
        prepare(config(), beam_options=["--parallelism=4"])
    with pytest.raises(ConfigError, match=r"runner='direct'.*local with a shard"):
        config(runner="direct", shard="1/2")


def test_what_workers_elsewhere_have_decoded_is_not_decoded_again(config, odd, tmp_path, monkeypatch):
    """What a pipeline's workers do, without Beam: two at the same files, one of them killed in the middle of a line."""
    straight = prepare(config(out=tmp_path / "straight"))
    made = config()
    sources, _ = find_files(made.videos)
    with WorkFolder(made.out, about(made)) as work, Pool(1) as pool:
        for mine in (sources[:9], sources[6:12]):
            with Journal(work.path) as journal:
                for source in mine:
                    decode_all.decode_into(made, source, work.path, pool, journal)
        torn = next(work.path.glob("done-*.jsonl"))
        torn.write_bytes(torn.read_bytes()[:-7])
        assert len(list((work.path / "units").rglob("*-*"))) == 0  # each was renamed into its place
    plain, again = decode_all.decode_task, []

    def noted(made, source, unit):
        again.append(source.path)
        return plain(made, source, unit)

    monkeypatch.setattr(decode_all, "decode_task", noted)
    assert same(prepare(made), straight)
    assert {s.path for s in sources[12:]} <= set(again) and len(again) <= len(sources) - 11
