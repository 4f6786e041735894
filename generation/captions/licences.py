"""Licences of sounds, as corpora state them, under one identifier each, with what they forbid.

Conventions
-----------
A licence is stated as a text (``Attribution-Noncommercial-Share Alike 3.0 United States``), an address
(``http://creativecommons.org/licenses/by-nc-sa/3.0/us/``), or both. Identifiers are those of SPDX where it
has one, and of the same pattern where it has none: ``CC-``, the conditions, version and port
(``CC-BY-NC-SA-3.0-US``). What is not stated is left out: ``CC-BY-NC`` is a licence of no stated version.
Licences of other names are ``LicenseRef-NAME``; nobody knows what they forbid, so their flags are null. A
text that says more than conditions of Creative Commons (``CC BY for personal use only``) is such a name.

A text and an address that state different conditions state no licence: identifier and flags are null, and
whoever passes sounds on treats them like those of an unknown licence.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sousa.generation.licences import known

_CC = "https://creativecommons.org/"
_ORDER = ("by", "nc", "nd", "sa")
_ALLOWED = {"by", "by-nc", "by-nd", "by-sa", "by-nc-nd", "by-nc-sa", "nc", "nd", "sa", "nc-nd", "nc-sa"}
_WORDS = {
    "by": r"attribution|\bby\b",
    "nc": r"non[\s-]*comm?ercia|\bnc\b",  # one corpus has "Noncommercia-Share Alike"
    "nd": r"no[\s-]*deriv|\bnd\b",
    "sa": r"share[\s-]*alike|\bsa\b",
}
_CONDITIONS = {name: re.compile(pattern) for name, pattern in _WORDS.items()}
_IS_CC = re.compile(r"attribution|creative\s*commons|\bcc\b|^by(?:[\s_-]+(?:nc|nd|sa))+\b|^by$")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_CC_ADDRESS = re.compile(r"creativecommons\.org/licenses/((?:by|nc|nd|sa)(?:-(?:by|nc|nd|sa))*)"
                         r"(?=[/\s]|$)(?:/(\d\.\d))?(?:/([a-z]{2}|igo|scotland)(?=[/\s]|$))?")  # fmt: skip
_VERSION = re.compile(r"(?<![\d.])([1-4]\.\d)(?![\d.])")
# name: (identifier, address, nc, nd, sa), for texts and addresses that hold the pattern
_NAMED: tuple[tuple[str, str, str | None, bool, bool, bool], ...] = (
    (r"\bcc[\s-]*(?:0|zero)\b|creative\s*commons\s*(?:0|zero)|publicdomain/zero",
     "CC0-1.0", f"{_CC}publicdomain/zero/1.0/", False, False, False),
    (r"public domain mark|publicdomain/mark",
     "CC-PDM-1.0", f"{_CC}publicdomain/mark/1.0/", False, False, False),
    (r"licenses/publicdomain", "CC-PDDC", f"{_CC}licenses/publicdomain/", False, False, False),
    (r"^public domain(?: dedication)?$", "LicenseRef-Public-Domain", None, False, False, False),
    # whole copies are for non-commercial use alone, and parts may be used in new works
    (r"nc-sampling|non[\s-]*commercial sampling", "LicenseRef-CC-NC-Sampling-Plus-1.0",
     f"{_CC}licenses/nc-sampling+/1.0/", True, False, False),
    (r"sampling\s*(?:\+|plus)", "LicenseRef-CC-Sampling-Plus-1.0", f"{_CC}licenses/sampling+/1.0/",
     True, False, False),
    (r"art libre 1\.2|art-libre-12|free art licen[cs]e 1\.2",
     "LAL-1.2", "https://artlibre.org/licence/lal/licence-art-libre-12/", False, False, True),
    (r"artlibre\.org|licen[cs]e art libre|free art licen[cs]e",
     "LAL-1.3", "https://artlibre.org/licence/lal/", False, False, True),
    (r"^all rights reserved\.?$", "LicenseRef-All-Rights-Reserved", None, True, True, False),
)  # fmt: skip
_NICKNAMES = {"music sharing": "attribution noncommercial noderivatives"}
_PORTS = {
    "argentina": "ar", "australia": "au", "austria": "at", "belgium": "be", "brazil": "br",
    "bulgaria": "bg", "canada": "ca", "chile": "cl", "china mainland": "cn", "mainland china": "cn",
    "colombia": "co", "costa rica": "cr", "croatia": "hr", "czech republic": "cz", "denmark": "dk",
    "ecuador": "ec", "egypt": "eg", "estonia": "ee", "finland": "fi", "france": "fr", "germany": "de",
    "greece": "gr", "guatemala": "gt", "hong kong": "hk", "hungary": "hu", "igo": "igo", "india": "in",
    "ireland": "ie", "israel": "il", "italy": "it", "japan": "jp", "luxembourg": "lu", "macedonia": "mk",
    "malaysia": "my", "malta": "mt", "mexico": "mx", "netherlands": "nl", "new zealand": "nz",
    "norway": "no", "peru": "pe", "philippines": "ph", "poland": "pl", "portugal": "pt",
    "puerto rico": "pr", "romania": "ro", "scotland": "scotland", "serbia": "rs", "singapore": "sg",
    "slovenia": "si", "south africa": "za", "south korea": "kr", "korea": "kr", "spain": "es",
    "sweden": "se", "switzerland": "ch", "taiwan": "tw", "thailand": "th", "uganda": "ug",
    "united states": "us", "us": "us", "usa": "us", "uk": "uk", "england": "uk", "vietnam": "vn",
}  # fmt: skip
_PORT = re.compile(rf"\b({'|'.join(sorted(_PORTS, key=len, reverse=True))})\b")
# what stands beside conditions without changing them; any other word may forbid something
_PLAIN = re.compile(
    r"attribution|non[\s-]*comm?ercial?|no[\s-]*deriv(?:ative)?s?(?:\s*works?)?|share[\s-]*alike"
    r"|music sharing|creative\s*commons|licen[cs]ed?|international|unported|generic|wales"
    r"|\d\.\d-(?:[a-z]{2}|igo|scotland)$"
    rf"|\b(?:by|nc|nd|sa|cc|aka|the|this|an?|works?|tracks?|is|available|under|version)\b|{_PORT.pattern}"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FORBIDS = {"no", "not", "only", "personal", "private", "permission", "commercial", "except", "without"}
_PORT_CODE = re.compile(r"\d\.\d-([a-z]{2}|igo|scotland)$")
_NOTHING = {"", "unknown", "none", "null", "nan", "n/a", "na", "undefined", "unspecified", "not specified",
            "other", "no license", "no licence", "?", "-"}  # fmt: skip
_LONGEST_NAME = 80  # characters; what is longer is a sentence


@dataclass(frozen=True)
class Licence:
    """A licence.

    Attributes:
        id: its identifier; None where none is known.
        url: address of its text.
        raw: as it was published.
        nc, nd, sa: it forbids commercial use, forbids changed copies, asks that they are under the same
            licence; None where that is not known.
    """

    id: str | None = None
    url: str | None = None
    raw: str | None = None
    nc: bool | None = None
    nd: bool | None = None
    sa: bool | None = None

    def columns(self) -> dict[str, Any]:
        """The columns of the schema that tell of it."""
        flags = {"licence_nc": self.nc, "licence_nd": self.nd, "licence_sa": self.sa}
        return {"licence": self.id, "licence_url": self.url, "licence_raw": self.raw, **flags}


@lru_cache(4096)  # all corpora together have some hundred
def licence_of(raw: str | None, url: str | None = None) -> Licence:
    """The licence that a text and an address state; an address may also be in the text."""
    raw, url = (value if value and value.strip() else None for value in (raw, url))
    words = " ".join(unicodedata.normalize("NFKC", raw or "").lower().split())
    addresses = " ".join([*_ADDRESS.findall(words), (url or "").strip().lower()])
    words = _ADDRESS.sub(" ", words).strip()
    words = _NICKNAMES.get(words, words)
    published = raw or url
    stated = _creative_commons(words, addresses, published)
    for pattern, name, address, nc, nd, sa in _NAMED:
        if re.search(pattern, words) or re.search(pattern, addresses):
            return Licence(raw=published) if stated else Licence(name, address, published, nc, nd, sa)
    if stated:
        return stated
    address = url if url and _ADDRESS.fullmatch(url.strip().lower()) else None
    for name in known():
        if name.lower() == words:
            return Licence(name, address, published, False, False, name.startswith(("GPL", "LGPL", "AGPL")))
    return Licence(_reference(raw), address, published)


def _creative_commons(words: str, addresses: str, published: str | None) -> Licence | None:
    """The licence of Creative Commons that is stated; one without an identifier where two are; or None."""
    address = _CC_ADDRESS.search(addresses)
    more = _WORD.findall(_PLAIN.sub(" ", words))
    in_words = None if more else _conditions(words)
    in_address = _ordered(address[1].split("-")) if address else None
    if in_address and _conditions(words) and _FORBIDS.intersection(more):
        return Licence(raw=published)
    conditions = in_address or in_words
    if conditions is None:
        return None
    if (in_words and in_words != conditions) or conditions not in _ALLOWED:
        return Licence(raw=published)
    in_text = _VERSION.search(words)
    version = (address and address[2]) or (in_text and in_text[1]) or None
    if version and not version.startswith("1.") and not conditions.startswith("by"):
        conditions = f"by-{conditions}"  # since 2.0 all of them ask for attribution, and some leave it unsaid
    code, names = _PORT_CODE.search(words), _PORT.findall(words[in_text.end() :]) if in_text else []
    # of "UK: Scotland" the last
    port = (address and address[3]) or (code and code[1]) or (_PORTS[names[-1]] if names else None)
    port = port if version else None
    parts = conditions.split("-")
    url = None
    if version:
        path = conditions.replace("nc-nd", "nd-nc") if version == "1.0" else conditions
        url = f"{_CC}licenses/{path}/{version}/{f'{port}/' if port else ''}"
    name = "-".join(part for part in ("CC", *parts, version, port) if part).upper()
    return Licence(name, url, published, "nc" in parts, "nd" in parts, "sa" in parts)


def _conditions(words: str) -> str | None:
    """The conditions that a text names, such as ``by-nc``; None where it names no licence of these."""
    if not _IS_CC.search(words) or "sampling" in words:
        return None
    return _ordered(name for name, pattern in _CONDITIONS.items() if pattern.search(words)) or None


def _ordered(conditions: Any) -> str:
    conditions = set(conditions)
    return "-".join(name for name in _ORDER if name in conditions)


def _reference(raw: str | None) -> str | None:
    """An identifier for a licence that is only known by name."""
    if raw is None or len(raw) > _LONGEST_NAME or raw.strip().lower() in _NOTHING or _ADDRESS.search(raw):
        return None
    raw = raw.strip().removeprefix("LicenseRef-")
    plain = unicodedata.normalize("NFKD", raw).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9.]+", "-", plain).strip("-.")
    return f"LicenseRef-{name}" if name else None
