"""What may stand in data files that no model of a room reads: the tables of errors, the glossary, the tests' own."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator


class Closed(BaseModel):
    """An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Languages(Closed):
    """A text in both languages."""

    en: str
    vi: str


class IssueChooser(Closed):
    """GitHub's page on which one of the forms is chosen."""

    blank_issues_enabled: bool


class FormAttributes(Closed):
    """What a field of a form says and takes."""

    label: str = ""
    description: str = ""
    placeholder: str = ""
    value: str = ""
    render: str = ""
    options: tuple[str, ...] = ()


class FormRules(Closed):
    """Whether a field must be filled in."""

    required: bool = False


class FormField(Closed):
    """A field of a form; a ``markdown`` one is only read and has no name."""

    type: Literal["markdown", "input", "textarea", "dropdown"]
    id: str = Field(default="", pattern="^[a-z]*$")
    attributes: FormAttributes
    validations: FormRules = FormRules()

    @model_validator(mode="after")
    def check_whole(self) -> Self:
        """Refuse what GitHub would show as "invalid form" and nobody would see before the first report."""
        is_read = self.type == "markdown"
        if is_read != (not self.id) or is_read != bool(self.attributes.value):
            raise ValueError("a field has an id, a text to read has a value")
        if not is_read and not self.attributes.label:
            raise ValueError("a field has a label")
        if (self.type == "dropdown") != bool(self.attributes.options):
            raise ValueError("a choice has options")
        return self


class IssueForm(Closed):
    """A form by which GitHub asks for what a fix needs."""

    name: str
    description: str
    title: str
    labels: tuple[str, ...]
    body: tuple[FormField, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Refuse two fields of one name."""
        names = [field.id for field in self.body if field.id]
        if len(set(names)) != len(names):
            raise ValueError("two fields have one id")
        return self


class Kind(Closed):
    """A kind of mistake."""

    exit: str
    cause: Languages


class Kinds(RootModel[dict[str, Kind]]):
    """``kinds.yml``."""


class ErrorTexts(Closed):
    """What an error says in one language."""

    message: str
    expected: str = ""
    remedy: str = ""


class ErrorEntry(Closed):
    """One code. The table's own reader cannot check it: every mistake is reported through the table."""

    kind: str
    warning: bool = False
    en: ErrorTexts
    vi: ErrorTexts
    cause: Languages | None = None


class ErrorTable(RootModel[dict[str, ErrorEntry]]):
    """``PREFIX.yml``."""


class SubRoom(Closed):
    """A folder of modules inside a room: what it is for, how it is entered, what it stands on."""

    purpose: str
    door: tuple[str, ...]
    may_import: tuple[str, ...]


class House(RootModel[dict[str, dict[str, SubRoom]]]):
    """``docs/house.yml``."""


class WalkStep(Closed):
    """One function that a value passes: where it is, what it gives, and what for."""

    at: str
    gives: str
    does: str


class Walk(Closed):
    """The way of one value."""

    title: str
    steps: tuple[WalkStep, ...]


class Signpost(Closed):
    """What somebody looks for, and where it is."""

    asks: str
    at: str


class Walks(Closed):
    """``docs/walks.yml``."""

    walks: tuple[Walk, ...]
    questions: tuple[Signpost, ...]


class GlossaryTerm(Closed):
    """One thing and its Vietnamese term."""

    en: str
    vi: str
    unless: str = ""
    forbidden: tuple[str, ...] = Field(default=(), alias="not")
    note: str = ""


class Spelling(Closed):
    """A spelling that is ruled out."""

    wrong: str
    note: str


class Glossary(Closed):
    """``glossary.yml``."""

    terms: tuple[GlossaryTerm, ...]
    spelling: tuple[Spelling, ...]
    same: tuple[str, ...]
    names: tuple[str, ...]


class Use(Closed):
    """Where a package is used without an import."""

    file: str
    text: str


class Unimported(RootModel[dict[str, Use]]):
    """``unimported.yml``."""


class Waits(Closed):
    """``waits.yml``: rule → place → reason."""

    glued_streams: dict[str, str] = Field(alias="glued streams")
    sleeps: dict[str, str]
    wall_clock: dict[str, str] = Field(alias="wall clock")
    durations: dict[str, str]


class Drive(Closed):
    """How a verb is driven, with the lab or without."""

    words: tuple[str, ...] = ()
    exits: tuple[int, ...] = ()
    interrupt: str = ""
    type: str = ""


class Verb(Drive):
    """One verb."""

    lab: Drive | None = None


class Verbs(RootModel[dict[str, Verb]]):
    """``verbs.yml``."""


class Question(Closed):
    """What an installed Rackproof is asked, and what it answers."""

    words: tuple[str, ...]
    exits: int
    shows: str = ""
    says: str = ""


class Questions(RootModel[dict[str, Question]]):
    """``asked.yml``."""


class JsonCase(Closed):
    """What a verb is given besides, with --json."""

    words: tuple[str, ...] = ()
    exits: int = 0
    estate: str = ""


class JsonWords(RootModel[dict[str, tuple[JsonCase, ...]]]):
    """``json_words.yml``."""


class FaultExpectation(Closed):
    """What must leave green when a fault of the lab is on: requirement → site → what the reason names."""

    red: dict[str, dict[str, str]]
    drill: bool = False
    settle_s: int = 0


class FaultExpectations(RootModel[dict[str, FaultExpectation]]):
    """``fault_expectations.yml``."""


class RefusedChange(Closed):
    """A change, the code that refuses it, and the line that is named."""

    code: str
    line: int
    file: str


class RefusedChanges(RootModel[dict[str, RefusedChange]]):
    """``refused_changes.yml``."""
