"""Pipelines and their stages: two fields that are one value (API sheet, section 6). Pure."""

from __future__ import annotations

from lfsync.model import JSON, Definitions, FieldDef, Record

PIPELINE = "$pipeline"
STAGE = "$stage"

NEVER_SENT = frozenset((PIPELINE,))
"""Fields that are declared and compared but never sent: a stage is sent by its id, and its pipeline follows from it."""


def live_value(record: Record, field: FieldDef, definitions: Definitions) -> JSON:
    """The live value of a field. The pipeline is the one of the stage, whatever the record shows (U21, rule I8)."""
    value = record.fields.get(field.key)
    if field.key != PIPELINE:
        return value
    stage = definitions.fields.get(STAGE)
    chosen = record.fields.get(STAGE)
    owner = next((option.parent for option in stage.options if option.id == chosen), None) if stage else None
    return owner or value
