"""Encoders by name: where their weights are, under which licence, and how a user asks for them.

Conventions: an encoder is asked for as ``NAME``, or as ``NAME=WHERE`` with a directory or a name on the Hub,
``NAME=org/name@REVISION``. Texts can be encoded by any encoder of sentences: another name is one, and has to
say where it is. A tower of text that belongs to one of sound is called ``NAME-text`` in files.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sousa.generation.errors import UsageError, one_of, raise_all
from sousa.generation.outside import expanded
from sousa.training.embedding.layout import AUDIO, TEXT

_TOWERS = "sousa.training.embedding.towers"


@dataclass(frozen=True)
class Known:
    """An encoder that has a name here.

    Attributes:
        place: ``module:Class`` of its tower.
        where: its weights, where the user names none; empty where he has to.
        licence: of these weights.
        non_commercial: the licence forbids commercial use.
    """

    place: str
    where: str
    licence: str
    non_commercial: bool = False


_NC = "CC-BY-NC-4.0"
SOUNDS = {
    "clap": Known("clap:ClapAudio", "laion/larger_clap_music", "Apache-2.0"),
    "musicnn": Known("musicnn:Musicnn", "MTT_musicnn", "ISC"),
    "ast": Known("spectrogram_encoders:Ast", "MIT/ast-finetuned-audioset-10-10-0.4593", "BSD-3-Clause"),
    "whisper": Known("spectrogram_encoders:Whisper", "openai/whisper-base", "Apache-2.0"),
    "w2v_bert": Known("spectrogram_encoders:Wav2Vec2Bert", "facebook/w2v-bert-2.0", "MIT"),
    "small": Known("trained:Trained", "", ""),
    "mert": Known("mert:Mert", "m-a-p/MERT-v1-95M", _NC, True),
    "muq": Known("muq:MuQ", "OpenMuQ/MuQ-large-msd-iter", _NC, True),
    "muq_mulan": Known("muq:MuLanAudio", "OpenMuQ/MuQ-MuLan-large", _NC, True),
    "latent": Known("latent:Latent", "music2latent", _NC, True),
}
TEXTS = {
    "clap": Known("clap:ClapText", "laion/larger_clap_music", "Apache-2.0"),
    "minilm": Known("sentences:Sentences", "", "Apache-2.0"),  # in a package, see towers.sentences
    "qwen3": Known("sentences:Sentences", "Qwen/Qwen3-Embedding-0.6B", "Apache-2.0"),
    "muq_mulan": Known("muq:MuLanText", "OpenMuQ/MuQ-MuLan-large", _NC, True),
}
_ANY_TEXT = Known("sentences:Sentences", "", "")
_KNOWN = {AUDIO: SOUNDS, TEXT: TEXTS}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LIBRARIES = ("torch", "transformers", "soxr", "soundfile")


@dataclass(frozen=True)
class Asked:
    """An encoder that a user asks for.

    Attributes:
        kind: audio or text.
        name: of its files.
        where: a directory, a name on the Hub, or what its tower takes.
        revision: of the Hub.
        own: the user named the weights.
    """

    kind: str
    name: str
    known: Known
    where: str
    revision: str | None = None
    own: bool = False


def asked_for(kind: str, words: Iterable[str]) -> list[Asked]:
    """Encoders of a kind as a user names them; UsageError with everything that is wrong."""
    known, problems, out = _KNOWN[kind], [], []
    for word in words:
        name, _, where = word.partition("=")
        if not where and name not in known and kind == TEXT and "/" in name:
            where, name = name, name.partition("@")[0].rstrip("/").rpartition("/")[2]
        if name not in known and (kind == AUDIO or not where):
            hint = "" if kind == AUDIO else "; or NAME=WHERE for any encoder of sentences"
            problems.append(f"unknown encoder of {kind} {one_of(name, known)}{hint}")
            continue
        if not _NAME.fullmatch(name):
            problems.append(f"encoder {name!r}: give a name of letters, digits, '_', '-' and '.'")
            continue
        entry = known.get(name, _ANY_TEXT)
        if not (where or entry.where or name == "minilm"):
            problems.append(f"{name} has no weights of its own; say where they are: {name}=PATH")
            continue
        shared = kind == TEXT and name in SOUNDS
        out.append(_placed(Asked(kind, f"{name}-text" if shared else name, entry, entry.where), where))
    names = [asked.name for asked in out]
    problems += [f"encoder {name} is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    raise_all(problems)
    return out


def _placed(asked: Asked, where: str) -> Asked:
    if not where:
        return asked
    path, _, revision = where.rpartition("@")
    if path and not Path(expanded(where)).exists():
        return replace(asked, where=path, revision=revision, own=True)
    return replace(asked, where=expanded(where), own=True)


def together(sounds: list[Asked], texts: list[Asked], allow_non_commercial: bool) -> list[Asked]:
    """Encoders of both kinds; a tower of text takes the weights that are named for that of sound.

    Raises: UsageError for weights that may not be used commercially, unless that is allowed, and for none.
    """
    by_name = {f"{asked.name}-text": asked for asked in sounds if asked.own}
    texts = [
        replace(asked, where=by_name[asked.name].where, revision=by_name[asked.name].revision)
        if asked.name in by_name and not asked.own else asked
        for asked in texts
    ]  # fmt: skip
    out = [*sounds, *texts]
    if not out:
        raise UsageError("no encoder is named; give --encoders, --text or both")
    closed = [asked for asked in out if asked.known.non_commercial]
    if closed and not allow_non_commercial:
        names = ", ".join(f"{asked.name} ({asked.known.licence})" for asked in closed)
        raise UsageError(
            f"the weights of {names} may not be used commercially, and nor may what is made with them; give "
            "--allow-non-commercial if that is no matter here, or other encoders"
        )
    return out


def load(asked: Asked, device: Any, batch_size: int) -> tuple[Any, dict[str, Any]]:
    """A tower, and its settings for the manifest: plain data.

    Raises: UsageError when its package is missing; RunError when its weights can't be loaded.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()  # of loading, a moment for each
    module, _, kind = asked.known.place.partition(":")
    where = asked.where
    if not where:  # of the text encoders those of a package
        where = import_module(f"{_TOWERS}.sentences").minilm()
    tower = getattr(import_module(f"{_TOWERS}.{module}"), kind)(where, asked.revision, device, batch_size)
    config = getattr(getattr(tower, "model", None), "config", None)
    local = Path(where).exists()
    settings = {
        "kind": asked.kind, "dim": tower.dim, "model": Path(where).name if local else where,
        "revision": getattr(config, "_commit_hash", None) or asked.revision,
        "licence": (asked.known.licence or None) if not asked.own or asked.known.non_commercial else None,
        "non_commercial": asked.known.non_commercial,
    }  # fmt: skip
    if asked.kind == AUDIO:
        names = ("sample_rate", "window_sec", "hop_sec")
        settings |= {name: getattr(tower, name) for name in names}
    versions = {name: version(name) for name in _LIBRARIES}
    return tower, {**settings, **tower.settings(), "versions": versions}
