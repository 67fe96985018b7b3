"""Users and their roles. Source: reference 4.19."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from amocrm.resources.named import HasNames
from amocrm.resources.verbs import Creates, Deletes, Edits, Gets, Lists

if TYPE_CHECKING:
    from amocrm.schema.users import NewRole, NewUser, Role, RolePatch, User

UserWith: TypeAlias = Literal["amojo_id", "group", "phone_number", "role", "user_rank", "uuid"]
RoleWith: TypeAlias = Literal["users"]


class Users(
    Lists["User", NoReturn, UserWith, NoReturn], Gets["User", UserWith],
    Creates["NewUser", "User"], HasNames["User"],
    path="users", source="4.19",
):  # fmt: skip
    """Users of the account, by their names or e-mails. Requires admin rights."""

    __slots__ = ()
    _called = ("user", "users")
    _names = ("name", "email")

    def activate(self, *ids: int) -> None:
        """Switch users on, ten in a call at most."""
        if ids:
            self._api.request.post(f"{self._path}/activate", [{"id": one} for one in ids])

    def deactivate(self, *ids: int) -> None:
        """Switch users off, ten in a call at most."""
        if ids:
            self._api.request.post(f"{self._path}/deactivate", [{"id": one} for one in ids])


class Roles(
    Lists["Role", NoReturn, RoleWith, NoReturn], Creates["NewRole", "Role"],
    Edits["Role", RoleWith, "RolePatch", "Role"], Deletes, HasNames["Role"],
    path="roles", source="4.19",
):  # fmt: skip
    """Sets of rights. Requires admin rights."""

    __slots__ = ()
    _called = ("role", "roles")
