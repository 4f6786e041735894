"""A dataset in a browser: what rows a request has, what is answered, and to whom."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from io import BytesIO
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from sousa import generate, release
from sousa.builders.browse import listing_of
from sousa.generation import corpora
from sousa.generation.browse.listing import ROWS_A_PAGE, Listing
from sousa.generation.browse.pages import first_page
from sousa.generation.browse.server import Browse
from sousa.generation.columns import Breakdown, Column
from sousa.generation.errors import UsageError
from sousa.generation.filters import Filter, value_of
from sousa.generation.preview import general
from sousa.generation.preview.source import Source
from sousa.generation.reopen import open_dataset
from sousa.generation.storage import LocalStorage
from tests.conftest import ROOT
from tests.support.axe import faults
from tests.support.browser import Browser, needs_chromium


@pytest.fixture(scope="module")
def place(small, tmp_path_factory):
    """A dataset of many rows, without their sound being looked at."""
    return small[0]


@pytest.fixture(scope="module")
def listing(place):
    return listing_of(place)


def serve(listing):
    """An address on loopback, and how to end it."""
    server = Browse(listing, "output/rudiments")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server


@pytest.fixture(scope="module")
def server(listing):
    server = serve(listing)
    yield server
    server.shutdown()
    server.server_close()


def get(server, path, **headers):
    """``(status, headers, body)``."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def rows_of(place):
    """Scalar columns of all rows, as the shards have them."""
    files = [place / record["file"] for record in open_dataset(place).records]
    names = [field.name for field in pq.read_schema(files[0]) if not pa.types.is_nested(field.type)]
    return pa.concat_tables([pq.read_table(file, columns=names) for file in files])


REQUESTS = [
    ("", {}),
    ("split=test", {"split": ["test"]}),
    (
        "split=train&skill_tier=beginner,advanced",
        {"split": ["train"], "skill_tier": ["beginner", "advanced"]},
    ),
    ("tempo_bpm=80,120", {"tempo_bpm": [80, 120]}),
    ("tempo_bpm=null,90&sort=-tempo_bpm", {"tempo_bpm": [None, 90]}),
    ("sort=duration_sec&page=2", {}),
    ("timing_accuracy=60,null&category=flam", {"timing_accuracy": [60, None], "category": ["flam"]}),
]


@pytest.mark.parametrize(("address", "where"), REQUESTS)
def test_rows_are_those_that_the_filters_of_other_commands_take(address, where, listing, place):
    asked = dict(parse_qsl(address))
    part, table = listing.part(asked), rows_of(place)
    expected = table.filter(Filter.parse(where, listing.source.columns).expression)
    assert part.count == len(expected) > 0 and part.where.keys() == where.keys()
    assert len(part.rows) == min(part.count - ROWS_A_PAGE * (part.page - 1), ROWS_A_PAGE)
    ids = table["sample_id"].to_pylist()
    assert all(ids[row["number"]] == row["sample_id"] for row in part.rows)
    if name := asked.get("sort", "").lstrip("-"):
        values = np.sort(expected[name].to_numpy())[:: -1 if part.sort.startswith("-") else 1]
        first = ROWS_A_PAGE * (part.page - 1)
        assert [row[name] for row in part.rows] == values[first : first + ROWS_A_PAGE].tolist()


def test_pages_together_are_all_rows_once(listing):
    first = listing.part({"split": "validation"})
    parts = [listing.part({"split": "validation", "page": str(page)}) for page in range(1, first.pages + 1)]
    numbers = [row["number"] for part in parts for row in part.rows]
    assert len(numbers) == len(set(numbers)) == first.count and first.pages > 1


@pytest.mark.parametrize(
    ("request_of", "sentence"),
    [
        ({"skill_tear": "beginner"}, "unknown filter 'skill_tear' (did you mean skill_tier?)"),
        ({"split": "tset"}, "split: unknown 'tset'"),
        ({"tempo_bpm": "slow"}, "tempo_bpm is ['slow']; give two numbers"),
        ({"sort": "tempo"}, "rows can't be sorted by the column 'tempo'"),
        ({"page": "1000000"}, "page is '1000000'; there are pages 1 to "),
        ({"page": "x"}, "page is 'x'"),
        ({"page": "1" * 5000}, "there are pages 1 to "),
    ],
)
def test_what_can_not_be_had_is_said(request_of, sentence, listing, server):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        listing.part(request_of)
    status, _, body = get(server, f"/?{urlencode(request_of)}")
    assert status == 400 and b"<h1>These rows can't be chosen</h1>" in body


def test_a_name_with_a_comma_is_one_name(tmp_path):
    places = ["river (mouth), 1.wav", "12,34"]
    rows = pa.table({"sample_id": ["a", "b"], "place": places, "split": ["test"] * 2})
    pq.write_table(rows, tmp_path / "rows.parquet")
    roles = {"place": Breakdown()}
    columns = tuple(Column(name, "string", "", "", role=roles.get(name)) for name in rows.schema.names)
    facts = {"dataset": "d", "data_version": "1", "size": "s", "num_rows": 2, "with_audio": False}
    record = {"file": "rows.parquet", "rows": 2, "split": "test"}
    source = Source(LocalStorage(str(tmp_path)), [record], columns, general(columns), facts)
    listing = Listing(source, corpora.get("captions"))
    for place in places:
        part = listing.part({"place": place})
        assert part.count == 1 and value_of(part.options["place"]) == [place]
        page = first_page(listing, part, (), "d")
        assert f'<option value="{place}" selected>' in page and "\\," in page


def test_filters_without_a_field_are_kept_by_the_form(server):
    _, _, body = get(server, "/?tiers=beginner&split=test")
    assert b'<input type=hidden name="tiers" value="beginner">' in body and body.count(b'name="split"') == 1


def test_the_hint_of_a_range_holds_every_row(listing):
    page = first_page(listing, listing.part({}), (), "d")
    for name, hint in re.findall(r'<input name="(\w+)" value="" placeholder="([^"]+)"', page):
        values = listing.table[name].drop_null()
        assert listing.part({name: hint}).count == len(values), name


def test_the_form_offers_what_there_is(listing):
    controls = {control.column.name: control for control in listing.controls}
    assert controls["split"].names == ("test", "train", "validation")
    low, high = controls["tempo_bpm"].span
    assert low < high and listing.part({"tempo_bpm": f"{low},{high}"}).count == len(listing.table)


def test_the_first_page_says_its_filters_and_escapes_them(server):
    _, headers, body = get(server, "/?split=test&sort=-tempo_bpm")
    page = body.decode()
    assert '<option value="test" selected>' in page and "--where split=test" in page
    assert page.count("<audio ") == ROWS_A_PAGE and "script" not in headers["Content-Security-Policy"]
    assert "<script" not in page
    _, _, body = get(server, "/?" + urlencode({"bank": '"><script>alert(1)</script>'}))
    assert b"<script>alert" not in body


def test_sound_is_the_stored_file_and_parts_of_it(server, listing, place):
    status, headers, data = get(server, "/audio/3")
    assert status == 200 and headers["Content-Type"] == "audio/flac"
    info = soundfile.info(BytesIO(data))
    assert info.frames == rows_of(place)["num_samples"][3].as_py()
    status, headers, part = get(server, "/audio/3", Range="bytes=100-199")
    assert (status, part) == (206, data[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(data)}"
    assert get(server, "/audio/3", Range="bytes=-10")[2] == data[-10:]
    assert get(server, "/audio/3", Range="bytes=90-")[2] == data[90:]
    status, headers, _ = get(server, "/audio/3", Range=f"bytes={len(data)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(data)}")
    assert get(server, "/audio/3", Range="bytes=10-5")[2] == data
    for number in (len(listing.table), 10**14):
        assert get(server, f"/audio/{number}")[0] == 404


def test_a_row_comes_with_others_of_its_take(tmp_path):
    options = {"profiles": 2, "tempos": 1, "rudiments": ["flam"], "augmentations": 3}
    generate("rudiments", tmp_path / "data", check=False, **options)
    listing = listing_of(tmp_path / "data")
    takes = rows_of(tmp_path / "data")["augmentation_group_id"].to_pylist()
    numbers = listing.renditions(4)
    assert 4 in numbers and {takes[n] for n in numbers} == {takes[4]} and len(numbers) == 3
    server = serve(listing)
    try:
        status, _, body = get(server, "/row/4")
        assert status == 200 and body.count(b'class="row"') == len(numbers)
        assert get(server, "/row/100000")[0] == 404
    finally:
        server.shutdown()


def test_pages_of_the_dataset_are_linked_where_they_are(server, place):
    _, _, body = get(server, "/")
    for name in ("preview", "report", "card"):
        assert f'href="/{name}"'.encode() in body
        assert get(server, f"/{name}")[0] == 200
    assert b"# SOUSA" in get(server, "/card")[2] and b"dataset_info" not in get(server, "/card")[2]
    assert get(server, "/preview")[2].count(b'class="row"') == 24


ELSEWHERE = ["/manifest.json", "/../README.md", "/row/-1", "/row/1/..", "/audio/", "/%2e%2e/"]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_else_is_answered(path, server):
    assert get(server, path)[0] == 404


LINES = ["GET http://[x/ HTTP/1.1", "GET /audio/3 HTTP/1.1\r\nRange: bytes=" + "1" * 5000]


@pytest.mark.parametrize("line", LINES, ids=["address", "range"])
def test_odd_requests_are_answered(line, server, capfd):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:
        connection.sendall(f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert re.match(rb"HTTP/1.1 (200|400|404) ", connection.recv(4096))
    with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
    assert get(server, "/card")[0] == 200 and "Traceback" not in capfd.readouterr().err


def test_a_reader_that_stops_reading_holds_nobody_up(server):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.server_port))
        connection.sendall(b"GET /preview HTTP/1.1\r\nHost: localhost\r\n\r\n" * 12)
        assert connection.recv(10)
        assert get(server, "/")[0] == get(server, "/audio/0")[0] == 200


def test_other_sites_do_not_start_work_here(server):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert get(server, "/preview", **headers)[0] == 403
    assert get(server, "/", **{**headers, "Sec-Fetch-Mode": "navigate"})[0] == 200  # a link to it


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_other_sites_can_not_read_it(host, server):
    status, _, body = get(server, "/", Host=host)
    assert status == 403 and b"sample_id" not in body


def test_a_release_is_opened_too(tiny, tmp_path):
    release(tiny, tmp_path / "release", version="1.0.0")
    server = serve(listing_of(tmp_path / "release"))
    try:
        assert b"release 1.0.0" in get(server, "/")[2]
        assert get(server, "/row/0")[0] == get(server, "/audio/0")[0] == get(server, "/card")[0] == 200
    finally:
        server.shutdown()


def test_the_command_serves_until_it_is_stopped(tiny):
    command = [sys.executable, str(ROOT / "sousa.py"), "open", str(tiny), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and errors == "closed\n"


def test_a_port_that_is_taken_is_said(tiny, server, sousa):
    done = sousa("open", tiny, "--no-browser", "--port", server.server_port)
    assert done.returncode == 2 and f"port {server.server_port} can't be used" in done.stderr
    done = sousa("open", tiny, "--no-browser", "--port", 70000)
    assert done.returncode == 2 and "port is 70000; give 0 to 65535" in done.stderr


@needs_chromium
def test_it_is_used_in_a_browser(server, tmp_path):
    assert faults([f"{server.address}?split=test", f"{server.address}card"]) == []
    with Browser(tmp_path) as browser:
        page = browser.page
        page.goto(server.address)
        page.select_option("select[name=split]", "test")
        page.click("text=Show")
        page.wait_for_url("**split=test**")
        assert {page.inner_text(f"tbody tr:nth-child({row}) td:nth-child(1)") for row in (2, 3)}
        page.click("tr:nth-child(2) a")
        page.wait_for_url("**/row/**")
        browser.evaluate("ready")
        assert page.inner_text("#name")
