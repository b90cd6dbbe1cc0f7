"""The pages of the sidebar, in its order, and the role that may see each."""

from __future__ import annotations

from dataclasses import dataclass

from alcore.accounts.roles import Role


@dataclass(frozen=True)
class Listed:
    """A page of the sidebar, and the role that may see it."""

    file: str
    title: str
    icon: str
    needs: Role

    @property
    def name(self) -> str:
        """As its address has it."""
        return self.file.removesuffix(".py")


PAGES = (
    Listed("data.py", "Data", ":material/photo_library:", Role.OWNER),
    Listed("train.py", "Train", ":material/model_training:", Role.OWNER),
    Listed("label.py", "Label", ":material/sell:", Role.ANNOTATOR),
    Listed("images.py", "Images", ":material/grid_view:", Role.VIEWER),
    Listed("classes.py", "Classes", ":material/category:", Role.VIEWER),
    Listed("explore.py", "Explore", ":material/scatter_plot:", Role.VIEWER),
    Listed("progress.py", "Progress", ":material/trending_up:", Role.VIEWER),
    Listed("simulate.py", "Simulate", ":material/science:", Role.OWNER),
    Listed("learn.py", "Learn", ":material/school:", Role.VIEWER),
    Listed("methods.py", "Methods", ":material/menu_book:", Role.VIEWER),
    Listed("accounts.py", "Accounts", ":material/group:", Role.OWNER),
)
