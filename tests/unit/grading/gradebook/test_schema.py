"""The published schema, `grading/schema.json`, is that of what is written, no more and no less."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from grading.gradebook.amounts import Amount, Manual
from grading.gradebook.export import document
from grading.gradebook.export.request import Request
from grading.gradebook.marks import Adjustments, LateRule, Mark
from grading.gradebook.roster import Student
from grading.verdicts import SCHEMA, CheckResult, Part, SubmissionResult

TEXT = resources.files("grading").joinpath("schema.json").read_text()


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads(TEXT))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(TEXT))
    assert json.loads(TEXT)["$defs"]["result"]["properties"]["schema"]["const"] == SCHEMA


@given(data=st.data())
def test_any_result_is_valid(schema: Draft202012Validator, make: Any, data: st.DataObject) -> None:
    result = data.draw(make.results)
    value = json.loads(json.dumps(result.to_json()))
    schema.validate(value)
    assert SubmissionResult.from_json(value) == result


def test_results_of_before_there_were_courses_are_read(make: Any) -> None:
    value = make.result().to_json()
    del value["student"], value["notes"]
    assert SubmissionResult.from_json(value) == make.result()


@given(data=st.data())
def test_any_class_is_valid(schema: Draft202012Validator, make: Any, data: st.DataObject) -> None:
    results = data.draw(make.classes)
    set_ = Adjustments(2, Amount.read("5%"), None, {"report": Manual.read("-1.5")}, "well", Decimal(3))
    ledger = make.ledger(
        *results,
        students=(Student("1", "Ann"),),
        rule=LateRule(Amount.read("10%"), Amount.read("3")),
        set_={("submission", "ann"): set_, ("student", "1"): Adjustments(excused=True)},
    )
    schema.validate(json.loads(json.dumps(document.document(Request(ledger, Path())))))


def test_every_field_is_described() -> None:
    described = {name: set(each["properties"]) for name, each in json.loads(TEXT)["$defs"].items()}

    def fields(kind: Any) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    assert described["check"] == fields(CheckResult)
    assert described["part"] == fields(Part)
    assert described["result"] == fields(SubmissionResult) | {"schema", "score", "max_score"}
    assert described["student"] == fields(Student) - {"line", "named"}
    assert described["adjustments"] == fields(Adjustments)
    assert described["mark"] == fields(Mark) | {"percentage"}
    assert all(
        set(each["required"]) == set(each["properties"]) for each in json.loads(TEXT)["$defs"].values()
    )


def test_the_schema_is_not_content_with_anything(schema: Draft202012Validator, make: Any) -> None:
    value = json.loads(json.dumps(make.result().to_json()))
    for broken in broken_versions(value):
        with pytest.raises(ValidationError):
            schema.validate(broken)


def broken_versions(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in value:
        yield {key: other for key, other in value.items() if key != name}
        yield {**value, name: {"another": "kind"}}
    check = value["checks"][0]
    for name in check:
        yield {**value, "checks": [{key: other for key, other in check.items() if key != name}]}
    yield {**value, "checks": [{**check, "verdict": "great"}]}
