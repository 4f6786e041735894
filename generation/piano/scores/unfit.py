"""What makes a file no score."""


class UnfitScore(ValueError):
    """What is wrong with the content of a file, and what to do."""


def plain_xml(data: bytes) -> str:
    """XML as text, whatever Unicode it is in, without entities of its own, which may grow without end.

    Raises: UnfitScore.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    head = data[:200].lower()
    if encoding == "utf-8-sig" and (b"iso-8859" in head or b"latin1" in head or b"windows-1252" in head):
        encoding = "cp1252"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise UnfitScore("no XML in UTF-8 or UTF-16; export it again") from None
    if "<!ENTITY" in text:
        raise UnfitScore("it declares entities, which are not read; export it again")
    return text
