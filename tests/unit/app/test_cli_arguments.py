"""Wrong arguments: whatever is given, the answer is one sentence that says what is wrong, and nothing is done."""

import pytest

from greenroom.app import cli

# What is given, and words of the sentence
WRONG = {
    "no command": ([], "required: COMMAND"),
    "an option for a command": (["--json"], "required: COMMAND"),
    "a command that is mistyped": (["doktor"], "did you mean `greenroom doctor`?"),
    "a command that there is not, which is no erasing": (["leave"], "there is no `leave`; there are "),
    "a command like no other": (["xyzzy"], "there is no `xyzzy`; there are up, link"),
    "more than a command takes": (["sessions", "x"], "unrecognized arguments: x"),
    "an option of another command": (["settings", "--json"], "unrecognized arguments: --json"),
    "a word for seconds": (["restart", "--timeout", "soon"], "'soon' is no number of seconds"),
    "nothing for seconds": (["restart", "--timeout", ""], "'' is no number of seconds"),
    "too many seconds": (["restart", "--timeout", "1e400"], "'1e400' is no number of seconds"),
    "no number for seconds": (["reap", "local:x", "--timeout", "nan"], "'nan' is no number of seconds"),
    "less than no seconds": (["drain", "bots@here", "--timeout", "-1"], "'-1' is no number of seconds"),
    "a link that has expired": (["link", "--lasts", "-5"], "'-5' is no number of seconds"),
    "a link that is over at once": (["link", "--lasts", "0"], "'0' is over at once"),
    "a room that is none": (["doctor", "standup"], "a room_url is as in local:standup"),
    "a room with a password": (["doctor", "wss://user:word@host/x"], "a room_url is as in local:standup"),
    "a room with a long name": (["link", f"local:{'a' * 70}"], "up to 64 letters"),
    "no worker": (["drain"], "required: WORKER"),
    "a worker without a name": (["drain", ""], "WORKER: it is empty"),
    "a session without an id": (["session", " "], "ID: it is empty"),
    "a user without an id": (["erase", "", "--yes"], "USER: it is empty"),
    "bytes for a user": (["export", "\udcff"], "'\\udcff' is not UTF-8"),
    "bytes for a session": (["session", "\udcff"], "is not UTF-8"),
    "bytes for a word": (["conversations", "--search", "\udcff"], "is not UTF-8"),
    "no conversations": (["conversations", "--limit", "0"], "'0' is no number from 1 to 100000"),
    "a power for a number": (["users", "--limit", "\u00b2"], "is no number from 1 to 100000"),
    "a number too long to be read": (["users", "--limit", "9" * 5000], "is no number from 1 to 100000"),
    "a day that is none": (["analytics", "--from", "yesterday"], "Use a day or a moment"),
    "a thirteenth month": (["conversations", "--from", "2020-13-01"], "Use a day or a moment"),
    "a folder for a file": (["import-assistants", "."], "'.' cannot be read: Is a directory"),
    "a file that is not there": (
        ["import-assistants", "nowhere"],
        "cannot be read: No such file or directory",
    ),
    "a file that is no text": (["import-assistants", "bytes"], "'bytes' cannot be read: it is not UTF-8"),
    "a deed that is none": (["webhooks", "burn"], "there is no `burn`; there are list, show"),
}


@pytest.mark.parametrize(("arguments", "says"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_one_sentence(arguments, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xf4")
    with pytest.raises(SystemExit) as exited:
        cli.main(arguments)

    said = capsys.readouterr()
    assert exited.value.code == cli.MISUSED
    assert says in said.err and said.out == ""
    assert len(said.err.splitlines()) == 2  # and where there is help
    assert not (tmp_path / "var").exists()


def test_a_procfile_that_is_no_text_is_one_sentence(capsys, monkeypatch, tmp_path):
    """It was a traceback."""
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    (tmp_path / "Procfile").write_bytes(b"web: \xff\xfe")

    assert cli.main(["up", "--procfile", str(tmp_path / "Procfile")]) == cli.FAILED
    assert capsys.readouterr().err == f"{tmp_path / 'Procfile'} cannot be read: it is not UTF-8.\n"
