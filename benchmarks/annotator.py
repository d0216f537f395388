"""The annotator's server, from outside: `python -m benchmarks.annotator VERB`.

Verbs are open, scale, click, load and kill. Each starts `m2n2v2 annotate` as a process of its own
on a folder it makes, and asks it over HTTP as the page does. The photographs are scikit-image's,
resized; the attention is the offline one.
"""

import argparse
import hashlib
import http.client
import json
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import numpy as np
from PIL import Image as PILImage
from skimage import data

from benchmarks.harness import metadata
from m2n2v2.annotator.document import Object, ObjectClass
from m2n2v2.annotator.project import open_project
from m2n2v2.grid import Size
from m2n2v2.images import resized
from m2n2v2.masks.runs import Runs

VGA_WIDE = Size(480, 854)
RESULTS = Path(__file__).parent / "results"


class Server:
    """A server process on a folder; `kill` is SIGKILL, leaving the block ends it politely."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "m2n2v2", "annotate", str(folder), "--no-browser"]
        command += ["--preset", "offline", "--port", "0", *options]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self._output = self.process.stdout
        for line in self._output:
            if line.startswith("http://"):
                self.url = line.strip()
                break
        else:
            raise SystemExit("the server did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self._output.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._output.close()

    def memory(self) -> dict[str, float]:
        """Resident memory now and at most, in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {
            name: int(lines[key].split()[0]) / 1024
            for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))
        }


class RefusedError(Exception):
    """The server answered with an error, of that status."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Client:
    """One connection of a person, kept open."""

    def __init__(self, url: str, person: str = "somebody") -> None:
        parts = urlsplit(url)
        self._headers = {"x-person": person}
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=150)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body)
        typed = {} if body is None else {"content-type": "application/json"}
        headers = self._headers | typed

        def asked() -> http.client.HTTPResponse:
            self._connection.request(method, path, content, headers)
            return self._connection.getresponse()

        try:
            answer = asked()
        except ConnectionError:  # kept for longer than the server keeps it, on a busy machine
            if method != "GET":
                raise
            self._connection.close()
            answer = asked()
        read = answer.read()
        if answer.status >= 400:
            text = f"{method} {path}: {answer.status} {read[:300]!r}"
            raise RefusedError(text, answer.status)
        return json.loads(read)

    def close(self) -> None:
        self._connection.close()

    def edit(self, on: int, revision: int, kind: str, **fields: Any) -> Any:
        body = {"revision": revision, "edit": {"kind": kind, **fields}}
        return self("POST", f"/api/images/{on}/edits", body)

    def prepare(self, image: int) -> None:
        """Have an image prepared, and wait."""
        self("POST", f"/api/images/{image}/prepare")
        while (state := self("GET", f"/api/images/{image}")["state"]) != "ready":
            if state == "failed":
                raise RefusedError(f"image {image} cannot be prepared")
            time.sleep(0.05)


def photographs(folder: Path, count: int, size: Size = VGA_WIDE) -> None:
    """`count` photographs: few pictures, each with one pixel of its own, so all differ."""
    makers: list[Any] = [data.astronaut, data.coffee, data.chelsea]
    motorcycle: Any = data.stereo_motorcycle
    small = [resized(picture, size) for picture in (motorcycle()[0], *(make() for make in makers))]
    for index in range(count):
        image = small[index % len(small)].copy()
        image[0, 0] = (index % 256, index // 256 % 256, index // 65536)
        PILImage.fromarray(image).save(folder / f"{index:05}.png", compress_level=1)


@contextmanager
def made(count: int, size: Size = VGA_WIDE) -> Iterator[Path]:
    """A temporary folder of photographs."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-benchmark-") as name:
        photographs(Path(name), count, size)
        yield Path(name)


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "median_ms": round(1e3 * statistics.median(ordered), 2),
        "p95_ms": round(1e3 * ordered[int(0.95 * (len(ordered) - 1))], 2),
        "worst_ms": round(1e3 * ordered[-1], 2),
        "count": len(ordered),
    }


def measure_open(images: int) -> dict[str, Any]:
    """A large folder, from the command to the first list."""
    with made(1, Size(240, 320)) as folder:
        first = folder / "00000.png"
        for index in range(1, images):
            shutil.copyfile(first, folder / f"{index:05}.png")
        rounds = []
        for known in (False, True):
            with Server(folder) as server:
                answering = time.perf_counter() - server.started
                client = Client(server.url)
                begin = time.perf_counter()
                client("GET", "/api/project")
                listed = client("GET", "/api/images?limit=200")
                assert listed["total"] == images
                opened = time.perf_counter() - begin
                begin = time.perf_counter()
                client("GET", f"/api/images/{listed['images'][100]['id']}")
                one = time.perf_counter() - begin
            rounds.append(
                {
                    "opened_before": known,
                    "command_to_address_s": round(answering, 3),
                    "project_and_list_s": round(opened, 3),
                    "one_image_s": round(one, 3),
                }
            )
        return {"images": images, "rounds": rounds}


KINDS = 12
"""Classes of the labelled folder."""

QUESTIONS = {
    "all": {},
    "to do": {"filter": "todo"},
    "done": {"filter": "done"},
    "rejected": {"filter": "rejected"},
    "without objects": {"filter": "empty"},
    "of a class": {"class_id": "3"},
    "edited by somebody": {"person": "person 2"},
    "by name": {"query": "99"},
}
"""What a list is asked for."""


def labelled(folder: Path, images: int, objects: int) -> None:
    """A folder of one small picture many times, with objects of several classes and people."""
    size = Size(120, 160)
    photographs(folder, 1, size)
    first = folder / "00000.png"
    for index in range(1, images):
        shutil.copyfile(first, folder / f"{index:05}.png")
    sha256 = hashlib.sha256(first.read_bytes()).hexdigest()
    generator = random.Random(0)
    disc = np.hypot(*np.ogrid[-60:60, -80:80]) < 20
    masks = [Runs.of(np.roll(disc, generator.randrange(120), axis=0)) for _ in range(50)]
    with open_project(folder).store as store:
        kinds = [ObjectClass(0, f"kind {n}", "#ffb020") for n in range(KINDS)]
        ids = [label.id for label in store.set_classes(kinds)]
        listed = store.images()
        for image in listed:
            store.opened(image.id, size, sha256)
        for begin in range(0, images, 500):
            edits = []
            for image in listed[begin : begin + 500]:
                made = [
                    Object(0, generator.choice(masks), generator.choice(ids), finished=True)
                    for _ in range(objects // images)
                ]
                edits.append((store.document(image.id), made))
            store.commit_all(edits, f"person {begin // 500 % 5}")
        for image in listed[::3]:
            store.set_status(image.id, generator.choice(["done", "checked", "rejected"]))


def measure_scale(images: int, objects: int) -> dict[str, Any]:
    """A large folder that is labelled: opening it, filtering its list, looking through a class."""
    with tempfile.TemporaryDirectory(prefix="m2n2v2-benchmark-") as name:
        folder = Path(name)
        labelled(folder, images, objects)
        with Server(folder) as server:
            answering = time.perf_counter() - server.started
            client = Client(server.url)

            def seconds(path: str, times: int = 5) -> list[float]:
                taken = []
                for _ in range(times):
                    begin = time.perf_counter()
                    client("GET", path)
                    taken.append(time.perf_counter() - begin)
                return taken

            first = seconds("/api/project", 1) + seconds("/api/images?limit=200", 1)
            lists = {
                what: spread(seconds(f"/api/images?{urlencode({'limit': 200, **asked})}"))
                for what, asked in QUESTIONS.items()
            }
            begin = time.perf_counter()
            for _ in range(20):
                client("PUT", "/api/here", {"image": images // 2})
            here = (time.perf_counter() - begin) / 20
            return {
                "images": images,
                "objects": objects,
                "command_to_address_s": round(answering, 2),
                "project_and_list_s": round(sum(first), 3),
                "list": lists,
                "objects_of_a_class": spread(seconds("/api/objects?class_id=3&limit=60")),
                "here_ms": round(1e3 * here, 2),
                "numbers_s": round(_raw(server.url, "/api/numbers"), 2),
                "memory_mib": server.memory(),
            }


def _raw(url: str, path: str) -> float:
    """Seconds of an answer that is no JSON."""
    begin = time.perf_counter()
    with urllib.request.urlopen(url.rstrip("/") + path, timeout=150) as answer:
        answer.read()
    return time.perf_counter() - begin


def measure_click(clicks: int) -> dict[str, Any]:
    """One person on one prepared photograph: a click, and a stroke, which needs no method."""
    with made(1) as folder, Server(folder) as server:
        client = Client(server.url)
        image = client("GET", "/api/images")["images"][0]["id"]
        begin = time.perf_counter()
        client.prepare(image)
        prepared = time.perf_counter() - begin
        whole: list[float] = []
        inside: list[float] = []
        strokes: list[float] = []
        object_id: int | None = None
        revision, generator = 0, random.Random(0)
        for number in range(clicks):
            object_id = None if number % 5 == 0 else object_id
            x, y = generator.randrange(VGA_WIDE.width), generator.randrange(VGA_WIDE.height)
            begin = time.perf_counter()
            done = client.edit(
                image, revision, "click", object=object_id, x=x, y=y, positive=number % 2 == 0
            )
            whole.append(time.perf_counter() - begin)
            inside.append(done["seconds"])
            revision, object_id = done["revision"], done["order"][-1]
            begin = time.perf_counter()
            done = client.edit(
                image, revision, "stroke", object=object_id, radius=6, points=[[x, y], [x + 9, y]]
            )
            strokes.append(time.perf_counter() - begin)
            revision = done["revision"]
        return {
            "image": str(VGA_WIDE),
            "prepare_s": round(prepared, 2),
            "click": spread(whole),
            "click_inside_the_server": spread(inside),
            "stroke": spread(strokes) | {"note": "no method: encode, commit, JSON, HTTP"},
            "memory_mib": server.memory(),
        }


@dataclass
class Person:
    """Clicks on images of their own, as people do: a few objects, a few clicks each.

    What is done is copied to the next image, and checked or rejected once the next one is done.
    """

    url: str
    images: list[int]
    seed: int
    until: float
    clicks: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    prepares: list[float] = field(default_factory=list)
    copies: list[float] = field(default_factory=list)
    reviews: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def work(self) -> None:
        client = Client(self.url, f"person {self.seed}")
        generator = random.Random(self.seed)
        while time.monotonic() < self.until and not self.errors:
            for place, image in enumerate(self.images):
                if time.monotonic() > self.until or self.errors:
                    break
                try:
                    self._label(client, image, generator)
                    if time.monotonic() > self.until:
                        break  # in the middle of an image, perhaps before its first object
                    self._copy(client, image, self.images[(place + 1) % len(self.images)])
                    self._review(client, self.images[place - 1], generator)
                except (RefusedError, OSError) as error:
                    self.errors.append(f"{type(error).__name__}: {error}")

    def _label(self, client: Client, image: int, generator: random.Random) -> None:
        begin = time.perf_counter()
        revision = client("GET", f"/api/images/{image}")["revision"]
        client.prepare(image)
        self.prepares.append(time.perf_counter() - begin)
        for _ in range(4):
            object_id = None
            for number in range(4):
                time.sleep(generator.uniform(0.5, 1.5))  # people look before they click
                if time.monotonic() > self.until:
                    return
                at = {
                    "x": generator.randrange(VGA_WIDE.width),
                    "y": generator.randrange(VGA_WIDE.height),
                }
                begin = time.perf_counter()
                done = client.edit(
                    image, revision, "click", object=object_id, positive=number % 2 == 0, **at
                )
                self.clicks.append(time.perf_counter() - begin)
                revision, object_id = done["revision"], done["order"][-1]
            begin = time.perf_counter()
            done = client("POST", f"/api/images/{image}/undo", {"revision": revision})
            revision = done["revision"]
            done = client.edit(image, revision, "finish", object=object_id, finished=True)
            self.others.append((time.perf_counter() - begin) / 2)
            revision = done["revision"]
        client("PUT", f"/api/images/{image}/done", {"done": True})

    def _copy(self, client: Client, image: int, onward: int) -> None:
        """The last object to another image, where it is deleted again if there are many."""
        begin = time.perf_counter()
        objects = [obj["id"] for obj in client("GET", f"/api/images/{image}")["objects"][-1:]]
        shown = client("GET", f"/api/images/{onward}")
        done = client.edit(onward, shown["revision"], "copy", image=image, objects=objects)
        if len(shown["objects"]) > 20:
            client.edit(onward, done["revision"], "delete", object=shown["objects"][0]["id"])
        self.copies.append(time.perf_counter() - begin)

    def _review(self, client: Client, image: int, generator: random.Random) -> None:
        begin = time.perf_counter()
        client("GET", "/api/images?filter=done&limit=200")
        verdict = {"status": generator.choice(["checked", "rejected"]), "note": "looked at"}
        client("PUT", f"/api/images/{image}/status", verdict)
        client("PUT", "/api/here", {"image": image})
        self.reviews.append(time.perf_counter() - begin)


def measure_load(people: int, minutes: float) -> dict[str, Any]:
    """Several people on different images of one folder, who copy and review besides."""
    share = 12
    with made(people * share) as folder, Server(folder) as server:
        listed = Client(server.url)("GET", "/api/images?limit=1000")["images"]
        ids = [image["id"] for image in listed]
        until = time.monotonic() + 60 * minutes
        crowd = [
            Person(server.url, ids[p * share : (p + 1) * share], p, until) for p in range(people)
        ]
        threads = [threading.Thread(target=person.work) for person in crowd]
        memory = []
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            memory.append(round(server.memory()["now"]))
            time.sleep(1)
        return {
            "people": people,
            "minutes": minutes,
            "errors": [error for person in crowd for error in person.errors],
            "click": spread([s for person in crowd for s in person.clicks]),
            "copy_to_the_next": spread([s for person in crowd for s in person.copies]),
            "list_and_review": spread([s for person in crowd for s in person.reviews]),
            "undo_or_finish": spread([s for person in crowd for s in person.others]),
            "open_and_prepare": spread([s for person in crowd for s in person.prepares]),
            "memory_mib": server.memory(),
            "memory_by_tenth_mib": memory[:: max(1, len(memory) // 10)],
        }


class Acknowledged:
    """What the server said was stored of one image, to several people.

    Args:
        shown: the image as the server tells it at the begin.
    """

    def __init__(self, shown: Any) -> None:
        self.revision: int = shown["revision"]
        self.objects: dict[int, Any] = {obj["id"]: obj for obj in shown["objects"]}
        self.order = list(self.objects)
        self.answers: dict[int, Any] = {}

    def take(self, answer: Any) -> None:
        """An edit is stored. Any thread may say so."""
        self.answers[answer["revision"]] = answer

    def missing_from(self, shown: Any, people: int) -> str | None:
        """What is not as acknowledged, in words; None if all of it is there.

        Args:
            people: so many edits may have been stored without an answer, one of each.
        """
        for _, answer in sorted(self.answers.items()):
            self.order = answer["order"]
            self.objects |= {obj["id"]: obj for obj in answer["objects"]}
            for gone in answer["removed"]:
                self.objects.pop(gone, None)
        newest = max(self.answers, default=self.revision)
        more = shown["revision"] - self.revision - len(self.answers)
        if shown["revision"] < newest or not 0 <= more <= people:
            return f"revision {shown['revision']} after {newest}, {len(self.answers)} acknowledged"
        there = {obj["id"]: obj for obj in shown["objects"]}
        different = {
            id for id in there.keys() | self.objects.keys() if there.get(id) != self.objects.get(id)
        }
        if len(different) > more or (not more and list(there) != self.order):
            return f"objects {sorted(different)} or their order are not as acknowledged"
        for obj in shown["objects"]:
            Runs.checked(Size(*obj["mask"]["size"]), obj["mask"]["counts"])
        return None


@dataclass
class Editor:
    """One of several people who edit one image at random, until the server is gone.

    Attributes:
        steps: edits after which they stop; None for no end.
        clicks: the image is prepared, so clicks are among the edits.
    """

    client: Client
    image: int
    known: Acknowledged
    generator: random.Random
    steps: int | None = None
    clicks: bool = False
    wrong: list[str] = field(default_factory=list)

    def work(self) -> None:
        done = 0
        try:
            while self.steps is None or done < self.steps:
                shown = self.client("GET", f"/api/images/{self.image}")
                try:
                    self.known.take(self._edit(shown))
                    done += 1
                except RefusedError as error:  # 409: somebody was faster; 400: it makes no sense
                    if error.status not in (400, 404, 409):
                        self.wrong.append(str(error))
        except (OSError, http.client.HTTPException):
            pass  # killed

    def _edit(self, shown: Any) -> Any:
        client, image, generator = self.client, self.image, self.generator
        revision, order = shown["revision"], [obj["id"] for obj in shown["objects"]]
        chance = generator.random()
        x, y = generator.randrange(160), generator.randrange(120)
        own = generator.choice(order) if order and chance > 0.2 else None
        if 0.4 < chance < 0.55:
            step = "redo" if shown["can_redo"] and chance < 0.47 else "undo"
            if shown[f"can_{step}"]:
                return client("POST", f"/api/images/{image}/{step}", {"revision": revision})
        if own is not None and chance > 0.9:
            return client.edit(image, revision, "delete", object=own)
        if self.clicks and chance < 0.8:
            return client.edit(image, revision, "click", object=own, x=x, y=y)
        return client.edit(image, revision, "stroke", object=own, radius=5, points=[[x, y]])


def edited_together(
    url: str,
    people: int,
    seed: int,
    *,
    clicks: bool = False,
    steps: int | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[Acknowledged, list[str]]:
    """Several people edit the first image, each in a thread, until the server is gone.

    Args:
        clicks: prepare the image first, and click.
        steps: edits of each person after which they stop; None for no end.
        meanwhile: called once all of them are at work.

    Returns:
        What was acknowledged, and what was refused without a reason.
    """
    first = Client(url)
    image = first("GET", "/api/images")["images"][0]["id"]
    if clicks:
        first.prepare(image)
    known = Acknowledged(first("GET", f"/api/images/{image}"))
    editors = [
        Editor(Client(url, f"person {k}"), image, known, random.Random(seed + k), steps, clicks)
        for k in range(people)
    ]
    threads = [threading.Thread(target=editor.work) for editor in editors]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join()
    for client in (first, *(editor.client for editor in editors)):
        client.close()
    return known, [text for editor in editors for text in editor.wrong]


def measure_kill(times: int, people: int, seed: int = 0) -> dict[str, Any]:
    """Kill -9 at random moments while people edit one image; all acknowledged must be there."""
    generator = random.Random(seed)
    failures: list[str] = []
    acknowledged = unanswered = 0
    known: Acknowledged | None = None
    with made(1, Size(120, 160)) as folder:
        for number in range(times + 1):
            server = Server(folder)
            if known is not None:
                shown = Client(server.url)("GET", "/api/images/1")
                wrong = known.missing_from(shown, people)
                failures += [f"kill {number}: {wrong}"] if wrong else []
                acknowledged += len(known.answers)
                unanswered += shown["revision"] - known.revision - len(known.answers)
            if number == times:
                server.kill()
                break

            def kill(server: Server = server) -> None:
                time.sleep(generator.uniform(0.0, 0.6))
                server.kill()

            known, wrongs = edited_together(
                server.url,
                people,
                generator.randrange(1 << 30),
                clicks=number % 4 == 0,  # they need the image prepared; strokes do not
                meanwhile=kill,
            )
            failures += wrongs
    return {
        "kills": times,
        "people": people,
        "acknowledged_edits": acknowledged,
        "stored_but_not_acknowledged": unanswered,
        "failures": failures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotator", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("open").add_argument("--images", type=int, default=10_000)
    scale = verbs.add_parser("scale")
    scale.add_argument("--images", type=int, default=10_000)
    scale.add_argument("--objects", type=int, default=200_000)
    verbs.add_parser("click").add_argument("--clicks", type=int, default=50)
    kill = verbs.add_parser("kill")
    kill.add_argument("--times", type=int, default=200)
    kill.add_argument("--people", type=int, default=2)
    load = verbs.add_parser("load")
    load.add_argument("--people", type=int, default=8)
    load.add_argument("--minutes", type=float, default=5)
    chosen = parser.parse_args()
    found: dict[str, Any]
    match chosen.verb:
        case "open":
            found = measure_open(chosen.images)
        case "scale":
            found = measure_scale(chosen.images, chosen.objects)
        case "click":
            found = measure_click(chosen.clicks)
        case "kill":
            found = measure_kill(chosen.times, chosen.people)
        case _:
            found = measure_load(chosen.people, chosen.minutes)
    chosen.out.mkdir(parents=True, exist_ok=True)
    path = chosen.out / f"annotator-{chosen.verb}.json"
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    found["cpu_seconds"] = round(children.ru_utime + children.ru_stime, 1)
    path.write_text(json.dumps({"metadata": metadata(), **found}, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    print(path)


if __name__ == "__main__":
    main()
