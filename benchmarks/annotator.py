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
from collections.abc import Iterator
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
        for line in self.process.stdout:
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

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def memory(self) -> dict[str, float]:
        """Resident memory now and at most, in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {
            name: int(lines[key].split()[0]) / 1024
            for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))
        }


class RefusedError(Exception):
    """The server answered with an error."""


class Client:
    """One connection, kept open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=150)

    def __call__(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body)
        headers = {} if body is None else {"content-type": "application/json"}
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status >= 400:
            raise RefusedError(f"{method} {path}: {answer.status} {read[:300]!r}")
        return json.loads(read)

    def edit(self, image: int, revision: int, kind: str, **fields: Any) -> Any:
        body = {"revision": revision, "edit": {"kind": kind, **fields}}
        return self("POST", f"/api/images/{image}/edits", body)

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
    small = [resized(each, size) for each in (motorcycle()[0], *(make() for make in makers))]
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
        for each in listed:
            store.opened(each.id, size, sha256)
        for begin in range(0, images, 500):
            edits = []
            for each in listed[begin : begin + 500]:
                made = [
                    Object(0, generator.choice(masks), generator.choice(ids), finished=True)
                    for _ in range(objects // images)
                ]
                edits.append((store.document(each.id), made))
            store.commit_all(edits, f"person {begin // 500 % 5}")
        for each in listed[::3]:
            store.set_status(each.id, generator.choice(["done", "checked", "rejected"]))


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
    """Clicks on images of their own, as people do: a few objects, a few clicks each."""

    url: str
    images: list[int]
    seed: int
    until: float
    clicks: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    prepares: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def work(self) -> None:
        client, generator = Client(self.url), random.Random(self.seed)
        while time.monotonic() < self.until and not self.errors:
            for image in self.images:
                if time.monotonic() > self.until or self.errors:
                    break
                try:
                    self._label(client, image, generator)
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


def measure_load(people: int, minutes: float) -> dict[str, Any]:
    """Several people on different images of one folder."""
    each = 12
    with made(people * each) as folder, Server(folder) as server:
        listed = Client(server.url)("GET", "/api/images?limit=1000")["images"]
        ids = [image["id"] for image in listed]
        until = time.monotonic() + 60 * minutes
        crowd = [
            Person(server.url, ids[p * each : (p + 1) * each], p, until) for p in range(people)
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
            "undo_or_finish": spread([s for person in crowd for s in person.others]),
            "open_and_prepare": spread([s for person in crowd for s in person.prepares]),
            "memory_mib": server.memory(),
            "memory_by_tenth_mib": memory[:: max(1, len(memory) // 10)],
        }


@dataclass
class Acknowledged:
    """What the server said was stored."""

    revision: int = 0
    objects: dict[int, Any] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)

    def take(self, answer: Any) -> None:
        self.revision, self.order = answer["revision"], answer["order"]
        for each in answer["objects"]:
            self.objects[each["id"]] = each
        for gone in answer["removed"]:
            del self.objects[gone]

    def missing_from(self, shown: Any) -> str | None:
        """What is not as acknowledged; one edit that was not answered may have come on top."""
        more = shown["revision"] - self.revision
        if more not in (0, 1):
            return f"revision {shown['revision']} after {self.revision} was acknowledged"
        found = {each["id"]: each for each in shown["objects"]}
        different = {
            id for id in found.keys() | self.objects.keys() if found.get(id) != self.objects.get(id)
        }
        if len(different) > more or (not more and list(found) != self.order):
            return f"objects {sorted(different)} or their order are not as acknowledged"
        for each in shown["objects"]:
            Runs.checked(Size(*each["mask"]["size"]), each["mask"]["counts"])
        return None


def measure_kill(times: int, seed: int = 0) -> dict[str, Any]:
    """Kill -9 at random moments of a scripted session; everything acknowledged must be there."""
    generator = random.Random(seed)
    failures: list[str] = []
    acknowledged_edits = unanswered = 0
    known = Acknowledged()
    with made(1, Size(120, 160)) as folder:
        for number in range(times):
            server = Server(folder)
            client = Client(server.url)
            image = client("GET", "/api/images")["images"][0]["id"]
            shown = client("GET", f"/api/images/{image}")
            wrong = known.missing_from(shown)
            if wrong:
                failures.append(f"kill {number}: {wrong}")
            unanswered += shown["revision"] > known.revision
            known = Acknowledged()
            known.take(shown | {"order": [o["id"] for o in shown["objects"]], "removed": []})
            delay = generator.uniform(0.0, 0.6)
            timer = threading.Timer(delay, server.kill)
            if number % 4 == 0:  # clicks need the image; strokes and the rest do not
                client.prepare(image)
            timer.start()
            try:
                while True:
                    known.take(_random_edit(client, image, known, generator, number % 4 == 0))
                    acknowledged_edits += 1
            except (OSError, http.client.HTTPException):
                pass
            timer.join()
            server.process.wait()
    return {
        "kills": times,
        "acknowledged_edits": acknowledged_edits,
        "stored_but_not_acknowledged": unanswered,
        "failures": failures,
    }


def _random_edit(
    client: Client, image: int, known: Acknowledged, generator: random.Random, clicks: bool
) -> Any:
    chance = generator.random()
    at = [generator.randrange(160), generator.randrange(120)]
    own = generator.choice(known.order) if known.order and chance > 0.2 else None
    if known.revision and 0.4 < chance < 0.55:
        shown = client("GET", f"/api/images/{image}")
        step = "redo" if shown["can_redo"] and chance < 0.47 else "undo"
        if shown["can_undo" if step == "undo" else "can_redo"]:
            return client("POST", f"/api/images/{image}/{step}", {"revision": known.revision})
    if own is not None and chance > 0.9:
        return client.edit(image, known.revision, "delete", object=own)
    if clicks and chance < 0.8:
        try:
            return client.edit(image, known.revision, "click", object=own, x=at[0], y=at[1])
        except RefusedError:  # too many clicks on one object, or one against another
            own = None
    return client.edit(image, known.revision, "stroke", object=own, radius=5, points=[at])


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
            found = measure_kill(chosen.times)
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
