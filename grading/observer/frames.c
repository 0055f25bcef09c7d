// SPDX-License-Identifier: MIT
/* Frames and fields; see frames.h. Output is queued, so that a slow host never stops the observer's loop. */
#include "frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t token;

static char *queue;
static size_t queued, sent, room;

void *must_allocate(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);

	if (!memory)
		_exit(70);
	return memory;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void append(char **to, size_t *length, size_t *space, const void *bytes, size_t more)
{
	if (*length + more > *space) {
		*space = 2 * (*length + more);
		*to = must_allocate(*to, *space);
	}
	if (more)
		memcpy(*to + *length, bytes, more);
	*length += more;
}

void put_field(struct message *to, const void *bytes, size_t length)
{
	uint32_t size = (uint32_t)length;

	append(&to->bytes, &to->length, &to->room, &size, sizeof(size));
	append(&to->bytes, &to->length, &to->room, bytes, length);
}

void put_text(struct message *to, const char *text)
{
	put_field(to, text, strlen(text));
}

void put_number(struct message *to, long long number)
{
	char text[24];

	put_field(to, text, (size_t)snprintf(text, sizeof(text), "%lld", number));
}

void send_message(uint32_t request, enum kind kind, struct message *what)
{
	uint32_t length = (uint32_t)(HEADER - 4 + what->length);
	uint64_t now = now_ns();
	unsigned char letter = (unsigned char)kind;

	if (sent == queued)
		sent = queued = 0;
	append(&queue, &queued, &room, &length, 4);
	append(&queue, &queued, &room, &request, 4);
	append(&queue, &queued, &room, &letter, 1);
	append(&queue, &queued, &room, &now, 8);
	append(&queue, &queued, &room, &token, 8);
	append(&queue, &queued, &room, what->bytes, what->length);
	free(what->bytes);
	memset(what, 0, sizeof(*what));
	flush_output();
}

void reply_failure(uint32_t request, int number, const char *what)
{
	struct message message = { 0 };

	put_number(&message, number);
	put_text(&message, what);
	send_message(request, FAILURE, &message);
}

size_t output_pending(void)
{
	return queued - sent;
}

int flush_output(void)
{
	while (sent < queued) {
		ssize_t done = write(STDOUT_FILENO, queue + sent, queued - sent);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno == EAGAIN ? 0 : -1;
		sent += (size_t)done;
	}
	return 0;
}

long long field_number(const struct field *field)
{
	char text[24] = "";

	memcpy(text, field->bytes, field->length < sizeof(text) - 1 ? field->length : sizeof(text) - 1);
	return strtoll(text, NULL, 10);
}

char *field_text(const struct field *field)
{
	char *text = must_allocate(NULL, field->length + 1);

	memcpy(text, field->bytes, field->length);
	text[field->length] = 0;
	return text;
}
