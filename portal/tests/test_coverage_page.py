from portal.tests.coverage_page import page


def measured(covered, statements, branches=0, covered_branches=0):
    return {
        "summary": {
            "covered_lines": covered,
            "num_statements": statements,
            "covered_branches": covered_branches,
            "num_branches": branches,
        }
    }


def test_the_page_adds_lines_and_branches_up_for_each_part():
    report = {
        "files": {
            "courses/models/pages.py": measured(8, 8, branches=2, covered_branches=0),
            "courses/views.py": measured(10, 10),
            "commerce/money.py": measured(1, 2),
            "commerce/sandbox/store.py": measured(3, 3),
            "portal/home/views.py": measured(1, 4),
            "portal/urls.py": measured(1, 1),
            "library/__init__.py": measured(0, 0),
        },
        "totals": {"percent_covered": 80.04},
    }

    assert page(report).splitlines()[5:] == [
        "| part | covered |",
        "|---|---:|",
        "| commerce | 50 % |",
        "| commerce/sandbox | 100 % |",
        "| courses | 90 % |",
        "| portal | 100 % |",
        "| portal/home | 25 % |",
        "| **all** | **80.0 %** |",
    ]
