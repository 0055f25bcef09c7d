/* SPDX-License-Identifier: MIT */
/*
 * How the observer speaks with the host, over one stream of bytes each way.
 *
 * A frame:   u32 length of the rest | u32 request | u8 kind | u64 time | u64 token | fields
 * A field:   u32 length | bytes
 *
 * All numbers of the framing are little-endian; numbers in fields are decimal text. `time` is
 * CLOCK_MONOTONIC in ns and 0 in requests. A request's first field names what is wanted. Its
 * answers carry its number; the last of them is REPLY or FAILURE.
 *
 * The first request is `hello`; nothing is said before. It brings the token that all frames to the
 * host carry from then on (0 in requests), which whoever opened the stream's end in the guest after
 * the observer was killed does not know.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum kind {
	REQUEST = 'Q',
	KERNEL = 'K',	/* a record of /dev/kmsg, as it is read (Documentation/ABI/testing/dev-kmsg) */
	STARTED = 'S',	/* a job runs: pid, start time in clock ticks since boot */
	OUTPUT = 'O',	/* a piece of a job's standard output, or of what a socket received */
	ERRORS = 'E',	/* a piece of its standard error */
	REPLY = 'R',
	FAILURE = 'F',	/* errno, what was tried */
};

#define HEADER 25
#define FRAME_MAX (64u << 20)

struct field {
	const char *bytes;
	size_t length;
};

/* A growing list of fields, to be sent. */
struct message {
	char *bytes;
	size_t length, room;
};

void put_field(struct message *to, const void *bytes, size_t length);
void put_text(struct message *to, const char *text);
void put_number(struct message *to, long long number);

void send_message(uint32_t request, enum kind kind, struct message *what);	/* and empties it */
void reply_failure(uint32_t request, int number, const char *what);

/* Sends what the host has not taken yet; more is then pending as long as it says so. */
int flush_output(void);
size_t output_pending(void);

extern uint64_t token;

long long field_number(const struct field *field);
char *field_text(const struct field *field);	/* a copy that ends with NUL, to be freed */
uint64_t now_ns(void);
void *must_allocate(void *old, size_t size);

#endif
