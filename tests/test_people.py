"""The people whose baseline is saved."""

from __future__ import annotations

import os

from emolive.models.spec import ModelSpec
from emolive.people import forget_person, people_dir, saved_people
from emolive.profile import SpeakerProfile

SPEC = ModelSpec(encoders=("landmarks",), landmarker="dlib68", pooling="mean")


def test_people_are_listed_by_the_name_they_were_saved_under() -> None:
    assert saved_people() == ()
    for seconds, name in enumerate(("anna", "Žaneta Müller", "a/b")):
        path = SpeakerProfile(SPEC, name).save()
        os.utime(path, (seconds, seconds))
    assert [person.name for person in saved_people()] == ["a/b", "Žaneta Müller", "anna"], "the latest first"
    forget_person("Žaneta Müller")
    forget_person("nobody")
    assert [person.name for person in saved_people()] == ["a/b", "anna"]
    assert SpeakerProfile(SPEC, "a/b").load()


def test_a_file_that_cannot_be_read_is_listed_and_can_be_deleted() -> None:
    people_dir().mkdir(parents=True)
    (people_dir() / "broken.json").write_text("{")
    (people_dir() / "list.json").write_text("[1]")
    assert {person.name for person in saved_people()} == {"broken", "list"}
    forget_person("broken")
    assert [person.name for person in saved_people()] == ["list"]
