"""Selects: from an option's id or label to its id, and stages within their pipelines (API sheet, section 6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lfsync.model import JSON
from lfsync.sandbox.errors import FaultError, bad_request, refused, unprocessable
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import FieldSpec, KindSpec, Option

PIPELINE, STAGE = "$pipeline", "$stage"


def choose(spec: FieldSpec, text: JSON, quirks: Quirks) -> str:
    """The id of the option with this id or label. Raises FaultError."""
    param = f"fields.{spec.key}"
    if not isinstance(text, str):
        raise bad_request("invalid_type", f"{spec.key} takes an option's id or label.", param)
    found = match(active(spec), text, loose=quirks["label-match"] == "loose")
    if len(found) != 1:
        raise bad_request("referenced_resource_missing", f"{spec.key} has no option {text!r}.", param)
    return found[0].id


def choose_several(spec: FieldSpec, values: JSON, quirks: Quirks) -> JSON:
    """The ids of several options, each once."""
    if not isinstance(values, list):
        raise bad_request("invalid_type", f"{spec.key} takes an array.", f"fields.{spec.key}")
    ids: dict[str, JSON] = {choose(spec, text, quirks): None for text in values}
    return list(ids) or None


def active(spec: FieldSpec) -> list[Option]:
    """The options that can be chosen."""
    return [option for option in spec.options if not option.archived]


def match(options: Iterable[Option], text: str, *, loose: bool) -> list[Option]:
    """Options with this id, else with this label; `loose` overlooks case and spaces."""
    options = list(options)
    by_id = [option for option in options if option.id == text]
    exact = [option for option in options if option.label == text]
    if by_id or exact or not loose:
        return by_id or exact
    return [option for option in options if squeeze(option.label) == squeeze(text)]


def squeeze(text: str) -> str:
    """Without case and with single spaces."""
    return " ".join(text.split()).casefold()


def stage(kind: KindSpec, fields: Mapping[str, JSON], quirks: Quirks) -> str | None:
    """The id of the stage that a write asks for where pipelines are on. Raises FaultError."""
    spec = kind.fields[STAGE]
    text, hint = fields.get(STAGE), fields.get(PIPELINE)
    if text is None and hint is not None:
        raise refused(quirks, 422, "$pipeline needs a $stage.", f"fields.{PIPELINE}")
    if text is None:
        return None
    if not isinstance(text, str):
        raise bad_request("invalid_type", "$stage takes an option's id or label.", f"fields.{STAGE}")
    if hint is not None:
        return _within(kind, text, _pipeline(kind, hint))
    by_id = [option.id for option in active(spec) if option.id == text]
    return by_id[0] if by_id else _by_label(kind, text, quirks)


def _pipeline(kind: KindSpec, hint: JSON) -> Option:
    pipelines = active(kind.fields[PIPELINE])
    found = match(pipelines, hint, loose=True) if isinstance(hint, str) else []
    if len(found) != 1:
        ids: list[JSON] = [option.id for option in pipelines]
        message = f"There is no active pipeline {hint!r}."
        raise unprocessable(message, f"fields.{PIPELINE}", "unknown_pipeline", activePipelineIds=ids)
    return found[0]


def _within(kind: KindSpec, text: str, pipeline: Option) -> str:
    stages = active(kind.fields[STAGE])
    found = match([option for option in stages if option.parent == pipeline.id], text, loose=True)
    if len(found) == 1:
        return found[0].id
    raise unprocessable(
        f"Pipeline {pipeline.label!r} has no single stage {text!r}.",
        f"fields.{STAGE}",
        "stage_unresolved_in_pipeline",
        pipelineId=pipeline.id,
        candidates=_candidates(kind, match(stages, text, loose=True)),
    )


def _by_label(kind: KindSpec, text: str, quirks: Quirks) -> str:
    found = match(active(kind.fields[STAGE]), text, loose=True)
    if kind.name == "opportunity":
        if len(found) == 1:
            return found[0].id
        first = kind.fields[PIPELINE].options[0].id
        default = [option for option in found if option.parent == first]
        if quirks["stage-fallback"] == "default-pipeline" and len(default) == 1:
            return default[0].id
    raise ambiguous(kind, text, found, status=422)


def ambiguous(kind: KindSpec, text: str, found: list[Option], *, status: int) -> FaultError:
    """A stage label that does not name one stage: 422 in a write, 400 in a filter."""
    return FaultError(
        status,
        f"Stage {text!r} is not clear without a pipeline.",
        code="ambiguous_stage_label",
        param=f"fields.{STAGE}" if status == 422 else STAGE,
        extras={"candidates": _candidates(kind, found)},
    )


def _candidates(kind: KindSpec, found: list[Option]) -> JSON:
    names = {option.id: option.label for option in kind.fields[PIPELINE].options}
    return [
        {
            "stageOptionId": option.id,
            "stageLabel": option.label,
            "pipelineId": option.parent,
            "pipelineName": names.get(option.parent or ""),
        }
        for option in found
    ]
