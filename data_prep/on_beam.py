"""Decoding as an Apache Beam pipeline, on whatever runs those: it does what a killed run would have left done."""

import contextlib
import dataclasses
import glob
import importlib.util
import io
import json
from collections.abc import Sequence
from typing import Any

from data_prep.config import PrepConfig
from data_prep.decode_all import done
from data_prep.pool import cores
from vqvae_jax.data.names import Source
from vqvae_jax.data.work_folder import WorkFolder
from vqvae_jax.errors import UserError, one_line

_RUNNERS = {"direct": "DirectRunner", "flink": "FlinkRunner", "dataflow": "DataflowRunner"}
_WAITING = "waiting.jsonl"  # in the work folder: the files that the pipeline decodes


def check_beam(config: PrepConfig, options: Sequence[str]) -> None:
    """What can be told before any work.

    Args:
      options: of the pipeline, as `--name=value`.

    Raises:
      UserError: if Beam is needed and not installed, or does not know an option.
    """
    if config.runner == "local":
        if options:
            raise UserError(f"{options[0]}: options after -- are Beam's; name its --runner: direct, flink or dataflow")
        return
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(f"--runner {config.runner} needs Apache Beam: pip install -e '.[beam]' (docs/data.md)")
    if config.runner == "dataflow":
        try:
            import apache_beam.runners.dataflow.internal.apiclient  # noqa: F401
        except ImportError as error:
            raise UserError(f"--runner dataflow needs {error.name}: pip install 'apache-beam[gcp]'") from error
    _pipeline_options(config, options)


def decode_on_beam(config: PrepConfig, sources: Sequence[Source], work: WorkFolder, options: Sequence[str]) -> None:
    """Decodes every file that is not done yet into the work folder, which all workers must see by the same path.

    Args:
      options: of the pipeline, as `--name=value`.

    Raises:
      UserError: if the pipeline fails, or its workers do not work into this folder.
    """
    waiting = [source for source in sources if done(config, source, work) is None]
    if not waiting:
        return
    for source in waiting:
        work.done.pop(source.path, None)  # of a file that has changed since
    with (work.path / _WAITING).open("w", encoding="ascii") as file:
        file.writelines(json.dumps(source._asdict()) + "\n" for source in waiting)
    kept = f"what is decoded is kept in {work.path}, and the same command goes on"
    try:
        _run(config, work, _pipeline_options(config, options))
    except Exception as error:  # of what kind depends on the runner
        told = one_line((str(error).strip() or type(error).__name__).splitlines()[-1])
        raise UserError(f"--runner {config.runner}: the pipeline failed: {told}; {kept}") from error
    work.take_in()
    if lacking := [source.path for source in waiting if source.path not in work.done]:
        raise UserError(
            f"--runner {config.runner}: {len(lacking)} of {len(waiting)} files have come to nothing in {work.path} "
            f"(first: {one_line(lacking[0])}); is it on a file system that all workers share?"
        )


def _run(config: PrepConfig, work: WorkFolder, options: Any) -> None:
    import apache_beam as beam

    from data_prep.beam_worker import DecodeFiles

    home = work.path.absolute()
    decode = DecodeFiles(dataclasses.replace(config, videos=config.videos.absolute()), home)
    with beam.Pipeline(runner=_RUNNERS[config.runner], options=options) as pipeline:
        # A file of lines, since a list of a million would be part of the pipeline, which services limit to megabytes.
        lines = pipeline | "list" >> beam.io.ReadFromText(glob.escape(str(home / _WAITING)))
        _ = lines | "share out" >> beam.Reshuffle() | "decode" >> beam.ParDo(decode)


def _pipeline_options(config: PrepConfig, options: Sequence[str]) -> Any:
    """The options as Beam has them.

    Raises:
      UserError: about the first that it does not know, or that has a value which makes no sense.
    """
    from apache_beam.options.pipeline_options import PipelineOptions

    usual = ["--default_sdk_harness_log_level=WARNING"]
    if config.runner == "direct":
        usual += ["--direct_running_mode=multi_processing", f"--direct_num_workers={config.workers or cores()}"]
        # With it Beam does not try to download another runner, Prism, first; there are no triggers here.
        usual += ["--allow_unsafe_triggers"]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            found = PipelineOptions([*usual, *options])
            given = found.get_all_options(retain_unknown_options=True)
    except SystemExit:
        told = said.getvalue().strip().rpartition("error: ")[2]
        raise UserError(f"Beam's options, after --: {one_line(told)}") from None
    unknown = given.keys() - PipelineOptions([]).get_all_options().keys()
    if given["runner"] is not None:
        raise UserError("--runner is no option of Beam's here: give it before --")
    if unknown and config.runner != "flink":  # its job server has options of its own
        raise UserError(f"--{min(unknown)}: Beam has no such option; see docs/data.md")
    return found
