"""capsulectl store: what it says of folders that hold no whole store."""
from ctl import ctl


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    done = ctl("store", "check", tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr == "%s: No such file or directory\n" % (
        tmp_path / "none")


def test_a_folder_without_a_root_is_no_store(tmp_path):
    done = ctl("store", "check", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "%s/root: No such file or directory\n" % tmp_path


def test_what_is_not_a_root_is_reported(tmp_path):
    for content, sentence in ((b"", "it is too short"),
                              (b"x" * 500, "it is not a store's"),
                              (b"capsuled store\n\0" + b"\xff" * 500,
                               "it is of another version of the format"),
                              (b"capsuled store\n\0\1\0\0\0" + b"\xff" * 500,
                               "it says what cannot be")):
        (tmp_path / "root").write_bytes(content)
        done = ctl("store", "check", tmp_path)
        assert done.returncode == 1
        assert done.stderr == "%s/root: %s\n" % (tmp_path, sentence)


def test_there_is_nothing_but_check(tmp_path):
    done = ctl("store", "mend", tmp_path)
    assert done.returncode == 2
    assert done.stderr == ('capsulectl store: "mend" is nothing it can do; '
                           "it can: check\n")
