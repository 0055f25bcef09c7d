/* What is said over the socket, in text that can be read in strace. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

char *wire_request(const struct words *request, size_t *size)
{
	char *body = NULL, *whole = NULL;
	size_t body_size = 0;
	FILE *out = open_memstream(&body, &body_size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < request->count; i++)
		fprintf(out, "%zu\n%s\n", strlen(request->at[i]), request->at[i]);
	if (fclose(out) || !(out = open_memstream(&whole, size))) {
		free(body);
		return NULL;
	}
	fprintf(out, "engine %zu\n", body_size);
	fwrite(body, 1, body_size, out);
	free(body);
	if (fclose(out)) {
		free(whole);
		return NULL;
	}
	return whole;
}

/* Copy a header into a string. Return: its length with the newline, 0 or -1 as to be answered. */
static int header_line(const char *data, size_t size, char *line)
{
	const char *end = memchr(data, '\n', size < HEADER_MOST ? size : HEADER_MOST);
	size_t length;

	if (!end)
		return size < HEADER_MOST ? 0 : -1;
	length = (size_t)(end - data);
	memcpy(line, data, length);
	line[length] = 0;
	return strlen(line) == length ? (int)length + 1 : -1;
}

int wire_answer_header(const char *data, size_t size, int *status, char *stream, size_t *body)
{
	char line[HEADER_MOST];
	int length = header_line(data, size, line);
	int end = 0;

	if (length <= 0)
		return length;
	if (sscanf(line, "%3d %c %12zu%n", status, stream, body, &end) != 3 || line[end])
		return -1;
	return length;
}

/* region 04.framing */
int wire_request_header(const char *data, size_t size, size_t *body)
{
	char line[HEADER_MOST];
	int length = header_line(data, size, line);
	int end = 0;

	if (length <= 0)
		return length;
	if (sscanf(line, "engine %7zu%n", body, &end) != 1 || line[end] || *body > BODY_MOST)
		return -1;
	return length;
}

bool wire_request_body(const char *body, size_t size, struct words *request)
{
	const char *end = body + size;

	while (body < end) {
		size_t length = 0;

		if (!isdigit((unsigned char)*body))
			return false;
		while (body < end && isdigit((unsigned char)*body) && length <= size)
			length = length * 10 + (size_t)(*body++ - '0');
		if (body == end || *body++ != '\n' || (size_t)(end - body) <= length)
			return false;
		if (body[length] != '\n' || memchr(body, 0, length))
			return false;
		words_add_part(request, body, length);
		body += length + 1;
	}
	return request->count > 0;
}
/* endregion 04.framing */
