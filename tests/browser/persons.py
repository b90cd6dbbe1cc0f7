"""People in browsers of their own, at one project of the real app."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page

from alcore.project.facade import Project, Workspace
from tests.browser.real_app import App, wait_labeler

QUERY = 12


class Person:
    """Somebody in a browser of their own."""

    def __init__(self, browser: Browser, app: App) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.page, self.app = self.context.new_page(), app

    def open(self, project: str, name: str, pictures: int = QUERY) -> Page:
        self.context.add_cookies([{"name": "alcore_annotator", "value": name, "url": self.app.url}])
        self.page.goto(f"{self.app.url}/label?project={project}")
        wait_labeler(self.page, pictures)
        return self.page

    def deaf(self) -> None:
        """From now on this browser hears nothing of what others say."""
        self.page.route("**/changes?*", lambda route: route.abort())


def started(app: App, source: Path, name: str, query: int = QUERY) -> list[int]:
    """A new project with a query; the items asked for."""
    workspace = Workspace(app.home)
    project = Project.import_into(workspace, name, source)
    project.start(query, "random", seed=0)
    workspace.close()
    return app.queue(name)


def path_of(page: Page) -> str:
    return page.locator(".caption .path").inner_text()
