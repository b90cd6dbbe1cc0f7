"""Images: every image of the project, found again, looked at, and answered many at a time."""

from __future__ import annotations

import streamlit as st

from alcore.accounts.roles import Role
from pages.ui.components.image_grid import image_grid
from pages.ui.session import VIEW, annotator, header, here, may, project, token


def main() -> None:
    says = ", say what they are" if may(Role.ANNOTATOR) else ""
    header("Images", f"Every image: filter and sort, choose some or many{says}. A double click shows what was said of one.")
    of = project()
    view = image_grid(
        project=of.name,
        token=token(of),
        annotator=annotator(),
        role=here().role.word,
        identity=of.identity,
        dense=of.dense,
        view=st.query_params.get(VIEW, ""),
        key=f"images.{of.id}",
    )
    if view:
        st.query_params[VIEW] = view
    elif VIEW in st.query_params:
        del st.query_params[VIEW]


main()
