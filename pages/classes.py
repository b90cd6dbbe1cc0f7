"""Classes: what each is called and how it is shown, how well the model tells them apart, and which images it mixes up."""

from __future__ import annotations

import streamlit as st

from alcore.accounts.roles import Role
from pages.ui.components.class_table import class_table
from pages.ui.session import VIEW, header, here, may, project, token


def main() -> None:
    does = "Name, merge, order and describe them at any time, also while others label; see" if may(Role.OWNER) else "How each is found, and"
    header("Classes", f"{does} what is taken for what.")
    of = project()
    view = class_table(project=of.name, token=token(of), role=here().role.word, identity=of.identity, key=f"classes.{of.id}")
    if view is not None:
        st.switch_page("images.py", query_params={"project": of.name, VIEW: view})


main()
