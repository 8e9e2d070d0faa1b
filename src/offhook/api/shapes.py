"""How the OpenAPI document names the bodies that are rendered without a pydantic model."""

from typing import Any

Responses = dict[int | str, dict[str, Any]]


def ref(name: str) -> dict[str, Any]:
    """A reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def answers(name: str, status: int = 200) -> Responses:
    """A response that is one object of this schema."""
    return {status: _json(ref(name), f"{name}.")}


def pages_of(name: str) -> Responses:
    """A response that is a page of objects of this schema."""
    shape = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": ref(name)},
            "next_cursor": {"type": ["string", "null"]},
        },
        "required": ["data", "next_cursor"],
    }
    return {200: _json(shape, "A page.")}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
