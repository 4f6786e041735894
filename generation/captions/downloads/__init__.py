"""Bringing published corpora here, as they were published: ``sousa download``.

The way of a file: ``catalogue`` says which files a corpus has and where; ``listings`` asks the servers for
their sizes and checksums; ``fetching`` brings each one, resumed, and checks it; ``archives`` unpacks it;
``records`` remembers what is there and whole, so that the next run does only what is left.

Conventions
-----------
A corpus has a folder of its name, which holds the files as they were published: a reader reads that folder,
whoever filled it. What the program keeps there for itself has a name that begins with a dot. A file is in its
place only when it is whole and its checksum is right; until then it is a part file. Whatever ends a run, the
same command again does what is left, and the result is the same.

Checksums are texts such as ``md5:2126b8fa...``, of the kinds that servers state: md5, sha1, sha256, and git
for the name that Git gives to a file's content.
"""
