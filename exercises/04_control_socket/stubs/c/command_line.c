/* Whether this is an id: 1 to 31 of A-Z a-z 0-9 . _ -, the first a letter or a digit
 * (letter_or_digit()). It becomes the name of a file. Until you do, everything is one. */
bool id_is_valid(const char *id)
{
	(void)letter_or_digit;
	(void)id;
	return true;
}

/* Whether a text is a whole number from low to high, and nothing else (strtol(3)); *number
 * is it. Until you do, every number is in range. */
bool parse_number(const char *text, long low, long high, long *number)
{
	(void)low;
	(void)high;
	*number = strtol(text, NULL, 10);
	return true;
}

/*
 * Split one word as a shell would: blanks part, quotes and backslashes keep. The parts go
 * into the list (words_add_part()), an empty one in quotes, too.
 * Return: whether every quote has its end. Until you do, nothing is split.
 */
static bool split_as_shell(const char *text, struct words *into)
{
	words_add(into, text);
	return true;
}
