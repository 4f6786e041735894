"""How many bytes an upload would really send, by asking Xet's own chunker.

The Hub stores chunks of about 64 KB, each once. The files of the last release are chunked into a
scratch store on disk, then the new ones: what is new then is what would be sent.
"""

import tempfile


def available():
    """Whether hf_xet is installed and in use."""
    from huggingface_hub.utils import is_xet_available

    return is_xet_available()


def new_bytes(before, after, progress=lambda done: None):
    """Bytes of files that are in none of some other files.

    Args:
        before: paths of files that are there; after: paths of files to send.
        progress: called with bytes read.

    Returns: (bytes of ``after``, bytes of it that are new).
    """
    import hf_xet

    with tempfile.TemporaryDirectory(prefix="sousa-dedup-") as scratch:
        total = new = 0
        for paths in (before, after):
            total = new = 0
            for path in paths:
                with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{scratch}") as commit:
                    handle = commit.start_upload_file(str(path))
                metrics = handle.result().dedup_metrics
                total += metrics.total_bytes
                new += metrics.new_bytes
                progress(metrics.total_bytes)
        return total, new
