"""Projects that the routes serve are those of the tests of project."""

from tests.project.conftest import apart, asked, guessing, photo_source, photos, scenes, source, toy

__all__ = ["apart", "asked", "guessing", "photo_source", "photos", "scenes", "source", "toy"]
