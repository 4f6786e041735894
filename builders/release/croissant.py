"""``croissant.json``: the release described in MLCommons' Croissant 1.0 format.

Conventions
-----------
Addresses are relative to the file itself, so it holds for a release directory, a copy of it and a
clone from the Hub. Every data file is there with its SHA-256; each config with all columns is a set
of files and a record set, lists of records having sub-fields.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

from typing import Any

from sousa.builders.release import layout
from sousa.builders.release.source import Source
from sousa.generation.columns import AUDIO, Column
from sousa.generation.licences import hub_licence

_TYPES = {"string": "sc:Text", "binary": "sc:Text", "bool": "sc:Boolean", AUDIO: "sc:AudioObject"}
_LICENCES = {"mit": "https://spdx.org/licenses/MIT.html", "cc0-1.0": "https://spdx.org/licenses/CC0-1.0.html"}
# the standard's own context: its terms, and those that hold other than text
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
    "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
    "transform",
)  # fmt: skip
_CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
} | {term: f"cr:{term}" for term in _TERMS}  # fmt: skip


def describe(source: Source, manifest: dict[str, Any]) -> dict[str, Any]:
    """The description of a release, plain data.

    Args:
        source: what it was made from.
        manifest: of the release, with the data files.
    """
    licence, title = hub_licence(source.packaging.made_of), source.corpus.title
    contents = "labelled audio" if source.with_audio else "labels without audio"
    out = {
        "@context": _CONTEXT, "@type": "sc:Dataset", "name": title.replace(" ", "_"),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"{title}: {manifest['num_rows']:,} rows of {contents}.",
        "license": _LICENCES.get(licence, f"{layout.CARD}#licences-and-sources"),
        "version": manifest["version"], "datePublished": manifest["released"],
        "keywords": list(source.packaging.tags),
        "citeAs": f"{title}, {manifest['version']}, {manifest['released'][:4]}.", "isLiveDataset": False,
    }  # fmt: skip
    if author := source.packaging.author:
        out |= {"creator": {"@type": "Organization", "name": author}, "citeAs": f"{author}: {out['citeAs']}"}
    if manifest["repo"]:
        out["url"] = f"https://huggingface.co/datasets/{manifest['repo']}"
    out["distribution"] = [
        {
            "@type": "cr:FileSet", "@id": f"files-{view.name}", "name": f"files-{view.name}",
            "description": f"data files of config {view.name}", "encodingFormat": "application/x-parquet",
            "includes": [f"data/{folder}/*/*.parquet" for folder in view.folders],
        }
        for view in source.whole_configs
    ] + [
        {
            "@type": "cr:FileObject", "@id": file, "name": file, "contentUrl": file,
            "encodingFormat": "application/x-parquet", "contentSize": f"{entry['bytes']} B",
            "sha256": entry["sha256"],
        }
        for file, entry in layout.data_files(manifest).items()
    ]  # fmt: skip
    out["recordSet"] = [
        {
            "@type": "cr:RecordSet", "@id": view.name, "name": view.name,
            "description": f"rows of config {view.name}",
            "field": [
                _field(view.name, column, {"fileSet": {"@id": f"files-{view.name}"}})
                for column in source.columns
            ],
        }
        for view in source.whole_configs
    ]  # fmt: skip
    return out


def _field(parent: str, column: Column, source: dict[str, Any]) -> dict[str, Any]:
    """A column, or a field of the records of one, where ``source`` is that of the column."""
    name = f"{parent}/{column.name}"
    inner = "extract" in source
    path = {"transform": {"jsonPath": column.name}} if inner else {"extract": {"column": column.name}}
    about = f"{column.meaning}, {column.unit}" if column.unit else column.meaning
    field = {"@type": "cr:Field", "@id": name, "name": name, "description": about}
    if column.nested:
        return field | {"repeated": True, "subField": [_field(name, c, source | path) for c in column.type]}
    numbers = column.type.replace("int", "Int").replace("uI", "UI").replace("float", "Float")
    return field | {"dataType": _TYPES.get(column.type, f"cr:{numbers}"), "source": source | path}
