"""What ``sousa generate`` does for rudiments."""

from sousa.generation.errors import UsageError, raise_all
from sousa.generation.options import names, request_problems

OWN = ("profiles", "tempos", "augmentations", "rudiments", "tiers", "presets", "impulse_responses",
       "noise_files", "with_audio", "no_audio", "soundfont", "duration", "stereo")  # fmt: skip


def config(arguments, say):
    """The configuration the options ask for.

    Args:
        arguments: as parsed; say: takes a line about what goes on.

    Raises: UsageError naming every problem.
    """
    from sousa.generation.audio import noise, rooms
    from sousa.generation.audio.commands import fonts_to_banks
    from sousa.generation.rudiments.corpus import make_config

    problems = request_problems(arguments)
    for option in ("soundfont", "impulse_responses", "noise_files"):
        if getattr(arguments, option) == "":
            problems.append(
                f"--{option.replace('_', '-')} is empty; name a file or directory, or leave it out"
            )
    for option in ("soundfont", "presets", "impulse_responses", "noise_files"):
        if getattr(arguments, option) and arguments.no_audio:
            problems.append(f"--{option.replace('_', '-')} has no use with --no-audio; leave one out")
    named = {name: getattr(arguments, name) for name in ("rudiments", "tiers", "presets")}
    for option, value in ((f"--{name}", value) for name, value in named.items()):
        if value is not None and not names(value):
            problems.append(f"{option} is empty; name at least one or leave it out")
    request = {
        "preset": arguments.preset, "profiles": arguments.profiles, "tempos": arguments.tempos,
        "augmentations": arguments.augmentations, "seed": _given(arguments.seed, 42),
        "rudiments": names(arguments.rudiments) or None, "tiers": names(arguments.tiers) or None,
        "acoustic_presets": names(arguments.presets) or None,
        "duration_sec": _given(arguments.duration, 6.0),
        "sample_rate": _given(arguments.sample_rate, 44100),
        "channels": 2 if arguments.stereo else 1,
        "audio_format": arguments.audio_format or "flac", "with_audio": not arguments.no_audio,
    }  # fmt: skip
    try:
        made = make_config(**request)
    except UsageError as error:
        problems += [
            line.removeprefix("  - ") for line in str(error).splitlines() if not line.endswith("problems:")
        ]
    raise_all(problems)
    own = {}
    if arguments.impulse_responses is not None:
        own["user_rooms"] = rooms.user_pool(arguments.impulse_responses)
    if arguments.noise_files is not None:
        own["user_noises"] = noise.user_files(arguments.noise_files)
    if arguments.soundfont:
        own["bank_list"] = fonts_to_banks(arguments.soundfont, say)
    return make_config(**request, **own) if own else made


def _given(value, default):
    return default if value is None else value


def estimate_text(config, arguments, workers):
    """What would be made, for ``--dry-run``.

    Args:
        workers: function of the number of shards giving the number of processes.
    """
    from sousa.generation.rudiments import generate

    what = generate.estimate(config, arguments.files)
    used = workers(what.shards)
    minutes = generate.trial_speed(config) * what.rows / used / 60
    return (
        f"{what.rows:,} rows ({what.takes:,} takes, {config.augmentations} renderings each) "
        f"in {what.shards:,} shards\n"
        f"{what.hours:.2f} hours of {'audio' if config.with_audio else 'music, without audio'}, "
        f"about {what.num_bytes / 1e6:,.0f} MB, about {max(minutes, 0.1):.1f} minutes "
        f"with {used} workers"
    )
