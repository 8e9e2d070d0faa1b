"""Many changes of webhooks in one request: each done and answered for itself, in their order."""

from collections.abc import Sequence
from typing import Any, Literal, Self, assert_never

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from offhook.api.faults import report_fault
from offhook.api.problems import Problem, problem_of
from offhook.api.validation import invalid
from offhook.delivery.document import NewWebhook
from offhook.delivery.webhooks.answers import ChangedWebhook, MadeWebhook
from offhook.delivery.webhooks.changes import WebhookChanges
from offhook.model.errors import FieldError, OffhookError
from offhook.model.ids import AccountId, WebhookId


class WebhookBatch(BaseModel):
    """Up to 1,000 items: ``{"method": "POST", "body": {...}}``, ``{"method": "PATCH", "id": ...,
    "body": {...}}`` or ``{"method": "DELETE", "id": ...}``. Each is checked by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: list[Any]


class ItemAnswer(BaseModel):
    """How one item fared: with the status and the body that it would have had alone, or with the
    problem."""

    status: int
    id: str | None = None
    body: MadeWebhook | ChangedWebhook | None = None
    error: dict[str, Any] | None = None


class WebhookBatchAnswer(BaseModel):
    """How all of them fared, in their order."""

    items: list[ItemAnswer]


class _Item(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    method: Literal["POST", "PATCH", "DELETE"]
    id: str | None = None
    body: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.id is None) != (self.method == "POST"):
            raise ValueError("id goes with PATCH and DELETE, and not with POST")
        if (self.body is None) != (self.method == "DELETE"):
            raise ValueError("body goes with POST and PATCH, and not with DELETE")
        return self


async def run_batch(
    changes: WebhookChanges, account: AccountId, items: Sequence[object]
) -> WebhookBatchAnswer:
    """Do each in turn; one that is refused spoils no other."""
    return WebhookBatchAnswer(
        items=[
            await _answered(changes, account, item, f"body.items.{place}")
            for place, item in enumerate(items)
        ]
    )


async def _answered(
    changes: WebhookChanges, account: AccountId, written: object, path: str
) -> ItemAnswer:
    try:
        item = _read(written, path)
    except OffhookError as error:
        return _refused(problem_of(error, within=path))
    try:
        return await _done(changes, account, item)
    except OffhookError as error:
        return _refused(_named_by_item(problem_of(error, within=f"{path}.body"), path))
    except Exception as error:  # noqa: BLE001 - what others did stands, and is to be answered
        return _refused(report_fault(error, method="POST", route="/v1/webhooks/batch"))


def _refused(problem: Problem) -> ItemAnswer:
    return ItemAnswer(status=problem.status, error=msgspec.to_builtins(problem))


def _named_by_item(problem: Problem, path: str) -> Problem:
    """What alone would stand in the path is the item's id here."""
    if not problem.errors:
        return problem
    errors = [
        FieldError(f"{path}.id", each.message) if each.path == "path.webhook_id" else each
        for each in problem.errors
    ]
    return msgspec.structs.replace(problem, errors=errors)


async def _done(changes: WebhookChanges, account: AccountId, item: _Item) -> ItemAnswer:
    named, body = WebhookId(item.id or ""), item.body or {}
    match item.method:
        case "POST":
            made = await changes.create(account, _new(body))
            return ItemAnswer(status=201, id=made.id, body=made)
        case "PATCH":
            changed = await changes.change(account, named, body)
            return ItemAnswer(status=200, id=changed.id, body=changed)
        case "DELETE":
            await changes.delete(account, named)
            return ItemAnswer(status=204, id=named)
        case _:
            assert_never(item.method)


def _read(written: object, path: str) -> _Item:
    try:
        return _Item.model_validate(written)
    except ValidationError as error:
        raise invalid(error.errors(), path) from error


def _new(body: dict[str, Any]) -> NewWebhook:
    try:
        return NewWebhook.model_validate(body)
    except ValidationError as error:
        raise invalid(error.errors(), "body") from error
