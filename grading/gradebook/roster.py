"""The roster: who is in the class, read from whatever file the instructor has.

Columns are found by their headings, in any order and case. Known are, beside plain ones
(`id`, `name`, `mail`, `folder`, `group`):

- the gradebook that Canvas exports (`Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section`, and the
  row `Points Possible`; instructure/canvas-lms, lib/gradebook_exporter.rb);
- the grading worksheet of Moodle (`Identifier` with `Participant 123`, `Full name`, `Email address`;
  moodle/moodle, mod/assign/gradingtable.php);
- the roster of GitHub Classroom (`identifier`, `github_username`, `github_id`, `name`);
- the roster and the grades of Gradescope (`First Name`, `Last Name`, `SID`, `Email`, `Role`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.gradebook import tabular
from lab.errors import LabError
from lab.exercises.parameters import plain

_HEADINGS = {
    "id": "id studentid idnumber sid studentnumber matriculationnumber matrikelnummer orgdefinedid identifier",
    "name": "name fullname student studentname displayname",
    "first": "firstname givenname vorname",
    "last": "lastname surname familyname nachname",
    "mail": "mail email emailaddress useremail emails",
    "folder": "folder submission directory repository repo reponame",
    "group": "group team groupname teamname",
    "login": "login username githubusername githublogin github sisloginid user",
    "section": "section sections sectionname",
    "role": "role roles",
}
_FIELDS = {heading: field for field, headings in _HEADINGS.items() for heading in headings.split()}
_STAFF = {"instructor", "ta", "teacher", "teachingassistant", "reader", "observer", "nonstudent"}


@dataclass(frozen=True)
class Student:
    """One person of the class; what the roster does not say is empty."""

    id: str = ""
    """The university's; in a gradebook of Canvas its `SIS User ID`."""
    name: str = ""
    mail: str = ""
    folder: str = ""
    """Of their submission, as it is named in the class's folder."""
    group: str = ""
    """A team hands in together."""
    login: str = ""
    """At the platform: GitHub's user name, Canvas' `SIS Login ID`."""
    platform_id: str = ""
    """Canvas' `ID`, or the number of Moodle's participant; both stand in the names of downloaded files."""
    section: str = ""
    line: int = 0
    """Of the roster."""
    named: str = ""
    """What names them in the gradebook, where another list has added to what the roster says; else empty."""

    @property
    def key(self) -> str:
        """What names the student in the gradebook: the first of these that the roster says."""
        said = (self.id, self.mail.casefold(), self.login, self.platform_id, self.name, self.folder)
        return self.named or next(filter(None, said), "")


def read(path: Path) -> tuple[Student, ...]:
    """The students of a roster, in its order.

    Raises:
        LabError: no such file, not CSV, no column that names students, or somebody named twice.
    """
    where = f"The roster {path}"
    rows = list(tabular.rows(tabular.read(path, "roster").text, where))
    if not rows:
        raise LabError(f"{where} is empty", "It begins with a line of headings, such as id,name,mail,folder.")
    headings = [normal_heading(field) for field in rows[0][1]]
    columns = _columns(headings)
    if not {"id", "mail", "login", "folder", "platform_id"} & columns.keys():
        raise LabError(
            f"{where} has no column that says who is who: its headings are {', '.join(rows[0][1][:20])}",
            "The first line names the columns; one of id, mail, login or folder must be there.",
        )
    students = []
    for number, row in rows[1:]:
        student = _student(number, row, columns)
        if student is not None and not _is_test_student(student, headings):
            students.append(student)
    _refuse_doubles(where, students)
    return tuple(students)


def normal_heading(text: str) -> str:
    """A heading for comparison: lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", text).lower()


def _columns(headings: Sequence[str]) -> dict[str, int]:
    """Which field is in which column; the first of several wins."""
    fields: dict[str, int] = {}
    for index, heading in enumerate(headings):
        if heading in _FIELDS:
            fields.setdefault(_FIELDS[heading], index)
    if "sisloginid" in headings:
        # Canvas: ID is Canvas' own number, and the university's is the SIS User ID.
        fields["platform_id"] = fields.pop("id", -1)
        if "sisuserid" in headings:
            fields["id"] = headings.index("sisuserid")
    elif "identifier" in headings and {"fullname", "status", "grade"} & set(headings):
        # Moodle: the identifier is Participant 123.
        fields["platform_id"] = headings.index("identifier")
        own = [headings.index(heading) for heading in ("idnumber", "studentid") if heading in headings]
        fields.pop("id", None)
        fields.update({"id": own[0]} if own else {})
    return {field: index for field, index in fields.items() if index >= 0}


def _student(number: int, row: list[str], columns: dict[str, int]) -> Student | None:
    """Who is on a row; None where it is nobody of the class."""

    def value(field: str) -> str:
        index = columns.get(field, len(row))
        return row[index].strip() if index < len(row) else ""

    if value("name") == "Points Possible" or normal_heading(value("role")) in _STAFF:
        return None
    platform_id = value("platform_id")
    if platform_id and not platform_id.isdigit():
        digits = re.search(r"(\d+)$", platform_id, re.ASCII)  # "Participant 123", in whatever language
        platform_id = digits[1] if digits else ""
    student = Student(
        id=value("id"),
        name=value("name") or f"{value('first')} {value('last')}".strip(),
        mail=value("mail"),
        folder=value("folder"),
        group=value("group"),
        login=value("login"),
        platform_id=platform_id,
        section=value("section"),
        line=number,
    )
    # Canvas has a row that only says which assignments are posted by hand.
    return student if student.key else None


def _is_test_student(student: Student, headings: Sequence[str]) -> bool:
    """Whether it is the one of Canvas' student view, whom no register has; somebody of that name has a number there."""
    return "sisloginid" in headings and student.name == "Student, Test" and not student.id


def _refuse_doubles(where: str, students: Sequence[Student]) -> None:
    fields: tuple[tuple[str, Callable[[Student], str]], ...] = (
        ("id", lambda student: plain(student.id)),  # their numbers would be the same
        ("mail address", lambda student: student.mail.casefold()),
        ("login", lambda student: student.login.casefold()),
        ("number", lambda student: student.platform_id),
        ("name", lambda student: student.key),
    )
    for what, field in fields:
        first: dict[str, Student] = {}
        for student in students:
            value = field(student)
            if value and value in first:
                raise LabError(
                    f"{where} has the {what} {value!r} twice, in lines {first[value].line} and {student.line}",
                    "Correct one of the two lines.",
                )
            first[value] = student
