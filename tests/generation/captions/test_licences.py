"""Licences of sounds: every way of stating one that published corpora use."""

import pytest

from sousa.generation.captions.licences import Licence, licence_of

CC = "https://creativecommons.org/licenses"
# as published: (identifier, flags: n for NC, d for ND, s for SA); None where they are not known
TEXTS = {
    "Attribution-Noncommercial-Share Alike 3.0 United States": ("CC-BY-NC-SA-3.0-US", "ns"),
    "Attribution-NonCommercial-NoDerivatives (aka Music Sharing) 3.0 International": (
        "CC-BY-NC-ND-3.0", "nd",
    ),
    "Attribution-Noncommercial-No Derivative Works 3.0 United States": ("CC-BY-NC-ND-3.0-US", "nd"),
    "Creative Commons Attribution-NonCommercial-NoDerivatives 4.0": ("CC-BY-NC-ND-4.0", "nd"),
    "Attribution-NonCommercial-NoDerivs 3.0 Poland": ("CC-BY-NC-ND-3.0-PL", "nd"),
    "Attribution-Noncommercia-Share Alike 2.5 Mexico": ("CC-BY-NC-SA-2.5-MX", "ns"),
    "Attribution-Noncommercial-Share Alike 2.5 UK: Scotland": ("CC-BY-NC-SA-2.5-SCOTLAND", "ns"),
    "Attribution-Noncommercial 2.0 UK: England": ("CC-BY-NC-2.0-UK", "n"),
    "Attribution NonCommercial 2.5": ("CC-BY-NC-2.5", "n"),
    "Attribution-NonCommercial-ShareAlike": ("CC-BY-NC-SA", "ns"),
    "Attribution-NoDerivatives 4.0 International": ("CC-BY-ND-4.0", "d"),
    "Attribution": ("CC-BY", ""),
    "Music Sharing": ("CC-BY-NC-ND", "nd"),
    # names of places that hold the letters of a condition
    "Attribution 3.0 Netherlands": ("CC-BY-3.0-NL", ""),
    "Attribution 1.0 Finland": ("CC-BY-1.0-FI", ""),
    "Attribution-Noncommercial 3.0 New Zealand": ("CC-BY-NC-3.0-NZ", "n"),
    "Attribution-ShareAlike 3.0 Unported": ("CC-BY-SA-3.0", "s"),
    "cc-by-nc-sa-3.0": ("CC-BY-NC-SA-3.0", "ns"),
    "CC-BY-SA-2.1-JP": ("CC-BY-SA-2.1-JP", "s"),
    "CC BY-NC-SA 4.0": ("CC-BY-NC-SA-4.0", "ns"),
    "by-nc": ("CC-BY-NC", "n"),
    "http://creativecommons.org/licenses/by/3.0/deed.en": ("CC-BY-3.0", ""),
    "http://creativecommons.org/licenses/by/2.0/fr/deed.fr": ("CC-BY-2.0-FR", ""),
    "http://creativecommons.org/licenses/by-nd-nc/1.0/": ("CC-BY-NC-ND-1.0", "nd"),
    "http://creativecommons.org/licenses/sampling+/1.0/": ("LicenseRef-CC-Sampling-Plus-1.0", "n"),
    "Noncommercial Sampling Plus": ("LicenseRef-CC-NC-Sampling-Plus-1.0", "n"),
    "Available under a Creative Commons Attribution-Non-Commercial-No Derivatives license: "
    "http://creativecommons.org/licenses/by-nc-nd/2.0/be/": ("CC-BY-NC-ND-2.0-BE", "nd"),
    "Available under License Art Libre: http://artlibre.org/licence/lal/": ("LAL-1.3", "s"),
    "Free Art License": ("LAL-1.3", "s"),
    "CC0 1.0 Universal": ("CC0-1.0", ""),
    "Creative Commons 0": ("CC0-1.0", ""),
    "http://creativecommons.org/publicdomain/zero/1.0/": ("CC0-1.0", ""),
    "Public Domain Mark 1.0": ("CC-PDM-1.0", ""),
    "Public Domain": ("LicenseRef-Public-Domain", ""),
    "All rights reserved": ("LicenseRef-All-Rights-Reserved", "nd"),
    "mit": ("MIT", ""),
    # named, and nobody knows what they forbid; the recording of a work in the public domain may be protected
    "Public Domain / Sound Recording Common Law Protection": (
        "LicenseRef-Public-Domain-Sound-Recording-Common-Law-Protection", None,
    ),
    "FMA-Limited: Download Only": ("LicenseRef-FMA-Limited-Download-Only", None),
    "Orphan Work": ("LicenseRef-Orphan-Work", None),
    "Creative Commons": ("LicenseRef-Creative-Commons", None),
    # a text that says more than its conditions may forbid anything
    "Attribution required. No commercial use.": (
        "LicenseRef-Attribution-required.-No-commercial-use", None,
    ),
    "CC BY for personal use only": ("LicenseRef-CC-BY-for-personal-use-only", None),
    "Attribution (commercial use not allowed)": (
        "LicenseRef-Attribution-commercial-use-not-allowed", None,
    ),
    "CC BY for personal use only http://creativecommons.org/licenses/by/3.0/": (None, None),
    "Attribution-NonComercial 3.0": ("CC-BY-NC-3.0", "n"),
    "Attribution-Noncommercial 2.0 UK: England & Wales": ("CC-BY-NC-2.0-UK", "n"),
    "LicenseRef-Orphan-Work": ("LicenseRef-Orphan-Work", None),
    # nothing is known
    "": (None, None),
    " \t": (None, None),
    "nan": (None, None),
    "Unknown": (None, None),
    "http://example.com/my-terms": (None, None),
    "Do with it whatever you like, as long as you write a postcard to those who made it.": (None, None),
    # the text says one thing and the address another
    "Creative Commons Attribution license: http://creativecommons.org/licenses/by-nc/2.0/": (None, None),
    "All rights reserved http://creativecommons.org/licenses/by/3.0/": (None, None),
    "Attribution-NoDerivs-ShareAlike 3.0": (None, None),
}  # fmt: skip


@pytest.mark.parametrize("raw", TEXTS)
def test_a_licence_as_published(raw):
    name, forbids = TEXTS[raw]
    licence = licence_of(raw)
    flags = [None] * 3 if forbids is None else [letter in forbids for letter in "nds"]
    assert (licence.id, [licence.nc, licence.nd, licence.sa]) == (name, flags)
    assert licence.raw == (raw if raw.strip() else None)


def test_an_address_alone_is_what_was_published():
    address = "http://creativecommons.org/licenses/by-nc-sa/2.0/uk/"
    stated = Licence("CC-BY-NC-SA-2.0-UK", f"{CC}/by-nc-sa/2.0/uk/", address, True, False, True)
    assert licence_of("", address) == stated


def test_text_and_address_complete_each_other():
    title = "Attribution-Noncommercial 3.0 United States"
    assert licence_of(title, "http://creativecommons.org/licenses/by-nc/3.0/us/").id == "CC-BY-NC-3.0-US"
    assert licence_of("Attribution-NonCommercial", f"{CC}/by-nc/2.5/").url == f"{CC}/by-nc/2.5/"
    assert licence_of("Attribution-NonCommercial", f"{CC}/by-nc-nd/2.5/").id is None


def test_version_1_has_its_conditions_in_another_order_in_its_address():
    assert licence_of("CC-BY-NC-ND-1.0").url == f"{CC}/by-nd-nc/1.0/"


def test_the_address_of_an_unknown_licence_is_kept():
    licence = licence_of("Own Terms", "https://example.com/terms")
    assert (licence.id, licence.url, licence.nd) == (
        "LicenseRef-Own-Terms",
        "https://example.com/terms",
        None,
    )


def test_columns_are_those_of_the_schema():
    from sousa.generation.captions.columns import READ

    columns = licence_of("CC BY 4.0").columns()
    assert columns.keys() == {name for name in READ.names if name.startswith("licence")}
    assert columns["licence_url"] == f"{CC}/by/4.0/"
