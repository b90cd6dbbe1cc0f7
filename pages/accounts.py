"""Accounts: who may come in, with which role; links that invite; and what was done to accounts."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from alcore.accounts import passwords
from alcore.accounts.accounts import DAYS, LONGEST, MOST_DAYS, Account
from alcore.accounts.asking import wanted
from alcore.accounts.roles import MAY, Role
from pages.ui.session import FORM_WIDTH, Visitor, annotator, header, here, literal, plain_errors, plural, workspace

MADE = "invitation_made"  # of the session: the link that was just made, and for whom
EVENTS = 100  # of the story that are shown


def main() -> None:
    header("Accounts", "Who may come in, and what each may do. Labels stand under the account's name.")
    there = here()
    there.role.check(Role.OWNER)
    if there.account is None:
        _nobody_yet()
        return
    _people(there)
    _invite()
    _invitations()
    _story()


def _nobody_yet() -> None:
    """The first account is made by whoever runs the server."""
    if wanted() is False:
        st.info(
            "ALCORE_SIGN_IN=0 (or --insecure): nobody is asked who they are, so accounts count for nothing.", icon=":material/lock_open:"
        )
        return
    with st.form("first", width=FORM_WIDTH):
        st.subheader("Make the first account: yours", anchor=False)
        st.write(
            "So far whoever reaches this page may do everything, under any name. With accounts everybody signs in, and may do what their "
            "role says. The first one is an owner's; you can let others in then."
        )
        name = st.text_input("Your name", annotator() if annotator() != "me" else "", max_chars=LONGEST)
        password = st.text_input("Password", type="password", help=f"{passwords.SHORTEST} characters or more.", autocomplete="new-password")
        again = st.text_input("The same again", type="password", autocomplete="new-password")
        if st.form_submit_button("Make it, and ask everybody to sign in", type="primary"):
            with plain_errors():
                if password != again:
                    st.error("The password is not the same both times.", icon=":material/error:")
                    return
                workspace().accounts.add(name, Role.OWNER, password, by=name, first=True)
                st.rerun()
    _roles()


def _roles() -> None:
    st.caption("  \n".join(f"**{role.word.capitalize()}**: may {MAY[role]}." for role in Role))


def _people(there: Visitor) -> None:
    everybody = workspace().accounts.all()
    frame = pd.DataFrame([_row(account, there) for account in everybody])
    columns = {"name": st.column_config.TextColumn(width=200), "signs in by": st.column_config.TextColumn(width=180)}
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.caption(f"{plural(sum(a.ended is None for a in everybody), 'account')}. Choose one to change it.")
        chosen = st.dataframe(
            frame,
            hide_index=True,
            column_config=columns,
            on_select="rerun",
            selection_mode="single-row",
            placeholder="–",
            key=f"accounts.{len(everybody)}",
        )
    with right:
        if rows := chosen.selection.rows:
            _change(everybody[rows[0]], there)
        else:
            _roles()


def _row(account: Account, there: Visitor) -> dict[str, object]:
    is_me = there.account is not None and account.id == there.account.id
    return {
        "name": f"{account.name} (you)" if is_me else account.name,
        "role": account.role.word,
        "signs in by": " and ".join(filter(None, ["password" if account.has_password else "", account.email])) or "nothing yet",
        "since": _day(account.created),
        "ended": _day(account.ended) if account.ended else None,
    }


def _change(account: Account, there: Visitor) -> None:
    """What can be done to one account."""
    of, me = workspace().accounts, annotator()
    with st.container(border=True, gap="small"), plain_errors():
        st.subheader(literal(account.name), anchor=False)
        if account.ended is not None:
            st.write("This account has ended. Its labels stay under this name.")
            if st.button("Let them in again", key=f"back.{account.id}"):
                of.back(account.name, me)
                st.rerun()
            return
        words = [role.word for role in Role]
        role = st.segmented_control("Role", words, default=account.role.word, required=True, key=f"role.{account.id}.{account.role}")
        if role and role != account.role.word and st.button(f"Make it {_a(role)}", type="primary", key=f"set.{account.id}"):
            of.set_role(account.name, Role[role.upper()], me)
            st.rerun()
        st.caption(f"May {MAY[Role[str(role).upper()]]}.")
        email = st.text_input(
            "Email address", account.email, key=f"email.{account.id}", help="By it a provider of identities (OIDC) knows the person."
        )
        if email.strip().lower() != account.email and st.button("Keep the address", key=f"keep.{account.id}"):
            of.set_email(account.name, email, me)
            st.rerun()
        with st.container(horizontal=True):
            if st.button("Link for a new password", key=f"renew.{account.id}"):
                st.session_state[MADE] = (f"With it {literal(account.name)} chooses a new password, once:", of.renew(account.name, by=me))
                st.rerun()
            if st.button("Sign out everywhere", key=f"out.{account.id}", help="Every browser that is signed in with this account."):
                of.sign_out(account.name, me)
                st.rerun()
            with st.popover("End", icon=":material/person_off:"):
                st.write(f"{literal(account.name)} is signed out at once and cannot come back. The labels stay.")
                if st.button("End the account", type="primary", key=f"end.{account.id}"):
                    of.end(account.name, me)
                    st.rerun()


def _a(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"


def _invite() -> None:
    st.subheader("Invite", anchor=False)
    with st.form("invite", width=FORM_WIDTH), plain_errors():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            role = st.selectbox("As", [role.word for role in Role], index=1, width=160)
            name = st.text_input("Name", placeholder="they say it themselves", max_chars=LONGEST, width=260)
            days = st.number_input("Days it is good for", 1, MOST_DAYS, DAYS, width=160)
            pressed = st.form_submit_button("Make a link", type="primary")
        if pressed:
            secret = workspace().accounts.invite(Role[role.upper()], name, int(days), annotator())
            st.session_state[MADE] = (f"Give this link to one person. It makes {_a(role)}'s account, once:", secret)
            st.rerun()
    if made := st.session_state.get(MADE):
        words, secret = made
        with st.container(width=FORM_WIDTH):
            st.success(words, icon=":material/link:")
            st.code(address(secret), language=None, wrap_lines=True)
            st.caption("It is shown only now: nobody can read it again, but it can be taken back below.")


def address(secret: str) -> str:
    """Where an invitation is opened, at the address that this page was opened at."""
    return f"{(st.context.url or '').rpartition('/')[0]}/?invite={secret}"


def _invitations() -> None:
    invited = workspace().accounts.invitations()
    if not invited:
        return
    st.caption(f"{plural(len(invited), 'link')} not used yet")
    for one in invited:
        with st.container(horizontal=True, vertical_alignment="center", width=FORM_WIDTH):
            whom = one.name or "somebody"
            what = "a new password" if one.account is not None else f"as {one.role.word}"
            st.markdown(f"**{literal(whom)}**, {what}, by {literal(one.made_by)}, until {_day(one.expires)}")
            st.space("stretch")
            if st.button("Take back", key=f"drop.{one.id}", type="tertiary"):
                workspace().accounts.take_back(one.id, annotator())
                st.session_state.pop(MADE, None)
                st.rerun()


def _story() -> None:
    """What was done to accounts, and who signed in."""
    st.subheader("What happened", anchor=False)
    rows = [
        {
            "when": datetime.fromtimestamp(e.time, UTC),
            "who": e.who,
            "what": e.what,
            "whom": e.about if e.about != e.who else None,
            "": e.details,
        }
        for e in workspace().accounts.happened(EVENTS)
    ]
    when = st.column_config.DatetimeColumn("when (UTC)", format="YYYY-MM-DD HH:mm")
    st.dataframe(pd.DataFrame(rows), hide_index=True, placeholder="", column_config={"when": when})


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


main()
