"""Every error of the API is a problem document that says what to do."""

import pytest
from django.test import RequestFactory
from django.urls import get_resolver
from rest_framework.test import APIClient

from portal.api import errors

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"


@pytest.fixture
def client():
    return APIClient()


@pytest.fixture
def sample(settings):
    settings.ROOT_URLCONF = "portal.api.tests.whoami"


def test_invalid_input_is_told_field_by_field(client, sample):
    answer = client.post("/api/v1/orders/", {"lines": [{"quantity": 1}, {"quantity": "many"}]})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The request is not valid; “errors” says what to change.",
        "errors": {
            "title": ["This field is required."],
            "lines.1.quantity": ["A valid integer is required."],
        },
    }


def test_what_concerns_no_field_stands_under_one_name(client, sample):
    answer = client.post("/api/v1/orders/", {"title": "Books", "lines": []})

    assert answer.json()["errors"] == {"non_field_errors": ["Nothing is for sale today."]}


def test_a_body_that_is_no_json_is_a_problem(client, sample):
    answer = client.post("/api/v1/orders/", "{", content_type="application/json")

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["detail"].startswith("JSON parse error")


def test_a_body_nested_without_end_is_a_problem(client, sample):
    answer = client.post("/api/v1/orders/", "[" * 200_000, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["detail"] == "JSON parse error: nested too deeply"


def test_a_method_that_is_not_there_is_a_problem(client, sample):
    answer = client.delete("/api/v1/orders/")

    assert answer.status_code == 405
    assert answer.json()["title"] == "Method Not Allowed"


def test_a_missing_thing_does_not_name_our_models(client, sample):
    answer = client.get("/api/v1/missing/")

    assert answer.status_code == 404
    assert answer.json()["detail"] == "Not found."


@pytest.mark.parametrize("path", ["/api/v1/unknown/", "/api/v2/token/", "/api/"])
def test_a_path_that_leads_nowhere_is_a_problem(client, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["title"] == "Not Found"


def test_a_forgotten_slash_is_added_for_readers_only(client):
    read = client.get("/api/v1/token?x=1")
    written = client.post("/api/v1/token", {})

    assert (read.status_code, read.headers["Location"]) == (301, "/api/v1/token/?x=1")
    assert written.status_code == 404


def test_our_own_error_says_nothing_of_its_cause():
    request = RequestFactory().get("/api/v1/token/")

    answer = get_resolver().resolve_error_handler(500)(request)

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == PROBLEM


def test_a_nested_detail_becomes_one_sentence():
    detail = {"detail": "Token is expired", "code": "token_not_valid", "messages": [{"message": "expired"}]}

    assert errors.sentence(detail) == "Token is expired"


# --- Lists -------------------------------------------------------------------------------------------------
def test_a_list_tells_its_length_and_its_neighbours(client, sample):
    answer = client.get("/api/v1/numbers/", {"page": 2, "page_size": 10})

    assert answer.json() == {
        "count": 30,
        "next": "http://testserver/api/v1/numbers/?page=3&page_size=10",
        "previous": "http://testserver/api/v1/numbers/?page_size=10",
        "results": [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
    }


@pytest.mark.parametrize("page", ["4", "0", "x"])
def test_a_page_that_does_not_exist_is_not_found(client, sample, page):
    answer = client.get("/api/v1/numbers/", {"page": page, "page_size": 10})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == PROBLEM


@pytest.mark.parametrize("page_size", ["0", "-1", "101", "x", "", "٣", "9" * 5000])
def test_a_page_size_out_of_bounds_is_refused(client, sample, page_size):
    answer = client.get("/api/v1/numbers/", {"page_size": page_size})

    assert answer.status_code == 400
    assert answer.json()["errors"] == {"page_size": ["Give a number from 1 to 100."]}


def test_an_unknown_filter_is_refused(client, sample):
    answer = client.get("/api/v1/numbers/", {"colour": "red"})

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["colour"]


def test_an_unknown_value_of_a_filter_is_refused(client, sample):
    answer = client.get("/api/v1/numbers/", {"ordering": "size"})

    assert answer.json()["errors"] == {"ordering": ["“size” is not one of: number, -number."]}
