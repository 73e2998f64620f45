import pytest

from commerce.sandbox import benchmark


def test_the_benchmark_measures_each_of_its_operations(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(calls=3)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "products.create",
        "checkout.sessions.create",
        "checkout.sessions.retrieve",
        "payment_intents.create, paid",
        "charges.list, ten",
        "all calls",
    ]
    assert all(line.endswith(" ms") for line in lines)


def test_the_benchmark_fails_if_the_promise_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "PROMISED_MILLISECONDS", 0.0)

    assert benchmark.main(calls=1) == 1
