"""Whose files are encoded: this user's own, and those of users who were named."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable

from msgspec import Struct

from daddy_encode.errors import SettingsError, Skipped

ANY = "any"


class Owners(Struct, frozen=True):
    """Users whose files are taken besides this user's own.

    Attributes:
        uids: Their numbers; None: everybody's. Default: none.
    """

    uids: frozenset[int] | None = frozenset()

    def trusts(self, uid: int) -> bool:
        """Whether files of the user `uid` are taken."""
        return self.uids is None or uid == os.geteuid() or uid in self.uids

    def check(self, uid: int, what: object) -> None:
        """Raise Skipped where `what`, a file or directory of the user `uid`, should not be taken."""
        if not self.trusts(uid):
            owner = user_name(uid)
            raise Skipped(f"{what}: skipped: it belongs to {owner}, not to you; --trust-owner {owner} takes it")

    def check_file(self, status: os.stat_result, path: object) -> None:
        """As `check`, for a file that was opened."""
        self.check(status.st_uid, path)


def trusted_owners(names: Iterable[str]) -> Owners:
    """Users by name.

    Args:
        names: Login names or numbers, or `any` for everybody.

    Raises:
        SettingsError: This machine does not know a name.
    """
    uids = set()
    for name in names:
        if name == ANY:
            return Owners(None)
        try:
            uids.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            if not (name.isascii() and name.isdigit()):
                raise SettingsError(
                    f"there is no user {name!r:.60} on this machine; give a login name, a number, or {ANY}"
                ) from None
            uids.add(int(name))
    return Owners(frozenset(uids))


def user_name(uid: int) -> str:
    """The login name of the user `uid`, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
