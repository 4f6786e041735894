"""SOUSA: labelled music audio, made, packaged and published.

The ``sousa`` command, and the few names people import. ``python sousa.py ...`` in a clone is the
same as ``sousa ...`` installed.
"""

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from importlib import import_module

# in a checkout this file stands beside the folders that a wheel installs under the name sousa
if "__path__" not in globals():
    __path__ = [os.path.dirname(os.path.abspath(__file__))]

try:
    from sousa.generation import DATA_VERSION, options, runners, seeds
    from sousa.generation.errors import RunError, SousaError, UsageError, one_of, raise_all
except ModuleNotFoundError as error:
    if __name__ != "__main__":
        raise
    sys.exit(f"sousa: {sys.executable} has no {error.name}; run 'make small' once, then use .venv/bin/sousa")

__version__ = DATA_VERSION


def __getattr__(name):
    if name == "load":  # as late as this, because the command should start without datasets
        from sousa.builders.hub.load import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main(argv=None):
    """Run the command line; returns the exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it lives as long as the process
    arguments = options.parser().parse_args(argv)
    runners.stop(False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _terminate)
    try:
        return globals()[f"_{arguments.command}"](arguments) or 0
    except SousaError as error:
        _say(f"sousa: {error}")
        return error.exit_status
    except KeyboardInterrupt:
        _say("\nsousa: stopped; run the same command again to go on")
        return 130
    except (OSError, UnicodeError, MemoryError) as error:
        # whatever the system refuses and nobody nearer to it has explained
        _say(f"sousa: {error or type(error).__name__}")
        return 1


def _print(text, stream=None):
    """Print; a reader that has gone away, or a full disk behind it, does not change the result."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())


def _say(text):
    _print(text, sys.stderr)


def _terminate(*_):
    if not runners.stop():
        raise KeyboardInterrupt


class _Forgiving:
    """A stream for progress bars: one that can't be written to is not worth failing for."""

    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        with suppress(OSError):
            return self.stream.write(text)

    def flush(self):
        with suppress(OSError):
            self.stream.flush()


@contextmanager
def _progress_bar(title, total, quiet=False, **more):
    if quiet:
        yield lambda done=1: None
        return
    from tqdm import tqdm

    look = {"unit": " rows", "mininterval": 0.5, "smoothing": 0.1, "file": _Forgiving(sys.stderr)} | more
    with tqdm(total=total, desc=title, **look) as bar:
        yield bar.update


def _generate(arguments):
    from functools import partial

    from sousa.builders.release.source import write_card
    from sousa.generation import reopen

    raise_all(options.foreign_options(arguments))
    arguments.output = os.path.expanduser(arguments.output)
    commands = import_module(f"sousa.generation.{arguments.corpus}.commands")
    if arguments.list:
        commands.no_other(arguments)
        return commands.list_synths(arguments, _print)
    say = (lambda text: None) if arguments.quiet else _say
    if not seeds.self_check():
        say(
            "warning: NumPy draws other numbers here than where published corpora were made: rows will differ"
        )
    config = commands.config(arguments, say)
    if arguments.dry_run:
        told = commands.estimate_text(
            config, arguments, lambda shards: min(runners.worker_count(arguments.workers), shards)
        )
        return _print(f"{told}\nnothing was made; {arguments.output} would hold it")
    begin = time.perf_counter()
    progress = partial(_progress_bar, quiet=arguments.quiet)
    records = import_module(f"sousa.generation.{arguments.corpus}.generate").generate(
        config, arguments.output, arguments.workers, arguments.files, say, progress, write_card
    )
    passed = None
    if not arguments.skip_validation:
        with progress("validating", config.num_rows) as done:
            report = import_module(f"sousa.generation.{arguments.corpus}.validation.report")
            passed, result = report.validate(arguments.output, config, records, arguments.workers, done)
        say(report.as_text(result))
    if not arguments.quiet:
        hours = reopen.seconds_of(arguments.output, records) / 3600
        size = sum(record["bytes"] for record in records) / 1e6
        kind = "h of audio" if config.with_audio else "h, labels and MIDI only"
        _print(
            f"{config.num_rows:,} rows, {hours:.2f} {kind}, {size:,.0f} MB in {arguments.output} "
            f"({time.perf_counter() - begin:.0f} s)\n"
            f'load them with: datasets.load_dataset("{arguments.output}")'
        )
    if passed is False:
        raise RunError(f"validation failed; see {arguments.output}/validation_report.html")


def _part(manifest, module):
    """A module of the corpus that a dataset's manifest names."""
    corpus = str(manifest["config"].get("corpus"))
    if corpus not in options.CORPORA:
        raise RunError(f"the dataset is of corpus {one_of(corpus, options.CORPORA)}")
    return import_module(f"sousa.generation.{corpus}.{module}")


def _release(arguments):
    from functools import partial

    from sousa.builders import commands
    from sousa.generation.tables import complete_manifest

    raise_all(options.workers_problem(arguments.workers))
    if arguments.synth_file:
        _load_synths(arguments, complete_manifest(os.path.expanduser(arguments.directory)))
    say, print_ = _talk(arguments.quiet)
    commands.release(arguments, print_, say, partial(_progress_bar, quiet=arguments.quiet))


def _publish(arguments):
    from functools import partial

    from sousa.builders import commands

    say, print_ = _talk(arguments.quiet)
    commands.publish(arguments, print_, say, partial(_progress_bar, quiet=arguments.quiet))


def _diff(arguments):
    from functools import partial

    from sousa.builders import commands

    commands.diff(arguments, _print, partial(_progress_bar, quiet=arguments.quiet))


def _talk(quiet):
    return [lambda text: None] * 2 if quiet else (_say, _print)


def _validate(arguments):
    from sousa.generation.tables import complete_manifest

    raise_all(options.workers_problem(arguments.workers))
    manifest = complete_manifest(arguments.directory)
    reopen, report = _part(manifest, "reopen"), _part(manifest, "validation.report")
    _load_synths(arguments, manifest)
    config = reopen.config_of(manifest)
    records = reopen.records_of(manifest, config)
    with _progress_bar("validating", config.num_rows, arguments.quiet) as done:
        passed, result = report.validate(
            arguments.directory, config, records, arguments.workers, done, all_media=arguments.all
        )
    if not arguments.quiet:
        _print(report.as_text(result))
        if result["not_written"]:
            _say(f"the report could not be kept: {result['not_written']}")
        else:
            _print(f"report: {arguments.directory}/validation_report.html")
    return 0 if passed else 1


def _verify(arguments):
    from sousa.builders.release import opened
    from sousa.generation.tables import complete_manifest

    arguments.directory = os.path.expanduser(arguments.directory)
    if opened.is_release(arguments.directory):
        return _verify_release(arguments)
    manifest = complete_manifest(arguments.directory)
    _load_synths(arguments, manifest)
    total = manifest["num_rows"]
    wanted = total if arguments.all else min(arguments.rows, total)
    with _progress_bar("verifying", wanted, arguments.quiet) as done:
        compared, differences = _part(manifest, "reopen").verify(
            arguments.directory, arguments.rows, arguments.all, arguments.seed, done
        )
    if differences:
        for line in differences[:20]:
            _say(line)
        raise RunError(
            f"{len(differences)} differences; damaged shards are made again by the 'sousa generate' command "
            f"that made {arguments.directory}"
        )
    if not arguments.quiet:
        _print(f"{compared:,} rows made again: every label and every audio sample is the same")


def _load_synths(arguments, manifest):
    """Load the files of ``--synth-file``, which only textures have a use for."""
    if arguments.synth_file:
        if manifest["config"].get("corpus") != "textures":
            raise UsageError("--synth-file belongs to textures; leave it out")
        _part(manifest, "commands").load_files(arguments.synth_file)


def _verify_release(arguments):
    from functools import partial

    from sousa.builders.release import check, opened

    release = opened.read(arguments.directory)
    check.require(release, partial(_progress_bar, quiet=arguments.quiet))
    if not arguments.quiet:
        _print(f"version {release.version}: all {len(release.manifest['files']):,} files are what they were")


def _preview(arguments):
    from functools import partial

    from sousa.generation.tables import complete_manifest

    manifest = complete_manifest(arguments.directory)
    page = _part(manifest, "preview.page")
    corpus = manifest["config"]["corpus"]
    chosen = {"rudiments": ("rudiments", "tiers", "presets"), "textures": ("sounds",)}
    raise_all(
        f"--{name} belongs to {owner}, and {arguments.directory} holds {corpus}; leave it out"
        for owner, own in chosen.items()
        for name in own
        if owner != corpus and getattr(arguments, name) is not None
    )
    _load_synths(arguments, manifest)
    names = [options.names(getattr(arguments, name)) for name in chosen[corpus]]
    output = arguments.output and os.path.expanduser(arguments.output)
    progress = partial(_progress_bar, quiet=arguments.quiet)
    path, rows, size = page.write(
        arguments.directory, output, arguments.rows, *names, arguments.seed, progress
    )
    if not arguments.quiet:
        _print(f"{path}: {rows:,} rows, {size / 1e6:,.1f} MB; open it in a browser")


def _rudiments(arguments):
    from sousa.generation.rudiments import definitions
    from sousa.generation.rudiments.notation import format_rhythm, format_sticking

    forms = definitions.select(arguments.names) if arguments.names else definitions.main_forms()
    for form in forms:
        title = form.name + (f" ({form.variant.replace('_', ' ')})" if form.variant else "")
        _print(f"{form.number:2d} {form.form}  {title}")
        again = "then mirrored" if form.alternates else "same lead again"
        rhythm = format_rhythm(form.onsets, form.lengths, form.lead_beats)
        _print(f"     {format_sticking(form.strokes)}   ({again})")
        _print(f"     {rhythm} beats, {form.metre}, {form.tempo.min}-{form.tempo.max} BPM")


def _acoustics(arguments):
    from sousa.generation.audio import commands

    commands.acoustics(arguments.names, arguments.build_rooms, _print)


def _banks_list(arguments):
    from sousa.generation.audio import commands

    commands.list_banks(_print)


def _banks_build(arguments):
    from sousa.generation.audio import commands

    commands.build(
        arguments.font, arguments.kits, arguments.output, arguments.licence, arguments.character, _print
    )


def _banks_play(arguments):
    from sousa.generation.audio import commands

    try:
        velocities = [int(text) for text in arguments.velocities.split(",")]
    except ValueError:
        raise UsageError(f"--velocities is {arguments.velocities!r}; write numbers with commas") from None
    commands.play(arguments.bank, arguments.output, velocities, arguments.articulation)
    _print(arguments.output)


def _fonts_list(arguments):
    from sousa.generation.audio import font_commands

    font_commands.list_fonts(_print)


def _fonts_install(arguments):
    from functools import partial

    from sousa.generation.audio import font_commands

    font_commands.install(
        arguments.keys, arguments.output, arguments.source, arguments.address,
        *([lambda text: None] * 2 if arguments.quiet else [_print, _say]),
        partial(_progress_bar, quiet=arguments.quiet, unit="B", unit_scale=True),
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
