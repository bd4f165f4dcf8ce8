"""capsulectl store: what it says of folders that hold no whole store."""
import server
from client import gopher
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


def test_a_store_is_whole_until_a_byte_of_a_page_changes(daemon, tmp_path):
    folder = tmp_path / "store"
    d = daemon(server.conf(server={"store": str(folder)}))
    assert b"1996" in gopher(d.gopher, b"/history\r\n")
    done = ctl("store", "check", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("%s is whole: " % folder)
    segment = next(folder.glob("segment.*"))
    content = segment.read_bytes()
    at = content.index(b"1996")
    segment.write_bytes(content[:at] + b"1997" + content[at + 4:])
    done = ctl("store", "check", folder)
    assert done.returncode == 1
    assert "answer of /history is damaged\n" in done.stderr
