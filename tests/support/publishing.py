"""What tests of publishing share: the command run against a Hub, and what a whole release is there."""

import json
import subprocess
import sys

from sousa.builders.release import layout
from tests.conftest import ROOT

REPO = "org/sousa"


class Publisher:
    """Runs the command against a Hub.

    Args:
        commit_files: The most files in a commit; None: as ever.
    """

    def __init__(self, hub, cache, commit_files=None):
        self.hub, self.cache = hub, cache
        self.program = [str(ROOT / "sousa.py")]
        if commit_files:
            lines = [f"import sys; sys.path.insert(0, {str(ROOT)!r}); import sousa"]
            lines += ["from sousa.builders.hub import commits", f"commits.COMMIT_FILES = {commit_files}"]
            self.program = ["-c", "\n".join([*lines, "sys.exit(sousa.main())"])]

    def start(self, *arguments, token="hf_writer", **environment):
        command = [sys.executable, *self.program, *map(str, arguments)]
        environment = self.hub.environment(self.cache, token, **environment)
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __call__(self, *arguments, **options):
        process = self.start(*arguments, **options)
        process.stdout_text, process.stderr_text = process.communicate(timeout=600)
        assert "hf_writer" not in process.stdout_text + process.stderr_text
        assert "Traceback" not in process.stderr_text, process.stderr_text
        return process

    def publish(self, made, *options, **more):
        done = self("publish", made, REPO, "-q", *options, **more)
        assert done.returncode == 0, done.stderr_text
        return done

    def refused(self, made, *options, status=1, **more):
        done = self("publish", made, REPO, *options, **more)
        assert done.returncode == status, done.stderr_text
        return done.stderr_text


def whole(hub, revision, made):
    """Whether a revision is exactly a release: every file, and no other."""
    manifest = json.loads((made / "manifest.json").read_text())
    tree = hub.tree(REPO, revision)
    tree.pop(".gitattributes")
    return tree.keys() == {*manifest["files"], layout.MANIFEST} and all(
        hub.read(REPO, revision, file) == (made / file).read_bytes() for file in tree
    )


def tmp_path_of(versions, name):
    return versions[0].parent / name
