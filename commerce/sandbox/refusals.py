"""What the sandbox refuses, in the words and codes Stripe uses for it."""

from typing import Any


class Refusal(Exception):
    """An error answer of the API: an HTTP status and the fields of Stripe's `error` object.

    `is_kept` says that the refusal is the outcome of an executed request (such as a declined card), so that
    what it changed is kept and a repeat with the same idempotency key gets it again.
    """

    def __init__(self, status: int, *, is_kept: bool = False, **fields: Any) -> None:
        super().__init__(fields.get("message", ""))
        self.status = status
        self.is_kept = is_kept
        self.fields = {name: value for name, value in fields.items() if value is not None}

    def body(self) -> dict[str, Any]:
        return {"error": self.fields}


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> Refusal:
    return Refusal(status, type="invalid_request_error", message=message, param=param, code=code)


def unknown_parameters(names: list[str]) -> Refusal:
    plural = "s" if len(names) > 1 else ""
    return invalid(
        f"Received unknown parameter{plural}: {', '.join(names)}", param=names[0], code="parameter_unknown"
    )


def missing_parameter(name: str) -> Refusal:
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def empty_parameter(name: str) -> Refusal:
    return invalid(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
        "parameter; "
        f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
        "non-empty "
        "value.",
        param=name,
        code="parameter_invalid_empty",
    )


def resource_missing(kind: str, object_id: str, *, param: str, status: int = 404) -> Refusal:
    return invalid(f"No such {kind}: '{object_id}'", param=param, code="resource_missing", status=status)


def unrecognized_url(verb: str, path: str) -> Refusal:
    return invalid(
        f"Unrecognized request URL ({verb}: {path}). The Stripe sandbox does not serve it; its README "
        "lists what "
        "it serves.",
        status=404,
    )


def not_served(what: str, *, param: str | None = None) -> Refusal:
    """For what Stripe itself would accept: acting as if it had been done would be a lie."""
    return invalid(
        f"The Stripe sandbox does not serve {what}. Stripe itself would accept it; the sandbox "
        "refuses rather than "
        "ignoring it.",
        param=param,
        code="sandbox_not_served",
    )


def missing_key() -> Refusal:
    return invalid(
        "You did not provide an API key. You need to provide your API key in the Authorization header, using "
        "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        status=401,
    )


def bad_key(hint: str) -> Refusal:
    return invalid(f"Invalid API Key provided: {hint}", status=401)


def publishable_key() -> Refusal:
    return invalid(
        "This API call cannot be made with a publishable API key. Please use a secret API key. It starts "
        "with sk_test_.",
        status=403,
        code="secret_key_required",
    )


def live_key() -> Refusal:
    return invalid(
        "A live secret key was sent to the Stripe sandbox. It was refused and not stored; a live key "
        "belongs on "
        "Stripe's own address only. Use a key that starts with sk_test_.",
        status=401,
        code="secret_key_required",
    )


def internal_error(message: str) -> Refusal:
    return Refusal(500, type="api_error", message=message)


def other_body_for_key(key: str) -> Refusal:
    return Refusal(
        400,
        type="idempotency_error",
        message="Keys for idempotent requests can only be used with the same parameters they were "
        "first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
    )


def key_in_use(key: str) -> Refusal:
    return Refusal(
        409,
        type="idempotency_error",
        code="idempotency_key_in_use",
        message="There is currently another in-progress request using this Idempotency Key (that "
        "probably means you "
        f"submitted twice, and the other request is still going through): '{key}'. Please try again later.",
    )
