"""What is kept from training: every name is that of something shipped, and enough of each kind is left."""

import tomllib
from pathlib import Path

from sousa.generation.audio import banks, held_out, rooms

FILE = Path(rooms.__file__).with_name("held_out.toml")
HELD_OUT = tomllib.loads(FILE.read_text(encoding="utf-8"))


def about_a_fifth(part, whole):
    return 0.15 <= len(part) / len(whole) <= 0.25


def test_names_are_those_of_shipped_drums_and_rooms():
    pools = {name: {response.name for response in rooms.pool(name)} for name in rooms.stated()}
    shipped = {"banks": set(banks.find(banks.SHIPPED_DIR)), "responses": set().union(*pools.values())}
    assert HELD_OUT.keys() == shipped.keys()
    for kind, names in HELD_OUT.items():
        assert len(names) == len(set(names)) and set(names) <= shipped[kind]
        assert about_a_fifth(names, shipped[kind])
    assert all(about_a_fifth(pool & set(HELD_OUT["responses"]), pool) for pool in pools.values())


def test_whole_sources_are_held_out():
    sources = {}
    for bank in banks.shipped():
        sources.setdefault(bank.soundfont, set()).add(bank.name)
    whole = [source for source, names in sources.items() if names <= set(HELD_OUT["banks"])]
    assert len(whole) >= 2


def test_what_is_held_out_is_parted_where_something_is_left():
    class Thing:
        def __init__(self, name):
            self.name = name

    kept = sorted(held_out.names()["banks"])[0]
    a, b = Thing("mine"), Thing(kept)
    assert held_out.parted("banks", [a, b]) == ([a], [b])
    assert held_out.parted("banks", [b]) == ([b], []) and held_out.parted("banks", [a]) == ([a], [])
