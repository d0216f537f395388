"""What people call an object: its class, and its number among those of that class on the image.

In a sequence the number is the one that it has in every frame. The page names objects so, too.
"""

from m2n2v2.annotator.document import Document
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.timeline import is_sequence
from m2n2v2.errors import EditError


def called(project: Project, document: Document, id: int) -> str:
    """The object of that id; "that object" if the image has none."""
    obj = next((known for known in document.objects if known.id == id), None)
    if obj is None:
        return "that object"
    names = {label.id: label.name for label in project.store.classes()}
    alike = [other for other in document.objects if other.class_id == obj.class_id]
    before = [other for other in alike if other.id < id]
    number = obj.identity if is_sequence(project.folder.root) else len(before) + 1
    return f"{names.get(obj.class_id or 0, 'object')} {number}"


def told(project: Project, image: int, error: EditError) -> str:
    """What forbids an edit of the image, the object called as people do: "cup 2 is locked"."""
    return f"{called(project, project.store.document(image), error.object)} {error.why}"
