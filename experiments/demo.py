"""The whole path in a few minutes: video files -> clips -> the package's model -> fine-tuned on them -> HTML report.

    python -m experiments.demo [--videos DIR] [--out DIR] [--from-scratch]

The model of the package is measured on clips that are kept apart, before and after training on the others, and one of
the videos goes to a file and back. The demo starts the same programs that you would, prints their command lines, and
leaves everything in a new folder.
"""

import itertools
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from experiments.demo_videos import make_demo_videos
from experiments.report import ReportCommand, report
from experiments.runs.program import Programs
from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.files import NewFolders
from vqvae_jax.packaged import DEFAULT
from vqvae_jax.stopping import stoppable

#: Besides the default, 50: a curve, so that what training gains can be told at equal quality.
QUALITIES = (20, 35, 65, 80)


@dataclass(frozen=True)
class DemoCommand:
    """Goes the whole path on two CPU cores in a few minutes, and prints where the report is."""

    videos: Path | None = None
    """Folder with video files of yours; default: videos are made of scikit-image's photographs."""
    out: Path = Path("demo")
    """Folder in which every demo gets a new one."""
    from_scratch: bool = False
    """Train a small model from nothing instead: it shows the way, and is worth nothing after so few minutes."""
    steps: int | None = None
    """Training steps; default: those of experiments/configs/demo.py, or demo_scratch.py."""

    def __post_init__(self) -> None:
        check(self.steps is None or self.steps >= 1, "steps", self.steps, "a whole number of at least 1")


def demo(command: DemoCommand) -> Path:
    """Runs the demo; returns the report's path.

    Raises:
      UserError: if the folder of videos does not exist.
      SystemExit: if one of the programs failed.
    """
    from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights

    began = time.monotonic()
    if command.videos is not None and not command.videos.is_dir():
        raise UserError(f"--videos {command.videos}: no such folder")
    notes = []
    if command.from_scratch:
        notes.append(
            "Trained from nothing, for a few minutes only: this shows that every part works, not how good it gets."
        )
    if find_vgg_weights() is None:
        notes.append(f"No VGG-16 weights: the perceptual distance is left out. ${ENVIRONMENT} names a file of them.")
    stamp = command.out / time.strftime("%Y%m%d-%H%M%S")
    names = itertools.chain([stamp], (stamp.with_name(f"{stamp.name}-{number}") for number in itertools.count(2)))
    folders = NewFolders()
    try:
        try:
            folder = next(name for name in names if not name.exists())
            folders.make(folder, f"--out {command.out}")
        except OSError as error:
            raise UserError(f"--out {command.out}: cannot be written ({error.strerror})") from error
        return run_programs(command, folder, notes, began)
    finally:
        folders.remove()  # unless something came of it


def run_programs(command: DemoCommand, folder: Path, notes: list[str], began: float) -> Path:
    """Everything in the demo's own new folder; returns the report's path."""
    programs = Programs()
    videos = command.videos
    if videos is None:
        videos = folder / "videos"
        made = make_demo_videos(videos)
        say(f"{len(made)} videos made from scikit-image's photographs in {videos}")
        notes.append("The videos are camera moves over photographs; no photograph is in two splits.")

    data, run, evaluation, page = (folder / name for name in ("data", "run", "evaluation.json", "report.html"))
    filled, remarks = prepare_data(programs, videos, data)
    notes += remarks
    split = next(name for name in ("test", "validation", "train") if name in filled)
    if split != "test":
        seen = ", clips that the model was trained on" if split == "train" else ""
        notes.append(f"Too few groups of videos for a test split: measured on the {split} split{seen}.")
    files = {"run": run, "data": data, "evaluation": evaluation, "player": folder / "player.html", "out": page}
    measured: list[str | Path] = ["--data", data, "--split", split]
    name, options = "demo_scratch", []
    if not command.from_scratch:
        name, options, files["before"] = "demo", ["--init-from", DEFAULT], folder / "before.json"
        measured += ["--qualities", *map(str, QUALITIES)]
        programs.run("experiments.evaluate", "--bundle", DEFAULT, *measured, "--out", files["before"])
    if command.steps is not None:
        options += ["--steps", str(command.steps)]
    if "validation" not in filled:
        options += ["--training.validation-clips", "0"]
        notes.append("Too few groups of videos for a validation split: no validation curve.")
    programs.run("experiments.train", name, "--data", data, "--run", run, *options)
    programs.run("experiments.evaluate", "--run", run, *measured, "--steps", "latest", "--out", evaluation)
    notes.append(code_one_video(programs, videos, data, split, files["player"]))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    notes.append(f"From videos to figures in {minutes} min {seconds:02d} s.")
    programs.note("experiments.report", *(word for name, path in files.items() for word in (f"--{name}", path)))
    report(ReportCommand(**files, notes=tuple(notes), commands=tuple(programs.lines)))
    say(*(f"note: {note}" for note in notes))
    return page.resolve()


def code_one_video(programs: Programs, videos: Path, data: Path, split: str, player: Path) -> str:
    """The first video of a split to an .msv file with the package's model, back, and into a page that plays it.

    Returns what to say of it.
    """
    from vqvae_jax.data.details import read_details
    from vqvae_jax.data.source import read_card

    listed = read_details(data, read_card(data), "videos")
    name = next(video["path"] for video in listed if video["split"] == split)
    coded, back = player.with_name("coded.msv"), player.with_name("decoded.mp4")
    programs.run("vqvae_jax", "encode", videos / name, coded, "--bundle", DEFAULT, "--verify")
    programs.run("vqvae_jax", "decode", coded, back)
    programs.run("vqvae_jax", "player", player, "--video", coded)
    return (
        f"With {DEFAULT}, the model of the package, {name} is {coded.stat().st_size:,} bytes: {coded.name}, decoded in "
        f"{back.name} and played by {player.name}, beside this page."
    )


def prepare_data(programs: Programs, videos: Path, data: Path) -> tuple[list[str], list[str]]:
    """Clips split by group or, where validation or test would stay empty, by video if that fills them.

    Returns:
      The splits that hold clips, and remarks for the report.
    """
    from vqvae_jax.data.source import read_card

    programs.run("data_prep", "--videos", videos, "--out", data)
    card = read_card(data)
    filled = [name for name, split in card["splits"].items() if split["clips"]]
    most = max(sum(split["videos"] for split in splits.values()) for splits in card["classes"].values())
    if len(filled) == len(card["splits"]) or most < len(card["splits"]):
        return filled, []
    remark = "Too few groups of videos: split by video instead, so videos of one group may be on both sides."
    say(remark)
    shutil.rmtree(data)  # made a moment ago, in the demo's own folder
    programs.lines.pop()
    programs.run("data_prep", "--videos", videos, "--out", data, "--split", "video")
    return [name for name, split in read_card(data)["splits"].items() if split["clips"]], [remark]


def main() -> None:
    command = parse(DemoCommand, "python -m experiments.demo")

    def kept() -> str:
        if not command.out.exists():
            return "nothing was written"
        goes_on = "the last command above with a $ goes on with its part, the demo itself begins anew"
        return f"{command.out} keeps what is done; {goes_on}"

    with stoppable("demo", kept):
        path = demo(command)
    say("", f"report: {path}")


if __name__ == "__main__":
    run_command("demo", main)
