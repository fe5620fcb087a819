"""The one form of errors for users."""

import pickle

from pixelwise.errors import InputError


def test_it_says_what_was_wanted_what_was_got_and_what_to_do():
    error = InputError("a file", "a folder", hint="name a file in it")
    assert str(error) == "wanted a file, got a folder\nhint: name a file in it"
    assert (error.wanted, error.got, error.hint) == ("a file", "a folder", "name a file in it")
    assert isinstance(error, ValueError)


def test_it_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(InputError("a", "b", "c")))
    assert str(error) == "wanted a, got b\nhint: c"
