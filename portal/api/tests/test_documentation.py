"""The documentation: made from the code, and of our own API only."""

import json

import pytest
from django.core.management import call_command
from django.urls import URLPattern

from portal.api import v1

pytestmark = pytest.mark.django_db


def documented_paths(client):
    return json.loads(client.get("/api/swagger.json").content)["paths"]


def routes(patterns, prefix=""):
    """Paths of the URL patterns in Swagger's spelling."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield "/" + path.replace("<int:pk>", "{id}").replace("<int:", "{").replace(">", "}")
        else:
            yield from routes(pattern.url_patterns, path)


def test_exactly_our_routes_are_documented(client):
    documented = documented_paths(client)

    assert sorted(documented) == sorted(set(routes(v1.urlpatterns)))


def test_signing_in_is_documented_as_it_is(client):
    operation = documented_paths(client)["/token/"]["post"]

    assert operation["security"] == []
    assert sorted(operation["responses"]) == ["200", "400", "401", "429"]
    assert operation["responses"]["200"]["schema"] == {"$ref": "#/definitions/TokenPair"}


def operations(client):
    for path, item in documented_paths(client).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield f"{method} {path}", item[method]


def test_every_operation_has_a_summary_in_words(client):
    assert [name for name, operation in operations(client) if " " not in operation["summary"]] == []


def test_every_refusal_is_documented_with_the_shape_that_refusals_have(client):
    for name, operation in operations(client):
        assert "application/problem+json" in operation["produces"], name
        refusals = {code: answer for code, answer in operation["responses"].items() if int(code) >= 400}
        assert "429" in refusals, name
        for code, answer in refusals.items():
            assert answer["schema"] == {"$ref": "#/definitions/Problem"}, (name, code)
            assert answer["description"], (name, code)


def test_what_asks_for_a_token_says_what_comes_without_one(client):
    without = {
        name
        for name, operation in operations(client)
        if operation.get("security") != [] and "401" not in operation["responses"]
    }

    assert without == set()


def test_the_command_writes_the_same_schema(client, tmp_path):
    file = tmp_path / "swagger.json"

    call_command("generate_swagger", str(file), format="json")

    assert json.loads(file.read_text())["paths"] == documented_paths(client)


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/", "/api/swagger.yaml"])
def test_the_documentation_opens_for_everyone(client, path):
    answer = client.get(path)

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/docs/", "/api/redoc/"])
def test_the_readers_may_not_ask_another_host(client, path):
    policy = client.get(path).headers["Content-Security-Policy"]

    assert "img-src 'self' data:" in policy
    assert "script-src 'self';" in f"{policy};"
    assert "style-src 'self' 'unsafe-inline'" in policy
