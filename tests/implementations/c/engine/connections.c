/*
 * Clients: each a small state machine, so that none can keep another waiting
 *
 * READING until the request is whole; a client that takes too long loses its place, and
 * so does the oldest one when there are too many. WAITING for a container. WRITING the
 * answer, as fast as the client takes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor.h"

#define PATIENCE_MS 30000 /* for a request, and for the taking of an answer */
#define MOST_READING 512

struct connection {
	struct connection *next; /* from the oldest to the newest */
	struct source source;
	enum { READING, WAITING, WRITING } phase;
	int64_t deadline;
	char *in;
	size_t in_size;
	struct words request;
	struct container *container; /* what it waits for */
	char *out;
	size_t out_size, out_sent;
	int out_fd;
};

static struct connection *first;
static void door_knocked(struct source *source, uint32_t events);
static struct source door = { -1, door_knocked };
static int spare = -1; /* given up for a moment when there are no descriptors left */

static void hang_up(struct connection *connection)
{
	struct connection **at = &first;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
	/* Not close() alone: a child that is just being made has a copy, and the client waits for the end. */
	shutdown(connection->source.fd, SHUT_RDWR);
	loop_forget(&connection->source, true);
	if (connection->out_fd >= 0)
		close(connection->out_fd);
	words_free(&connection->request);
	free(connection->in);
	free(connection->out);
	free(connection);
}

void answer(struct connection *connection, int status, char stream, const char *format, ...)
{
	va_list arguments;
	char *text;
	int size;

	va_start(arguments, format);
	size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0)
		return;
	free(connection->out);
	connection->out = malloc((size_t)size + HEADER_MOST);
	if (connection->out) {
		size_t header = (size_t)snprintf(connection->out, HEADER_MOST, "%d %c %d\n", status, stream, size);

		memcpy(connection->out + header, text, (size_t)size);
		connection->out_size = header + (size_t)size;
	}
	free(text);
	/* Sent by the loop: whoever walks through the connections now must find this one there. */
	connection->container = NULL;
	connection->phase = WRITING;
	connection->deadline = now_ms() + PATIENCE_MS;
	loop_change(&connection->source, EPOLLOUT);
}

void answer_with(struct connection *connection, int fd)
{
	connection->out_fd = fd;
}

void connection_waits_for(struct connection *connection, struct container *container)
{
	connection->container = container;
	connection->phase = WAITING;
	connection->deadline = FOREVER;
	loop_change(&connection->source, EPOLLIN | EPOLLRDHUP);
}

struct connection *connection_waiting(struct connection *after, const struct container *container)
{
	struct connection *at = after ? after->next : first;

	while (at && (at->phase != WAITING || at->container != container))
		at = at->next;
	return at;
}

const struct words *connection_request(const struct connection *connection)
{
	return &connection->request;
}

/* What a client says behind its request. */
static void heed(struct connection *connection, const char *said, size_t size)
{
	if (memchr(said, WIRE_STOP, size) && !strcmp(connection->request.at[REQUEST_COMMAND], "run"))
		container_stop(connection->container);
}

static void read_request(struct connection *connection)
{
	/* region 04.reading */
	char data[65536], *grown;
	size_t body = 0;
	ssize_t size = recv(connection->source.fd, data, sizeof(data), MSG_DONTWAIT);
	int header;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	grown = size > 0 ? realloc(connection->in, connection->in_size + (size_t)size) : NULL;
	if (!grown) {
		hang_up(connection);
		return;
	}
	memcpy(grown + connection->in_size, data, (size_t)size);
	connection->in = grown;
	connection->in_size += (size_t)size;
	header = wire_request_header(connection->in, connection->in_size, &body);
	if (header < 0) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor cannot read this request\n");
		return;
	}
	if (!header || connection->in_size - (size_t)header < body)
		return;
	if (!wire_request_body(connection->in + header, body, &connection->request)) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor cannot read this request\n");
		return;
	}
	obey(connection);
	if (connection->phase == WAITING)
		heed(connection, connection->in + header + body, connection->in_size - (size_t)header - body);
	/* endregion 04.reading */
}

/* A client that waits can say one thing more, or leave; neither changes what it asked for. */
static void hear(struct connection *connection)
{
	char data[64];
	ssize_t size = recv(connection->source.fd, data, sizeof(data), MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		hang_up(connection);
	else
		heed(connection, data, (size_t)size);
}

static void send_answer(struct connection *connection)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { connection->out + connection->out_sent, connection->out_size - connection->out_sent };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (connection->out_fd >= 0) {
		struct cmsghdr *header;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &connection->out_fd, sizeof(int));
	}
	sent = sendmsg(connection->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent > 0 && connection->out_fd >= 0) {
		close(connection->out_fd);
		connection->out_fd = -1;
	}
	if (sent > 0)
		connection->out_sent += (size_t)sent;
	if (sent <= 0 || connection->out_sent == connection->out_size)
		hang_up(connection);
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = OWNER_OF(source, struct connection, source);

	(void)events;
	if (connection->phase == READING)
		read_request(connection);
	else if (connection->phase == WAITING)
		hear(connection);
	else
		send_answer(connection);
}

/* Make room for a new one: the oldest that has not asked anything yet leaves. */
static bool drop_oldest_reader(size_t most)
{
	struct connection *oldest = NULL;
	size_t count = 0;

	for (struct connection *at = first; at; at = at->next)
		if (at->phase == READING && !count++)
			oldest = at;
	if (!oldest || count < most)
		return false;
	hang_up(oldest);
	return true;
}

static void door_knocked(struct source *source, uint32_t events)
{
	struct connection *connection, **end = &first;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0) {
		if ((errno == EMFILE || errno == ENFILE) && !drop_oldest_reader(1)) {
			close(spare);
			fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
			close(fd);
			spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
		return;
	}
	drop_oldest_reader(MOST_READING);
	connection = calloc(1, sizeof(*connection));
	if (!connection || !loop_watch(&connection->source, fd, EPOLLIN)) {
		free(connection);
		close(fd);
		return;
	}
	connection->source.ready = connection_ready;
	connection->deadline = now_ms() + PATIENCE_MS;
	connection->out_fd = -1;
	while (*end)
		end = &(*end)->next;
	*end = connection;
	read_request(connection); /* often it is there already */
}

bool connections_open(int socket)
{
	spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return spare >= 0 && loop_watch(&door, socket, EPOLLIN);
}

void connections_close_door(void)
{
	loop_forget(&door, true);
	close(spare);
	while (drop_oldest_reader(1))
		;
}

bool connections_are_done(void)
{
	return !first;
}

int64_t connections_deadline(void)
{
	int64_t deadline = FOREVER;

	for (struct connection *at = first; at; at = at->next)
		if (at->deadline < deadline)
			deadline = at->deadline;
	return deadline;
}

void connections_tick(int64_t now)
{
	struct connection *next;

	for (struct connection *at = first; at; at = next) {
		next = at->next;
		if (at->deadline <= now)
			hang_up(at);
	}
}
