/* The rules of the command line. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

void words_add_part(struct words *words, const char *start, size_t length)
{
	words->at = realloc(words->at, (words->count + 2) * sizeof(*words->at));
	if (!words->at || !(words->at[words->count] = strndup(start, length))) {
		complain("no memory left");
		exit(EXIT_ENGINE);
	}
	words->at[++words->count] = NULL;
}

void words_add(struct words *words, const char *word)
{
	words_add_part(words, word, strlen(word));
}

void words_free(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->at[i]);
	free(words->at);
	*words = (struct words){ 0 };
}

/* Not isalnum(): what a letter is must not depend on anybody's locale. */
static bool letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* region 04.command_line */
bool id_is_valid(const char *id)
{
	size_t length = strlen(id);

	if (length == 0 || length >= ID_SIZE || !letter_or_digit(id[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!letter_or_digit(id[i]) && !strchr("._-", id[i]))
			return false;
	return true;
}

bool parse_number(const char *text, long low, long high, long *number)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '-')
		return false;
	errno = 0;
	*number = strtol(text, &end, 10);
	return !errno && end != text && !*end && *number >= low && *number <= high;
}

/*
 * Split one word as a shell would: blanks part, quotes and backslashes keep.
 * Return: whether every quote has its end.
 */
static bool split_as_shell(const char *text, struct words *into)
{
	char *word = malloc(strlen(text) + 1);
	size_t length = 0;
	bool begun = false;
	char quote = 0;

	if (!word)
		return false;
	for (; *text; text++) {
		if (quote ? *text == quote : *text == '\'' || *text == '"') {
			quote = quote ? 0 : *text;
			begun = true;
		} else if (!quote && strchr(" \t\n", *text)) {
			if (begun)
				words_add_part(into, word, length);
			begun = false;
			length = 0;
		} else {
			/* Between double quotes a backslash keeps only these from their meaning. */
			if (*text == '\\' && quote != '\'' && text[1] && (!quote || strchr("\"\\$`", text[1])))
				text++;
			word[length++] = *text;
			begun = true;
		}
	}
	if (begun)
		words_add_part(into, word, length);
	free(word);
	return !quote;
}
/* endregion 04.command_line */

struct option {
	const char *name;
	long low, high, value;
};

/*
 * Take an option of ours, "--nice 5" or "--nice=5", with its value.
 * Return: how many words that was; 0 where it is not ours; -1 after a complaint.
 */
static int take_option(char **at, struct option *options)
{
	for (struct option *option = options; option->name; option++) {
		size_t length = strlen(option->name);
		char *value;
		int taken;

		if (strncmp(*at, option->name, length) || ((*at)[length] && (*at)[length] != '='))
			continue;
		taken = (*at)[length] ? 1 : 2;
		value = taken == 1 ? *at + length + 1 : at[1];
		if (value && parse_number(value, option->low, option->high, &option->value))
			return taken;
		complain("%s wants a whole number from %ld to %ld, not \"%s\"", option->name, option->low,
			 option->high, value ? value : "");
		return -1;
	}
	return 0;
}

static bool add_absolute(struct words *request, const char *path)
{
	char *folder, *absolute;

	if (*path == '/' || !*path) {
		words_add(request, path);
		return true;
	}
	folder = getcwd(NULL, 0);
	if (!folder || asprintf(&absolute, "%s/%s", folder, path) < 0) {
		complain("the current folder has no name any more; give the rootfs as an absolute path");
		free(folder);
		return false;
	}
	words_add(request, absolute);
	free(folder);
	free(absolute);
	return true;
}

static void add_number(struct words *request, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	words_add(request, text);
}

/*
 * Options of ours may stand anywhere, as in the course's own examples. Before the
 * program every word with a dash is one; behind it only those we know, for the rest
 * belongs to the program. "--" ends that: before the program it is ours and goes, behind
 * it, it is the program's and stays.
 */
static int sort_words(char **arguments, struct words *operands, struct option *options)
{
	bool open = true;

	while (*arguments) {
		bool begun = operands->count >= 3;
		int taken = 0;

		if (open && !strcmp(*arguments, "--")) {
			open = false;
			taken = !begun;
		} else if (open) {
			taken = take_option(arguments, options);
			if (taken < 0)
				return EXIT_ENGINE;
			if (!taken && !begun && (*arguments)[0] == '-' && (*arguments)[1])
				return complain("there is no option %s; see engine --help", *arguments);
		}
		if (!taken) {
			words_add(operands, *arguments);
			taken = 1;
		}
		arguments += taken;
	}
	return 0;
}

static int parse_program(char **arguments, struct words *request)
{
	struct option options[] = { { "--soft-mib", 1, MOST_MIB, SOFT_MIB },
				    { "--hard-mib", 1, MOST_MIB, HARD_MIB },
				    { "--nice", -20, 19, 0 },
				    { NULL, 0, 0, 0 } };
	struct words operands = { 0 };
	int status = sort_words(arguments + 1, &operands, options);

	if (status)
		goto out;
	status = EXIT_ENGINE;
	if (operands.count < 3) {
		complain("%s wants an id, a rootfs and a command; see engine --help", arguments[0]);
		goto out;
	}
	if (!id_is_valid(operands.at[0])) {
		complain("\"%s\" is no id: 1 to 31 of A-Z a-z 0-9 . _ -, a letter or digit first", operands.at[0]);
		goto out;
	}
	/* region 04.limits */
	if (options[0].value > options[1].value) {
		complain("the soft limit (%ld MiB) is above the hard one (%ld MiB); set both: --soft-mib N --hard-mib N",
			 options[0].value, options[1].value);
		goto out;
	}
	/* endregion 04.limits */
	words_add(request, arguments[0]);
	words_add(request, operands.at[0]);
	if (!add_absolute(request, operands.at[1]))
		goto out;
	for (int i = 0; options[i].name; i++)
		add_number(request, options[i].value);
	if (operands.count > 3) {
		for (size_t i = 2; i < operands.count; i++)
			words_add(request, operands.at[i]);
	} else if (!split_as_shell(operands.at[2], request)) {
		complain("a quote in the command has no end: %s", operands.at[2]);
		goto out;
	}
	if (request->count <= REQUEST_PROGRAM || !request->at[REQUEST_PROGRAM][0])
		complain("the command is empty; name a program of the rootfs");
	else
		status = 0;
out:
	words_free(&operands);
	return status;
}

int parse_command_line(char **arguments, struct words *request)
{
	const char *command = arguments[0];

	if (!strcmp(command, "start") || !strcmp(command, "run"))
		return parse_program(arguments, request);
	words_add(request, command);
	if (!strcmp(command, "ps"))
		return arguments[1] ? complain("ps takes nothing more") : 0;
	/* region 04.unknown */
	if (strcmp(command, "logs") && strcmp(command, "stop"))
		return complain("there is no command \"%s\"; see engine --help", command);
	/* endregion 04.unknown */
	if (!arguments[1] || arguments[2])
		return complain("%s takes the id of one container; engine ps lists them", command);
	if (!id_is_valid(arguments[1]))
		return complain("\"%s\" is no id; engine ps lists the containers", arguments[1]);
	words_add(request, arguments[1]);
	return 0;
}
