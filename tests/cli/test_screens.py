"""What a log shows of long work."""

from isogloss.cli import screens


def test_the_time_left_is_judged_by_the_stage_at_hand(monkeypatch, capsys):
    clock = iter([0.0, 100.0, 111.0, 122.0])
    monkeypatch.setattr(screens.time, "monotonic", lambda: next(clock))
    said = []
    monkeypatch.setattr(screens.err, "print", lambda text, **_: said.append(text))
    lines = screens._LogLines()
    lines("second", 10, 110)  # resumed: ten were there before
    lines("second", 21, 110)
    lines("second", 32, 110)
    # 11 in 11 seconds, 89 left: 89 s; then 22 in 22 seconds, 78 left: 78 s
    assert said == ["second: 10 of 110", "second: 21 of 110, about 89 s left", "second: 32 of 110, about 78 s left"]
