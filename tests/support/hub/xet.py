"""A Xet content store for the test Hub: what hf_xet talks to instead of the real one.

Source of the formats: the Xet protocol specification (huggingface.co/docs/xet: api, shard, xorb, hashing).
Conventions: hashes are 64 hex digits, each 8 bytes of the binary form read as a little-endian number. A xorb
is a run of packed chunks; a file is a list of terms, each a range of chunks [start, end) of one xorb. A shard
says which terms make which file (and the file's sha256), and which chunks lie in which new xorb.

On disk: ``xorbs/<hash>`` and ``shards/<digest>``, each whole or absent, and ``grants/<id>``, what was sent
but not yet committed. Hashes are taken on trust: the real client has computed them.
"""

import hashlib
import json
import re
import struct
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pyarrow

from tests.support.hub.repository import HubError, write_whole

TAG = b"HFRepoMetaData\0UigEj{\x81W\x83\xa5\xbd\xd9\\\xcd\xd1J\xa9"
ENTRY = struct.Struct("<32s4I")  # every record of a shard has this size
END = b"\xff" * 32
HEADER = struct.Struct("<32sQQ")
WITH_VERIFICATION, WITH_SHA256 = 1 << 31, 1 << 30
WEEK = 7 * 24 * 3600  # seconds


@dataclass(frozen=True)
class Term:
    xorb: str
    size: int  # bytes of the file
    start: int  # chunks
    end: int


def to_hex(binary):
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", binary))


def records(data):
    """The 48-byte records of a shard after its header, as (hash, four numbers, raw)."""
    for at in range(HEADER.size, len(data) - ENTRY.size + 1, ENTRY.size):
        raw = data[at : at + ENTRY.size]
        binary, *numbers = ENTRY.unpack(raw)
        yield binary, numbers, raw


def parse_shard(data):
    """``(files, blocks)``: {file hash: (terms, sha256)} and {xorb hash: (chunk hashes, raw records)}."""
    if data[:32] != TAG or len(data) < HEADER.size + 2 * ENTRY.size:
        raise HubError(400, "Not a shard")
    files, blocks = {}, {}
    rows = records(data)
    for binary, (flags, count, *_), _raw in rows:
        if binary == END:
            break
        terms = []
        for _ in range(count):
            xorb, (_, size, start, end), _raw = next(rows)
            terms.append(Term(to_hex(xorb), size, start, end))
        for _ in range(count if flags & WITH_VERIFICATION else 0):
            next(rows)
        sha256 = to_hex(next(rows)[0]) if flags & WITH_SHA256 else None
        files[to_hex(binary)] = (terms, sha256)
    for binary, (_, count, *_), raw in rows:
        if binary == END:
            break
        chunks = [next(rows) for _ in range(count)]
        raw += b"".join(chunk[2] for chunk in chunks)
        blocks[to_hex(binary)] = ([to_hex(chunk[0]) for chunk in chunks], raw)
    return files, blocks


def parse_xorb(data):
    """The chunks of a xorb, as (offset, packed bytes with header, scheme, unpacked bytes)."""
    chunks, at = [], 0
    while at + 8 <= len(data) and data[at : at + 7] != b"XETBLOB":
        version, scheme = data[at], data[at + 4]
        size = 8 + int.from_bytes(data[at + 1 : at + 4], "little")
        if version != 0 or scheme > 2 or at + size > len(data):
            raise HubError(400, "Not a xorb")
        chunks.append((at, size, scheme, int.from_bytes(data[at + 5 : at + 8], "little")))
        at += size
    if not chunks:
        raise HubError(400, "Not a xorb")
    return chunks


def unpack(data, scheme, size):
    """The content of one chunk. Schemes: 0 plain, 1 LZ4 frames, 2 the same with the bytes grouped by four."""
    if scheme == 0:
        return data
    data = pyarrow.decompress(data, decompressed_size=size, codec="lz4", asbytes=True)
    if scheme == 1:
        return data
    out, at = bytearray(size), 0
    for group in range(4):
        count = len(range(group, size, 4))
        out[group::4] = data[at : at + count]
        at += count
    return bytes(out)


def merged(terms):
    """The chunks that the terms need, as (xorb, start, end) that neither overlap nor touch.

    A client looks for one range that holds the whole of a term.
    """
    runs = []
    for xorb, start, end in sorted({(term.xorb, term.start, term.end) for term in terms}):
        if runs and runs[-1][0] == xorb and start <= runs[-1][2]:
            _, start, before = runs.pop()
            end = max(end, before)
        runs.append((xorb, start, end))
    return runs


class Cas:
    """The content store; ``handle`` answers its requests."""

    def __init__(self, root):
        self.root = Path(root)
        self.lock = threading.RLock()
        self.files, self.by_sha256, self.blocks, self.holder = {}, {}, {}, {}
        self._layouts = {}
        for shard in sorted((self.root / "shards").glob("[0-9a-f]*")):
            self._learn(shard.read_bytes())

    def _learn(self, shard):
        files, blocks = parse_shard(shard)
        for name, (terms, sha256) in files.items():
            self.files[name] = terms
            if sha256:
                self.by_sha256[sha256] = name
        for xorb, (chunks, raw) in blocks.items():
            self.blocks[xorb] = raw
            self.holder.update(dict.fromkeys(chunks, xorb))
        return len(files)

    def stored(self):
        """Bytes of all xorbs."""
        return sum(path.stat().st_size for path in (self.root / "xorbs").glob("[0-9a-f]*"))

    def hash_of(self, sha256):
        return self.by_sha256.get(sha256)

    def size(self, sha256):
        return sum(term.size for term in self.files[self.by_sha256[sha256]])

    def has_xorb(self, xorb):
        return (self.root / "xorbs" / xorb).exists()

    def put_xorb(self, xorb, data):
        """Whether it is new."""
        parse_xorb(data)
        if new := not self.has_xorb(xorb):
            write_whole(self.root / "xorbs" / xorb, data)
        return new

    def put_shard(self, data):
        with self.lock:
            files, _ = parse_shard(data)
            for terms, _ in files.values():
                for term in terms:
                    if not self.has_xorb(term.xorb) or len(self.layout(term.xorb)) < term.end:
                        raise HubError(400, f"A file needs the xorb {term.xorb}, which was not uploaded")
            write_whole(self.root / "shards" / hashlib.sha256(data).hexdigest(), data)
            self._learn(data)

    def layout(self, xorb):
        if xorb not in self._layouts:
            self._layouts[xorb] = parse_xorb((self.root / "xorbs" / xorb).read_bytes())
        return self._layouts[xorb]

    def trimmed(self, name, start, end):
        """``(bytes to skip, terms)`` that hold the bytes [start, end) of a file, cut to whole chunks."""
        skip, terms, at = None, [], 0
        for term in self.files[name]:
            first, last, size = None, None, 0
            for index in range(term.start, term.end):
                length = self.layout(term.xorb)[index][3]
                if at + length > start and at < end:
                    skip = start - at if skip is None else skip
                    first = index if first is None else first
                    last, size = index + 1, size + length
                at += length
            if first is not None:
                terms.append(Term(term.xorb, size, first, last))
        return skip or 0, terms

    def read(self, name, start=0, end=None):
        total = sum(term.size for term in self.files[name])
        end = total if end is None else min(end, total)
        skip, terms = self.trimmed(name, start, end)
        out = bytearray()
        for term in terms:
            with (self.root / "xorbs" / term.xorb).open("rb") as xorb:
                for at, packed, scheme, unpacked in self.layout(term.xorb)[term.start : term.end]:
                    xorb.seek(at + 8)
                    out += unpack(xorb.read(packed - 8), scheme, unpacked)
        return bytes(out[skip : skip + end - start])

    def reconstruction(self, name, version, wanted, base):
        """How to make the bytes of a file: terms, and where to fetch them."""
        if name not in self.files:
            raise HubError(404, "File not found")
        total = sum(term.size for term in self.files[name])
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "bytes=0-")
        start, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else total, total)
        if start >= total and total:
            raise HubError(416, "Range not satisfiable")
        skip, terms = self.trimmed(name, start, end)
        fetches = {}
        for xorb, first, last in merged(terms):
            begin, (tail, size, *_) = self.layout(xorb)[first][0], self.layout(xorb)[last - 1]
            chunks, span = {"start": first, "end": last}, {"start": begin, "end": tail + size - 1}
            url = f"{base}/fetch/{xorb}"
            plain = {"range": chunks, "url": url, "url_range": span}
            fetch = {"url": url, "ranges": [{"chunks": chunks, "bytes": span}]} if version == "v2" else plain
            fetches.setdefault(xorb, []).append(fetch)
        lines = []
        for term in terms:
            chunks = {"start": term.start, "end": term.end}
            lines.append({"hash": term.xorb, "unpacked_length": term.size, "range": chunks})
        place = "xorbs" if version == "v2" else "fetch_info"
        return {"offset_into_first_range": skip, "terms": lines, place: fetches}

    def known_chunk(self, chunk):
        """A shard without files that says which xorb holds this chunk."""
        if chunk not in self.holder:
            raise HubError(404, "Chunk not known")
        body = END + bytes(16) + self.blocks[self.holder[chunk]] + END + bytes(16)
        footer_at = HEADER.size + len(body)
        offsets = struct.pack("<3Q6Q", 1, HEADER.size, HEADER.size + ENTRY.size, *(footer_at, 0) * 3)
        times = struct.pack("<2Q", int(time.time()), int(time.time()) + WEEK)
        footer = offsets + bytes(32) + times + bytes(72) + struct.pack("<Q", footer_at)
        return HEADER.pack(TAG, 2, len(footer)) + body + footer

    def handle(self, method, path, headers, body, base, may_write):
        """``(status, headers, body)``; the path is what follows the store's address."""
        parts = path.strip("/").split("/")
        if method == "PUT" and re.fullmatch("grants/[0-9a-f]{32}", path.strip("/")):
            write_whole(self.root / path.strip("/"), body)  # the address itself is the permission
            return 200, {}, b""
        if method == "GET" and parts[0] == "fetch" and self.has_xorb(parts[-1]):
            return 200, {}, (self.root / "xorbs" / parts[-1]).read_bytes()
        if method != "GET" and not may_write:
            raise HubError(403, "The token may not write")
        match method, parts:
            case "GET", ["v1" | "v2" as version, "reconstructions", name]:
                return as_json(self.reconstruction(name, version, headers.get("Range"), base))
            case "GET", ["v1", "chunks", _, chunk]:
                return 200, {}, self.known_chunk(chunk)
            case "POST", ["v1", "xorb-grants", _, xorb]:
                grant = uuid.uuid4().hex
                answer = {"id": grant, "method": "PUT", "url": f"{base}/grants/{grant}", "headers": {}}
                return as_json({}) if self.has_xorb(xorb) else as_json(answer, 201)
            case "POST", ["v1", "xorb-commits", _, xorb, "grant", grant]:
                place = self.root / "grants" / grant
                if not place.is_file():
                    raise HubError(404, "Nothing was uploaded for this grant")
                new = self.put_xorb(xorb, place.read_bytes())
                place.unlink()
                return as_json({"was_inserted": new})
            case "POST", ["v1", "xorbs", _, xorb]:
                return as_json({"was_inserted": self.put_xorb(xorb, body)})
            case "POST", ["v1" | "v2" as version, "shards"]:
                self.put_shard(body)
                return as_json({"result": 1} if version == "v1" else {"type": "result"})
        raise HubError(404, "Not found")


def as_json(value, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode() + b"\n"
