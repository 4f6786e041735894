"""The smallest dataset of each corpus that still has several shards, for trials that make it many times."""

from sousa.generation import corpora
from sousa.generation.corpus import is_generated
from tests.conftest import TINY

_ARGUMENTS = {
    "rudiments": TINY,
    "textures": ("generate", "textures", "--sample-rate", 8000, "--duration", 0.5, "--chunk", 0.5),
}


def commands():
    """Dict of corpus to the arguments of ``sousa`` that make it, without the output."""
    made = [corpus.name for corpus in corpora.every() if is_generated(corpus)]
    return {name: [*map(str, _ARGUMENTS.get(name, ("generate", name)))] for name in made}
