"""Options of the ``sousa`` command; what the commands do is in ``sousa.py``."""

import argparse

from sousa.generation import DATA_VERSION
from sousa.generation.errors import one_of

CORPORA = ("rudiments", "textures")


def names(text):
    """A list written with commas, or None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def workers_problem(workers):
    """What is wrong with ``--workers``: a list of no or one sentence."""
    return [] if workers >= 0 else [f"--workers is {workers}; give 0 (one a core) or more"]


def request_problems(arguments):
    """What is wrong with a request to generate, whatever the corpus: list of sentences."""
    problems = workers_problem(arguments.workers)
    if not arguments.output:
        problems.append("--output is empty; name a directory")
    return problems


def foreign_options(arguments):
    """Options that belong to another corpus than the one asked for: list of sentences."""
    from importlib import import_module

    own = {name: import_module(f"sousa.generation.{name}.commands").OWN for name in CORPORA}
    if arguments.corpus not in own:
        return [f"unknown corpus {one_of(arguments.corpus, CORPORA)}"]
    problems = []
    for option in dict.fromkeys(option for options in own.values() for option in options):
        owners = [name for name, options in own.items() if option in options]
        if arguments.corpus not in owners and getattr(arguments, option) not in (None, False):
            problems.append(f"--{option.replace('_', '-')} belongs to {', '.join(owners)}; leave it out")
    return problems


def _size(text):
    try:
        return text if text == "single" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it is {text!r}; give MiB, or single") from None


class _Given(argparse.Action):
    """Stores a value and that it was given."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, values)
        setattr(namespace, f"{self.dest}_given", True)


def parser():
    """The argument parser; ``command`` of its result names what to run."""
    top = argparse.ArgumentParser(
        prog="sousa", description="Labelled music audio: made, packaged, published."
    )
    top.add_argument("--version", action="version", version=f"sousa, data version {DATA_VERSION}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _generate_options(commands.add_parser("generate", help="make a dataset"))
    sub = commands.add_parser("validate", help="check a dataset and write its report")
    sub.add_argument("directory")
    sub.add_argument(
        "--all", action="store_true", help="read MIDI and audio of every row, not of a part of them"
    )
    _synth_file(sub)
    sub.add_argument("--workers", "-w", type=int, default=0)
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="validate")
    sub = commands.add_parser("verify", help="make rows again and compare them; check the files of a release")
    sub.add_argument("directory")
    sub.add_argument("--rows", type=int, default=20, help="how many, chosen at random (default 20)")
    sub.add_argument("--all", action="store_true", help="all rows")
    sub.add_argument("--seed", type=int, help="choose the same rows each time")
    _synth_file(sub)
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="verify")
    _preview_options(commands.add_parser("preview", help="make a page to look at rows and hear them"))
    _release_options(commands.add_parser("release", help="make a dataset a versioned release for the Hub"))
    _publish_options(commands.add_parser("publish", help="publish a release on the Hub"))
    _diff_options(commands.add_parser("diff", help="what differs between two releases"))
    sub = commands.add_parser("rudiments", help="show the rudiments and their notation")
    sub.add_argument("names", nargs="*", metavar="NAME", help="slug, slug:variant or slug:*")
    sub.set_defaults(command="rudiments")
    _bank_options(commands.add_parser("banks", help="note banks: the drums that are played"))
    _font_options(commands.add_parser("soundfonts", help="free soundfonts to cut banks out of"))
    sub = commands.add_parser("acoustics", help="show the acoustic presets, or make their rooms")
    sub.add_argument("names", nargs="*", metavar="NAME", help="presets; all by default")
    sub.add_argument("--build-rooms", metavar="DIR", help="make the impulse responses again, into DIR")
    sub.set_defaults(command="acoustics")
    return top


def _generate_options(sub):
    sub.add_argument("corpus", nargs="?", default="rudiments", help="which corpus (default rudiments)")
    sub.add_argument(
        "--preset", default="small", action=_Given,
        help="small, medium or full: 1,200, 12,000 or 100,000 rows of rudiments; 528, 5,280 or 52,800 of "
        "textures",
    )  # fmt: skip
    sub.add_argument(
        "--output", "-o", "--outputpath", default="output/dataset", help="directory (default output/dataset)"
    )
    sub.set_defaults(preset_given=False)
    sub.add_argument("--profiles", "-p", type=int, help="number of players")
    sub.add_argument("--tempos", "-t", type=int, help="tempi for each player and rudiment")
    sub.add_argument("--augmentations", "-a", type=int, help="renderings of each take")
    sub.add_argument("--seed", type=int, help="of every random choice (default 42)")
    sub.add_argument(
        "--rudiments", metavar="NAMES", help="only these: slug, slug:variant or slug:*, with commas"
    )
    sub.add_argument("--tiers", metavar="NAMES", help="only players of these tiers, with commas")
    sub.add_argument(
        "--duration", type=float, metavar="SEC",
        help="length of playing (default 6); of a texture's long signal",
    )  # fmt: skip
    sub.add_argument(
        "--presets", metavar="NAMES", help="acoustics of the renderings, with commas (default all; see "
        "'sousa acoustics')"
    )  # fmt: skip
    sub.add_argument(
        "--impulse-responses",
        metavar="DIR",
        help="use these rooms: sound files, or folders named after presets",
    )
    sub.add_argument("--noise-files", metavar="DIR", help="use these noises in place of made ones")
    audio = sub.add_mutually_exclusive_group()
    audio.add_argument("--with-audio", action="store_true", help="render sound (the default)")
    audio.add_argument("--no-audio", action="store_true", help="labels and MIDI only")
    sub.add_argument(
        "--soundfont", metavar="PATH",
        help="snares of this .sf2/.sf3, of a directory, of a KEY of 'soundfonts list'; or BANKS by name",
    )  # fmt: skip
    sub.add_argument("--sample-rate", type=int, metavar="HZ", help="default 44100, or the config file's")
    sub.add_argument("--stereo", action="store_true", help="two channels")
    sub.add_argument("--audio-format", help="flac (default) or wav")
    _texture_options(sub.add_argument_group("textures"))
    sub.add_argument("--files", action="store_true", help="also write each row's audio and MIDI as files")
    sub.add_argument("--workers", "-w", type=int, default=0, help="processes; 0 is one a core (default)")
    sub.add_argument("--dry-run", action="store_true", help="say what would be made, and stop")
    sub.add_argument("--skip-validation", action="store_true")
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="generate")


def _texture_options(group):
    group.add_argument("--configfile", metavar="FILE", help="what to make: DSGenerator JSON, or our YAML")
    group.add_argument(
        "--records", metavar="NAMES", help="also write params, nsjson, tfrecords, frames or nsynth; or none"
    )
    group.add_argument(
        "--shard-mib", type=_size, metavar="MIB", help="TFRecord files (default 64), or single: one a row"
    )
    group.add_argument("--chunk", type=float, metavar="SEC", help="length of a row")
    group.add_argument(
        "--examples", type=int, help="renderings of each setting, which differ by chance alone"
    )
    group.add_argument("--level", metavar="POLICY", help="none, peak:DB or rms:DB (default peak:-1)")
    group.add_argument(
        "--derive", metavar="DATASET", help="the same corpus with something changed: same draws, same splits"
    )
    group.add_argument(
        "--set", action="append", metavar="KEY=VALUE", help="what --derive changes, such as Q=20"
    )
    _synth_file(group)
    group.add_argument("--list", action="store_true", help="show the synthesizers and stop")


def _synth_file(sub):
    sub.add_argument(
        "--synth-file", action="append", metavar="FILE",
        help="run this Python file and use its old-style classes (setParam, getParam, getParams, generate) "
        "as synthesizers",
    )  # fmt: skip


def _preview_options(sub):
    sub.add_argument("directory")
    sub.add_argument("--sounds", metavar="NAMES", help="of textures: only these")
    _synth_file(sub)
    sub.add_argument("--output", "-o", metavar="FILE", help="page to write (default DIRECTORY/preview.html)")
    sub.add_argument("--rows", type=int, default=48, help="how many, evenly chosen (default 48)")
    sub.add_argument("--rudiments", metavar="NAMES", help="only these: slug, slug:variant or slug:*")
    sub.add_argument("--tiers", metavar="NAMES", help="only these, with commas")
    sub.add_argument("--presets", metavar="NAMES", help="only these acoustics (augmentation_preset)")
    sub.add_argument("--seed", type=int, default=42, help="another seed chooses other rows (default 42)")
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="preview")


def _release_options(sub):
    sub.add_argument("directory", help="a finished dataset, as 'sousa generate' makes it")
    sub.add_argument("--output", "-o", required=True, metavar="RELEASE", help="directory of the release")
    sub.add_argument("--version", required=True, metavar="X.Y.Z", help="of the release, such as 1.0.0")
    sub.add_argument(
        "--previous", metavar="RELEASE",
        help="the release before: a directory, or org/name or org/name@v1.0.0 on the Hub",
    )  # fmt: skip
    sub.add_argument("--repo", metavar="ORG/NAME", help="where it will be published, for the card")
    sub.add_argument("--note", action="append", default=[], metavar="TEXT", help="a line for the changelog")
    _synth_file(sub)
    sub.add_argument("--workers", "-w", type=int, default=0, help="processes; 0 is one a core (default)")
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="release")


def _publish_options(sub):
    sub.add_argument("release", help="a finished release, as 'sousa release' makes it")
    sub.add_argument("repo", metavar="ORG/NAME", help="dataset repository on the Hub; made if there is none")
    sub.add_argument("--private", action="store_true", help="make a new repository private")
    sub.add_argument(
        "--revision", default="main", metavar="BRANCH", help="publish to this branch; the version's tag is "
        "set on main only (default main)"
    )  # fmt: skip
    sub.add_argument("--create-pr", action="store_true", help="open a pull request; publish again to tag it")
    sub.add_argument("--dry-run", action="store_true", help="say what would be uploaded, and stop")
    sub.add_argument(
        "--previous", metavar="RELEASE", help="with --dry-run: a directory with the last release, to count "
        "deduplicated bytes without fetching it"
    )  # fmt: skip
    sub.add_argument(
        "--redistribute", metavar="NAMES", help="you may pass on these sources, whose licences don't say so, "
        "with commas"
    )  # fmt: skip
    sub.add_argument("--quiet", "-q", action="store_true")
    sub.set_defaults(command="publish")


def _diff_options(sub):
    sub.add_argument(
        "releases", nargs="+", metavar="RELEASE", help="two releases: directories, or org/name@v1.0.0 on the "
        "Hub; or one repository of the Hub and two of its revisions"
    )  # fmt: skip
    sub.add_argument("--quiet", "-q", action="store_true", help="no progress")
    sub.set_defaults(command="diff")


def _bank_options(sub):
    verbs = sub.add_subparsers(required=True, metavar="VERB")
    one = verbs.add_parser("list", help="all banks with source and licence")
    one.set_defaults(command="banks_list")
    one = verbs.add_parser("build", help="cut banks out of a soundfont")
    one.add_argument("font", help=".sf2 or .sf3 file, a directory of them, or a key of 'soundfonts list'")
    one.add_argument("--kits", metavar="PROGRAM:KEY,...", help="only these; default: every distinct snare")
    one.add_argument("--output", "-o", help="directory (default: this user's cache)")
    one.add_argument("--licence", metavar="SPDX", help="identifier of the font's licence, such as MIT")
    one.add_argument("--character", metavar="NAME", help="make practice_pad or marching drums of them")
    one.set_defaults(command="banks_build")
    one = verbs.add_parser("play", help="write strokes of a bank to a sound file")
    one.add_argument("bank")
    one.add_argument("output", help=".wav or .flac")
    one.add_argument("--velocities", default="20,40,60,80,100,120")
    one.add_argument("--articulation", default="centre")
    one.set_defaults(command="banks_play")


def _font_options(sub):
    verbs = sub.add_subparsers(required=True, metavar="VERB")
    one = verbs.add_parser("list", help="known fonts with licence, and whether they are on this machine")
    one.set_defaults(command="fonts_list")
    one = verbs.add_parser("install", help="put known fonts on this machine, verified by their SHA-256")
    one.add_argument("keys", nargs="+", metavar="KEY", help="as 'sousa soundfonts list' shows them")
    one.add_argument("--from", dest="source", metavar="PATH", help="font, .deb or directory of them to take")
    one.add_argument("--output", "-o", help="directory (default: this user's cache)")
    one.add_argument("--address", metavar="URL", help="fetch the package from here, such as a mirror")
    one.add_argument("--quiet", "-q", action="store_true")
    one.set_defaults(command="fonts_install")
