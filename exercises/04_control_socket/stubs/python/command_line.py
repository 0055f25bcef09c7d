# What a client gives is not to be believed: it becomes the name of a file, a limit, a program.


def command_line(words: list[str]) -> tuple[bytes, ...]:
    """The program and its arguments. One word alone is split as a shell would split it (shlex).

    Several words arrive unchanged, with every byte that they had ("utf-8", "surrogateescape").

    Raises:
        UsageError: a quotation has no end, or there is no program.
    """
    # Until you do, nothing is split.
    return tuple(word.encode("utf-8", "surrogateescape") for word in words)


def check_id(identifier: str) -> str:
    """The id, if it is one: 1 to 31 of A-Z a-z 0-9 . _ -, the first a letter or a digit (_ID).

    Raises:
        UsageError: it is not. show(text) puts a user's word into a message safely.
    """
    # Until you do, everything is an id.
    return identifier


def number(key: str, text: str, low: int, high: int) -> int:
    """The whole number that the value `text` of the option `key` is.

    Raises:
        UsageError: it is none, or one out of range.
    """
    # Until you do, every number is in range.
    return int(text)
