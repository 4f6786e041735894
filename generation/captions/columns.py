"""Columns of captioned corpora: one schema for all of them, as rows and while they are read.

Conventions
-----------
What is not known is null; a list may be empty. A row is a sound with everything that is said of it: further
captions of the same sound are in ``alt_captions``, never rows of their own. Times of clips are seconds in the
track they were cut from.

READ is what a reader yields: the columns that published files tell, in the same order, without those that are
measured, and two more: ``audio_at`` says where the sound is (see :mod:`sousa.generation.captions.sounds`),
and ``rejected`` why a row can't be used, in a few words such as ``no caption``; null for one that can.
"""

import pyarrow as pa

from sousa.generation.columns import (
    AUDIO,
    STRINGS,
    Breakdown,
    Classes,
    Column,
    Group,
    Text,
    arrow_type,
    split_column,
)

SOURCES = ("human", "model", "template")
_WHO = "who wrote it: a human, a model, or a template from tags"
_LANGUAGE = "its language, such as en; null where that is not known"
OTHER = (
    Column("text", "string", "", "another caption"),
    Column("source", "string", "", _WHO),
    Column("language", "string", "", _LANGUAGE),
    Column("start_sec", "float64", "s", "where in the clip the part begins that it tells of; null for all"),
    Column("end_sec", "float64", "s", "where that part ends"),
)
PUBLISHED = (
    Column("sample_id", "string", "", "unique name: the corpus and its own id there"),
    Column("dataset", "string", "", "corpus the row comes from", role=Breakdown(main=True, balance=True)),
    split_column("group"),
    Column("group_id", "string", "", "what splits are made by: the artist, or the recording a clip is from",
           role=Group("group", "groups")),
    Column("caption", "string", "", "what is heard, in a sentence",
           role=Text("caption_source", "language", "alt_captions", "caption_start_sec", "caption_end_sec")),
    Column("caption_source", "string", "", _WHO, role=Classes(SOURCES, target=False, breakdown=True)),
    Column("language", "string", "", _LANGUAGE, role=Breakdown()),
    Column("caption_start_sec", "float64", "s",
           "where in the clip the part begins that the caption is about; null for all of it"),
    Column("caption_end_sec", "float64", "s", "where that part ends"),
    Column("alt_captions", OTHER, "", "further captions of the same sound"),
    Column("track_duration_sec", "float64", "s", "length of the whole track, as the corpus states it"),
    Column("clip_start_sec", "float64", "s", "where in the track the clip begins; null if not known"),
    Column("clip_end_sec", "float64", "s", "where in the track it ends"),
    Column("source_id", "string", "", "id in the corpus, as published"),
    Column("native_id", "string", "",
           "where the sound was first published, and its id there, such as jamendo:1176956"),
    Column("artist", "string", "", "name of the artist"),
    Column("artist_id", "string", "", "id of the artist where the sound was first published"),
    Column("album_id", "string", "", "id of the album there"),
    Column("title", "string", "", "title of the track"),
    Column("tags", STRINGS, "", "tags of the corpus, as published"),
    Column("genres", STRINGS, "", "those of them that are genres, in the words of the corpus"),
    Column("licence", "string", "",
           "licence of the sound, such as CC-BY-NC-SA-3.0-US; null where none is stated",
           role=Breakdown(shown=False)),
    Column("licence_url", "string", "", "address of its text"),
    Column("licence_raw", "string", "", "the licence as published"),
    Column("licence_nc", "bool", "", "it forbids commercial use; null where the licence is not known"),
    Column("licence_nd", "bool", "", "it forbids changed copies"),
    Column("licence_sa", "bool", "", "it asks that changed copies are under the same licence"),
    Column("caption_licence", "string", "", "SPDX identifier of the licence of caption and tags"),
    Column("url", "string", "", "page or file of the sound on the web"),
    Column("meta", "string", "", "JSON of what else the corpus tells of the row; null for nothing"),
)  # fmt: skip
MEASURED = (
    Column("duration_sec", "float64", "s", "length of the clip, as decoded; null without its sound"),
    Column("num_samples", "int64", "samples", "length of the clip, as decoded"),
    Column("sample_rate", "int32", "Hz", "rate of the clip"),
    Column("data_version", "string", "", "version of these rows"),
    Column("file_sha256", "string", "", "SHA-256 of the sound's file"),
)
SOUND = (
    Column(
        "pcm_digest", "string", "", "MD5 of the decoded samples, 16-bit; null without sound", rendered=True
    ),
    Column("audio", AUDIO, "", "the sound's file, as published", rendered=True),
)

# what people are told of a sound that was found, in this order
ABOUT = ("title", "artist", "licence", "url")


def columns(with_audio: bool) -> tuple[Column, ...]:
    """Columns of the rows of a dataset."""
    return PUBLISHED + MEASURED + (SOUND if with_audio else ())


def read_schema() -> pa.Schema:
    """The schema of READ, see the module's conventions."""
    fields = [(column.name, arrow_type(column.type)) for column in PUBLISHED]
    return pa.schema([*fields, ("audio_at", pa.string()), ("rejected", pa.string())])


READ = read_schema()
