"""What people call an object: its class, and its number among those of that class on the image.

In a sequence the number is the one that it has in every frame. The page names objects so, too.
"""

from m2n2v2.annotator.document import Document
from m2n2v2.annotator.project import Project
from m2n2v2.annotator.timeline import is_sequence
from m2n2v2.errors import EditError


def called(project: Project, document: Document, id: int) -> str:
    """The object of that id; "that object" if the image has none."""
    obj = next((each for each in document.objects if each.id == id), None)
    if obj is None:
        return "that object"
    names = {label.id: label.name for label in project.store.classes()}
    before = [each for each in document.objects if each.class_id == obj.class_id and each.id < id]
    number = obj.identity if is_sequence(project.folder.root) else len(before) + 1
    return f"{names.get(obj.class_id or 0, 'object')} {number}"


def told(project: Project, image: int, error: EditError) -> str:
    """What happened, with the object called as people do."""
    name = called(project, project.store.document(image), error.object)
    return error.what.replace(f"object {error.object}", name, 1)
