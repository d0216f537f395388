"""Which images of the folder a list shows."""

from dataclasses import dataclass
from typing import Literal

from m2n2v2.annotator.project import Entry

State = Literal["all", "todo", "done", "checked", "rejected", "empty", "unreadable"]
"""`todo` is what is not done, rejected images among them; `empty` has no object."""


@dataclass(frozen=True)
class Choice:
    """What a list is asked for; all of it must hold.

    Attributes:
        query: part of the name, in any case.
        class_id: of an object on it; 0 stands for objects without a class, None for any.
        person: who has edited it; None for anybody.
    """

    state: State = "all"
    query: str = ""
    class_id: int | None = None
    person: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether an image is in the list."""
        listed = entry.listed
        if self.query.casefold() not in listed.name.casefold():
            return False
        if self.class_id is not None and (self.class_id or None) not in listed.classes:
            return False
        if self.person is not None and self.person not in listed.people:
            return False
        match self.state:
            case "all":
                return True
            case "todo":
                return not listed.done
            case "done":
                return listed.done
            case "empty":
                return listed.objects == 0
            case "unreadable":
                return entry.unreadable
        return listed.status == self.state
