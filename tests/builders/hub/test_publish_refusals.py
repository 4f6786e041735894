"""What is not published, and how that is said: refusals, tokens, rivals, Hubs that fail."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from sousa.builders.release import layout
from sousa.generation.manifest import sealed
from sousa.generation.storage import file_digest
from tests.support.hub import Fault, Hub
from tests.support.publishing import REPO, Publisher, tmp_path_of, whole
from tests.support.releases import altered, faster, release


def test_lasting_faults_end_with_a_sentence(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        for fault, said in (
            (Fault("/commit/", "status", status=403, message=""), "the token may not do this"),
            (Fault("/commit/", "status", status=413), "too large"),
            (Fault("/commit/", "status", status=418), "refuses with status 418"),
        ):
            hub.faults.add(fault)
            assert said in publisher.refused(first)
            hub.faults.clear()
            assert len(hub.commits(REPO)) == 1 and not hub.refs(REPO)["tags"]


@pytest.mark.parametrize(
    ("status", "reason", "advice"),
    [
        (403, "Private repository storage limit reached, please upgrade your plan", "make room there"),
        (403, "Forbidden: you must use a write token to upload to a repository.", "that may write to org"),
        (403, "You don't have the rights to create a dataset under the namespace org", "may write to org"),
        (403, "This organization has been suspended", None),
        (403, "", "the token may not do this; log in"),
        (401, "User Access Token is expired", "log in with"),
    ],
)
def test_the_reason_that_the_hub_gives_decides_the_advice(versions, tmp_path, status, reason, advice):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        # a word elsewhere in the answer is not a reason
        headers = {"X-Storage-Host": "storage-1"} | ({"X-Error-Message": reason} if reason else {})
        hub.faults.add(Fault("/commit/", "status", status=status, headers=headers, message=reason))
        said = publisher.refused(first)
        assert reason in said
        assert (advice in said) if advice else ("log in" not in said and "room" not in said)
        assert said.count("\nsousa: ") + said.startswith("sousa: ") == 1
        assert ("make room" in said) == ("storage" in reason)


def test_a_gated_repository(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        headers = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted"}
        hub.faults.add(Fault("GET /api/datasets/org/sousa", "status", status=403, headers=headers))
        done = publisher("diff", f"{REPO}@v1.0.0", first)
        assert done.returncode == 1 and "access has to be asked for on its page" in done.stderr_text
        assert "log in" not in done.stderr_text


def test_tokens(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        said = publisher.refused(first, token=None)
        assert "no token" in said or "does not accept the token, or there is none" in said
        assert "hf auth login" in said
        said = publisher.refused(first, token="hf_of_nobody")
        assert "does not accept the token" in said and "hf_of_nobody" not in said
        hub.create(REPO)
        said = publisher.refused(first, token="hf_reader")
        assert "the token may not do this" in said and "HF_TOKEN to a token that may write to org" in said
        assert "HF_HUB_OFFLINE is set" in publisher.refused(first, HF_HUB_OFFLINE="1")
        assert len(hub.commits(REPO)) == 1


def test_the_hub_out_of_reach(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        done = publisher("diff", "org/nothing@v1.0.0", first)
        assert done.returncode == 1 and "no such dataset on the Hub" in done.stderr_text
        url = hub.url
    done = publisher("diff", f"{REPO}@v1.0.0", first, HF_ENDPOINT=url)
    assert done.returncode == 1 and "can't be reached" in done.stderr_text


def test_rivals(versions, tmp_path):
    """Somebody else commits or tags between our look and our commit."""
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        edit = Fault("/commit/", "call", nth=1, call=lambda: hub.commit(REPO, {"notes.md": b"by hand"}))
        hub.faults.add(edit)
        done = publisher("publish", second, REPO)
        assert done.returncode == 0 and "somebody else changed it in the meantime" in done.stderr_text
        assert hub.read(REPO, "main", "notes.md") == b"by hand"  # theirs is kept, ours is whole beside it
        assert {f: v["oid"] for f, v in hub.tree(REPO).items() if f.startswith("data/")} == {
            f: file_digest(second / f) for f in map(str, hub.tree(REPO)) if f.startswith("data/")
        }
        assert [c.title for c in hub.commits(REPO)[:2]] == ["Version 2.0.0", "A commit by someone else"]


def test_what_must_not_be_published_is_refused(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first)
        before = hub.refs(REPO)

        changed = tmp_path / "changed"
        shutil.copytree(first, changed)
        (changed / "README.md").write_text((changed / "README.md").read_text() + "more")
        assert "README.md has" in publisher.refused(changed)
        shutil.copytree(first, tmp_path / "script")
        (tmp_path / "script" / "sousa.py").write_text("")
        assert "scripts make a dataset unloadable" in publisher.refused(tmp_path / "script")
        short = tmp_path / "short"
        shutil.copytree(second, short)
        next((short / "data").rglob("*.parquet")).unlink()
        assert "is missing" in publisher.refused(short)

        # version 1.0.0 again, with other content
        other = release(altered(tmp_path_of(versions, "d5"), tmp_path / "d", faster), tmp_path / "other")
        assert "a tag never moves" in publisher.refused(other)
        # a version that says less than what changed
        manifest = json.loads((second / "manifest.json").read_text())
        low = tmp_path / "low"
        shutil.copytree(second, low)
        text = (low / "README.md").read_text().replace("2.0.0", "1.0.1")
        (low / "README.md").write_text(text)
        manifest["version"] = "1.0.1"
        manifest["files"]["README.md"] = {
            "bytes": len(text.encode()),
            "sha256": file_digest(low / "README.md"),
        }
        (low / "manifest.json").write_text(json.dumps(sealed(manifest)))
        said = publisher.refused(low)
        assert "version 1.0.1 can't follow 1.0.0" in said and "--version 2.0.0" in said
        assert "3 rows removed" in said or "1 row with other labels" in said
        # one that was not made after the last release
        alone = release(tmp_path_of(versions, "d4b"), tmp_path / "alone", "2.0.0")
        assert "made after none" in publisher.refused(alone)
        assert "--previous org/sousa" in publisher.refused(alone)
        assert hub.refs(REPO) == before and whole(hub, "main", first)

        assert "'sousa'; give org/name" in publisher("publish", first, "sousa").stderr_text
        assert "the Hub does not allow" in publisher("publish", first, "org/a--b").stderr_text
        for wrong in ("v1.0.0", "refs/pr/1", "a b", "../x", ""):
            assert "the branch is" in publisher.refused(first, "--revision", wrong, status=2)
        assert "there and public" in publisher.refused(second, "--private", status=2)
        assert "not a finished release" in publisher.refused(tmp_path, status=2)


def test_a_repository_with_other_things_in_it_is_left_alone(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        hub.commit(REPO, {"data/train-00000-of-00001.parquet": b"PAR1", "LICENSE": b"mine"})
        said = publisher.refused(first)
        assert "data/train-00000-of-00001.parquet, which no release put there" in said
        hub.commit(REPO, {"data/train-00000-of-00001.parquet": None, "sousa.py": b"print()"})
        assert "sousa.py, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {"sousa.py": None})
        publisher.publish(first)
        assert hub.read(REPO, "main", "LICENSE") == b"mine"


def test_an_interrupted_release_is_finished_before_the_next(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.faults.add(Fault("/tag/", "status", status=403))
        publisher.refused(first)
        hub.faults.clear()
        assert "holds version 1.0.0 without its tag" in publisher.refused(second)
        hub.clear()
        publisher.publish(first)
        assert hub.bytes_uploaded == 0 and "v1.0.0" in hub.refs(REPO)["tags"]
        publisher.publish(second)
        assert whole(hub, "v2.0.0", second)


def test_private(versions, tmp_path):
    first, _ = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        publisher.publish(first, "--private")
        done = publisher("diff", f"{REPO}@v1.0.0", first, token=None)
        assert done.returncode == 1 and "the token may not see it" in done.stderr_text
        assert "nothing differs" in publisher("diff", f"{REPO}@v1.0.0", first).stdout_text


def test_rows_that_may_not_be_passed_on(tmp_path, sousa):
    """A user's own noise files, of which no licence is known."""
    (tmp_path / "noise").mkdir()
    noise = np.random.default_rng(0).standard_normal(44100 * 4) * 0.1
    soundfile.write(tmp_path / "noise" / "street.wav", noise, 44100)
    done = sousa("generate", "-p", 3, "-t", 1, "-a", 1, "--rudiments", "flam", "--presets", "lo_fi", "-q",
                 "--noise-files", tmp_path / "noise", "-o", tmp_path / "d", "--skip-validation")  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = release(tmp_path / "d", tmp_path / "r")
    assert "street" in (made / "README.md").read_text()
    assert "license: other" in (made / "README.md").read_text()
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        said = publisher.refused(made, status=2)
        assert "the noise street.wav" in said and "--redistribute 'street.wav'" in said and not hub.requests
        said = publisher.refused(made, "--redistribute", "streets", status=2)
        assert "no source 'streets' to redistribute" in said
        publisher.publish(made, "--redistribute", "street.wav")
        assert whole(hub, "v1.0.0", made)


def test_files_changed_or_left_out_on_the_way_are_never_tagged(versions, tmp_path):
    first, _ = versions
    made = tmp_path / "made"
    shutil.copytree(first, made)
    shard = next((made / "data").rglob("*.parquet"))
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")

        def damage():
            with open(shard, "r+b") as file:  # in place, as through another link to it
                file.seek(1000)
                file.write(b"other")

        hub.faults.add(Fault("POST /api/repos/create", "call", nth=1, call=damage))
        said = publisher.refused(made)
        assert f"{shard.name} changed while it was sent" in said and len(hub.commits(REPO)) == 1
        hub.commit(REPO, {".gitignore": b"data/\n"})
        assert ".gitignore, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {".gitignore": None})
        late = Fault("/preupload/", "call", nth=1, call=lambda: hub.commit(REPO, {".gitignore": b"data/\n"}))
        hub.faults.add(late)
        assert ".gitignore, which no release put there" in publisher.refused(first)
        assert not hub.refs(REPO)["tags"] and layout.MANIFEST not in hub.tree(REPO)


def test_a_card_of_somebody_else_is_kept_and_an_edit_is_told(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.create(REPO)
        hub.commit(REPO, {"README.md": b"---\nlicense: mit\n---\n# My other data\n"})
        assert "README.md, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {"README.md": b"---\nlicense: mit\n---\n", ".huggingface.yaml": b"configs: []"})
        assert ".huggingface.yaml, which no release put there" in publisher.refused(first)
        hub.commit(REPO, {".huggingface.yaml": None})
        publisher.publish(first)  # a card that says nothing is the Hub's own
        text = hub.read(REPO, "main", "README.md") + b"by hand"
        hub.commit(REPO, {"README.md": text})
        done = publisher("publish", second, REPO)
        assert done.returncode == 0 and "README.md was edited there" in done.stderr_text
        assert whole(hub, "main", second)


def test_the_first_request_is_waited_for_too_and_reading_in_place_has_sentences(versions, tmp_path):
    first, second = versions
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        hub.faults.add(Fault("/whoami", "status", nth=1, status=503, retry_after=0))
        publisher.publish(first)
        publisher.publish(second)
        for kind, said in (("drop_before", "can't be reached"), ("status", "the Hub refuses")):
            hub.faults.add(Fault("GET .*/resolve/.*parquet", kind, status=403))
            done = publisher("diff", REPO, "v1.0.0", "v2.0.0", "-q")
            assert done.returncode == 1 and said in done.stderr_text
            hub.faults.clear()


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b"[]", b"{}", b"null"])
def test_something_else_than_a_hub(versions, tmp_path, body):
    """A proxy or a login page that answers everything."""
    import http.server
    import threading

    class Everything(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    first, _ = versions
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Everything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Hub(tmp_path / "hub") as hub:
        publisher = Publisher(hub, tmp_path / "cache")
        url = f"http://127.0.0.1:{server.server_port}"
        done = publisher("diff", f"{REPO}@v1.0.0", first, "-q", HF_ENDPOINT=url)
        assert done.returncode == 1 and "does not answer as the Hub does" in done.stderr_text, (
            done.stderr_text
        )
    server.shutdown()
    server.server_close()
