"""What a check says about an answer: a plain record that pages, the command line and the progress file share."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["passed", "failed", "not-yet", "error", "timeout", "crashed"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check, in sentences for a learner; every field is a string or a number, so it is JSON.

    `status`: "passed"; "failed" (ran, wrong result); "not-yet" (the placeholder is still there); "error" (an
    exception, or text that Python cannot read); "timeout"; "crashed" (the checking process itself ended).
    `message` is the whole finding in words; `expected`, `got` and `given` are its three parts, where there is one
    input to point at. `hint_id` and `hint` belong to a recognised mistake, by what it does, not by how it is written.
    `output` is what the answer printed, shortened. `seconds` is how long the check took.
    """

    status: Status
    message: str
    expected: str = ""
    got: str = ""
    given: str = ""
    hint_id: str | None = None
    hint: str = ""
    picture_svg: str = ""
    output: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.status == "passed"

    def in_letters(self) -> "Verdict":
        """Return the same with every text such that it can be written down: half a letter becomes its number."""
        fields: dict[str, Any] = asdict(self)
        for name, value in fields.items():
            if isinstance(value, str):
                fields[name] = value.encode("utf-8", "backslashreplace").decode()
        return Verdict(**fields)

    def to_json(self) -> str:
        """Return the verdict as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Verdict":
        """Read what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**fields)
