/*
 * What client and supervisor share: places, the rules of the command line, the wire
 *
 * The program is both. As a client it turns its command line into one request, a list
 * of words, sends it over the socket, and shows the one answer. Everything that only
 * the supervisor needs is in supervisor.h.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_FOLDER "/run/engine-c"
#define SOCKET_PATH RUN_FOLDER "/socket"
#define LOCK_PATH RUN_FOLDER "/lock"
#define LOG_FOLDER "/var/log/engine-c"

#define ID_SIZE 32 /* with the NUL, as in the monitor's request */
#define SOFT_MIB 40 /* the limits where none are given */
#define HARD_MIB 64
#define MOST_MIB (1L << 30)

/* What the field's runtimes exit with when the program itself has no say. */
enum { EXIT_ENGINE = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* --- engine.c --- */

/* Say on standard error what is wrong and what to do. Return: EXIT_ENGINE. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- sealed.c --- */

/*
 * Go on as a copy of this program in memory that nobody can write, with the same arguments.
 *
 * Return: true in the copy; false where that failed, errno says why.
 */
bool run_from_sealed_copy(char **argv);

/* --- options.c --- */

/*
 * A list of words, ended by NULL. A request is one: the command; where it is about a
 * container, its id; for start and run also rootfs, soft and hard limit in MiB, nice
 * value, program, arguments.
 */
struct words {
	char **at;
	size_t count;
};

enum { REQUEST_COMMAND, REQUEST_ID, REQUEST_ROOTFS, REQUEST_SOFT, REQUEST_HARD, REQUEST_NICE, REQUEST_PROGRAM };

/* Append a copy of a word, or of a part of it. Ends the program where memory does. */
void words_add(struct words *words, const char *word);
void words_add_part(struct words *words, const char *start, size_t length);
void words_free(struct words *words);

/* Return: whether this may be the name of a container. */
bool id_is_valid(const char *id);

/* Parse a whole number from low to high. Return: whether it is one. */
bool parse_number(const char *text, long low, long high, long *number);

/* Turn a command line (the command first) into a request. Return: 0, or the exit status
 * after the reason was told. */
int parse_command_line(char **arguments, struct words *request);

/* --- wire.c --- */

#define HEADER_MOST 64 /* bytes a header may have, of either kind */
#define BODY_MOST (4UL << 20) /* more than execve takes */

/*
 * A request:  "engine BYTES\n", then BYTES of words, each "LENGTH\nWORD\n".
 * An answer:  "STATUS STREAM BYTES\n", then BYTES of text; STATUS is what the client exits
 *	with, STREAM says where the text goes: o for standard output, e for standard error.
 *	To `logs`, a descriptor of the log comes along.
 * Behind the request of a `run`, the client may send WIRE_STOP.
 */
#define WIRE_STOP 's'

/* Return: the request in its wire form, to be freed. */
char *wire_request(const struct words *request, size_t *size);

/* Read a request's header. Return: its length, 0 where it is not whole, -1 where it is none. */
int wire_request_header(const char *data, size_t size, size_t *body);

/* Take a request's body apart. Return: whether it is well formed. */
bool wire_request_body(const char *body, size_t size, struct words *request);

/* Read an answer's header. Return: as for a request. */
int wire_answer_header(const char *data, size_t size, int *status, char *stream, size_t *body);

/* --- client.c, supervisor.c --- */

/* Send a request to the supervisor and show its answer. Return: the exit status. */
int ask(const struct words *request);

/* Be the supervisor, until SIGTERM or SIGINT. Return: the exit status. */
int supervise(const char *base_rootfs);

#endif /* ENGINE_H */
