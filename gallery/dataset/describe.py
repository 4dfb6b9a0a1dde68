"""What tells a reader and a machine what a version is: Croissant metadata, the datasheet, the list of changes.

Croissant 1.0: M. Akhtar and others, "Croissant: A Metadata Format for ML-Ready Datasets", DEEM 2024. Datasheet:
T. Gebru and others, "Datasheets for Datasets", 2018.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.template.loader import render_to_string

from gallery.dataset import files
from gallery.dataset.changes import Changes
from gallery.licences import LICENCES
from gallery.moods import MOODS

NAME = "Evoke"
DESCRIPTION = (
    "Photographs found by the words of six emotions (happy, sad, fear, anger, motivation, solitude), each with its "
    "licence, creator and source. The labels are words of those who published the photographs, not what anybody felt."
)
CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "citeAs": "cr:citeAs",
    "column": "cr:column", "conformsTo": "dct:conformsTo", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
    "replace": "cr:replace", "samplingRate": "cr:samplingRate", "separator": "cr:separator",
    "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
RESPONSIBLE = {
    "dataCollection": "Crawled by tag through its sources' interfaces, without photographs that name two emotions.",
    "dataAnnotationProtocol": "None: the label is the emotion whose words its source gives the photograph.",
    "dataBiases": "Whoever publishes with English words at these sources; few creators can give many photographs.",
    "dataLimitations": "A word names a song or a place as well as a feeling; the network's scores are predictions.",
    "personalSensitiveInformation": "People can be recognised; originals keep their metadata, which can hold a place. "
    "Creators are named, as their licences ask. Nothing about visitors of the site.",
    "dataUseCases": "Research on emotion and beauty in photographs. Not to judge people in them.",
    "dataReleaseMaintenancePlan": "Versions never change. What removed.csv lists was taken down: delete your copies.",
}
KINDS = ((pa.types.is_integer, "sc:Integer"), (pa.types.is_floating, "sc:Float"), (pa.types.is_boolean, "sc:Boolean"),
         (pa.types.is_temporal, "sc:Date"))  # fmt: skip
TYPES = {".parquet": "application/x-parquet", ".csv": "text/csv", ".json": "application/json", ".md": "text/markdown",
         ".tar": "application/x-tar"}  # fmt: skip


@dataclass(frozen=True)
class About:
    """What only the operator knows: where the data set can be found, who publishes it, and where to write to."""

    url: str = ""
    publisher: str = NAME
    contact: str = ""


def write(folder: Path, version: str, day: date, about: About, summary: dict[str, Any], changed: Changes) -> None:
    """Write all files that describe a version; the tables and shards are there already."""
    (folder / f"{files.CHANGES}.md").write_text(changed.as_text(version), encoding="utf-8")
    (folder / f"{files.CHANGES}.json").write_text(_json(changed.as_json(version)), encoding="utf-8")
    (folder / files.DATASHEET).write_text(_datasheet(version, day, about, summary), encoding="utf-8")
    metadata = croissant(folder, version, day, about, summary)
    (folder / files.CROISSANT).write_text(_json(metadata), encoding="utf-8")


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _datasheet(version: str, day: date, about: About, summary: dict[str, Any]) -> str:
    words = [(mood, summary["by_mood"].get(mood.slug, 0)) for mood in MOODS.values()]
    named = [(LICENCES[slug], count) for slug, count in summary["by_licence"].items()]
    more = {"version": version, "day": day, "about": about, "moods": words, "licences": named, "name": NAME}
    return render_to_string("datasheet.md", {**summary, **more})


def croissant(folder: Path, version: str, day: date, about: About, summary: dict[str, Any]) -> dict[str, Any]:
    """Croissant's JSON-LD. Addresses of files are relative to it."""
    packed = sorted(path.relative_to(folder).as_posix() for path in folder.glob("shards/*/*.tar"))
    plain = sorted(files.REQUIRED - {files.CROISSANT})
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": NAME,
        "description": DESCRIPTION,
        "version": version,
        "datePublished": day.isoformat(),
        "url": about.url or files.DATASHEET,
        "license": summary["deeds"] or ["See the licence of each photograph."],
        "creator": {"@type": "sc:Organization", "name": about.publisher},
        "keywords": ["photographs", "emotion", "affect", "aesthetics", *MOODS],
        "citeAs": f"@misc{{evoke{version.replace('.', '_')}, title={{{NAME} {version}}}, author={{{about.publisher}}}, "
        f"year={{{day.year}}}}}",
        **{f"rai:{name}": text for name, text in RESPONSIBLE.items()},
        "distribution": [*(_file(folder, name) for name in (*plain, *packed)), *_file_set(packed)],
        "recordSet": [*(_table(name) for name in (files.TABLE, files.SCORE_TABLE)), *_pictures(packed)],
    }


def _file(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    facts = {"contentUrl": name, "contentSize": f"{path.stat().st_size} B", "sha256": files.digest(path)}
    return {"@type": "cr:FileObject", "@id": name, "name": name, **facts, "encodingFormat": TYPES[path.suffix]}


def _file_set(shards: list[str]) -> list[dict[str, Any]]:
    if not shards:
        return []
    inside = [{"@id": name} for name in shards]
    about = {"description": "Original bytes of the photographs whose licence allows it.", "containedIn": inside}
    return [
        {"@type": "cr:FileSet", "@id": "originals", "name": "originals", **about, "encodingFormat": "image/jpeg",
         "includes": "*.jpg"}
    ]  # fmt: skip


def _table(name: str) -> dict[str, Any]:
    stem = Path(name).stem
    fields = [_field(stem, name, column, kind, text) for column, (kind, text) in files.COLUMNS[name].items()]
    if name != files.TABLE:
        fields[0]["references"] = {"field": {"@id": f"{Path(files.TABLE).stem}/id"}}
    return {"@type": "cr:RecordSet", "@id": stem, "name": stem, "key": {"@id": f"{stem}/id"}, "field": fields}


def _field(table: str, file: str, column: str, kind: pa.DataType, text: str) -> dict[str, Any]:
    repeated = {"repeated": True} if pa.types.is_list(kind) else {}
    source = {"fileObject": {"@id": file}, "extract": {"column": column}}
    data_type = next((name for fits, name in KINDS if fits(kind)), "sc:Text")
    return {"@type": "cr:Field", "@id": f"{table}/{column}", "name": column, "description": text,
            "dataType": data_type, **repeated, "source": source}  # fmt: skip


def _pictures(shards: Iterable[str]) -> list[dict[str, Any]]:
    """The photographs themselves, by the key that their file's name is."""
    if not shards:
        return []
    files_of = {"fileSet": {"@id": "originals"}}
    key = {**files_of, "extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([0-9a-f]+)"}}
    content = {**files_of, "extract": {"fileProperty": "content"}}
    known = {"references": {"field": {"@id": "photos/id"}}}
    fields = [
        {"@type": "cr:Field", "@id": "pictures/id", "name": "id", "dataType": "sc:Text", "source": key, **known},
        {"@type": "cr:Field", "@id": "pictures/picture", "name": "picture", "dataType": "sc:ImageObject",
         "source": content},
    ]  # fmt: skip
    about = {"@type": "cr:RecordSet", "@id": "pictures", "name": "pictures", "key": {"@id": "pictures/id"}}
    return [{**about, "field": fields}]
