"""Compare messages by what matters in them, not by their wording.

What matters are the file and line, the section and key, what is quoted, and
every word that is not plain lower-case prose: "workers:", "64", "IPV4:PORT".
All of these must be there.  Of the plain words half must be there, so that a
sentence can be worded better, and another message is still another one.
tests/unit/sentence.h does the same.
"""
import re

WORD = re.compile(r'"[^"]*"?|\[[^\]]*\]?|[^\s,;]+')
SHORT = 4  # letters; shorter ones say little


def lacking(got, want):
    """What the line got lacks of the line want, or None."""
    plain, found = 0, 0
    for word in WORD.findall(want):
        if not re.fullmatch(r"[a-z'-]+", word):
            if word not in got:
                return word
        elif len(word) >= SHORT:
            plain += 1
            found += word in got
    return None if found * 2 >= plain else "most of its words"


def assert_says(got, want):
    """got has the same lines as want by what matters in them."""
    got_lines, want_lines = got.splitlines(), want.splitlines()
    assert len(got_lines) == len(want_lines), "%s\nwant:\n%s" % (got, want)
    for ours, theirs in zip(got_lines, want_lines):
        lacks = lacking(ours, theirs)
        assert lacks is None, "%s\nwant: %s\nlacks: %s" % (ours, theirs, lacks)
