// SPDX-License-Identifier: MIT
/* What stays open between requests: the monitor's device, clients that are rude, and a look-out for who executes a file. */
#define _GNU_SOURCE
#include "observer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct handle {
	struct source source;
	struct handle *next;
	uint32_t number;	/* the request that made it names it */
};

static struct handle *handles;

static void received(struct source *source)
{
	struct handle *handle = (struct handle *)source;
	struct message message = { 0 };
	char bytes[65536];
	ssize_t got = read(source->fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* An empty piece: the other side has closed. */
	put_field(&message, bytes, got > 0 ? (size_t)got : 0);
	send_message(handle->number, OUTPUT, &message);
	if (got <= 0)
		unwatch(source);
}

static void keep(uint32_t number, int fd, void (*ready)(struct source *source))
{
	struct handle *handle = must_allocate(NULL, sizeof(*handle));
	struct message message = { 0 };

	*handle = (struct handle){ { ready, fd }, handles, number };
	handles = handle;
	send_message(number, STARTED, &message);
}

static struct handle *find(const struct request *request)
{
	uint32_t wanted = request->count > 1 ? (uint32_t)field_number(&request->fields[1]) : 0;

	for (struct handle *handle = handles; handle; handle = handle->next)
		if (handle->number == wanted)
			return handle;
	reply_failure(request->number, EBADF, "no such handle");
	return NULL;
}

/* open | path: a handle, named by this request's number */
void handle_open(const struct request *request)
{
	char *path = request->count > 1 ? field_text(&request->fields[1]) : strdup("");
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	free(path);
	if (fd < 0)
		reply_failure(request->number, errno, "open");
	else
		keep(request->number, fd, received);
}

/* ioctl | handle | code | bytes, or none for a pointer that leads nowhere: result | errno | the bytes afterwards */
void handle_ioctl(const struct request *request)
{
	struct handle *handle = find(request);
	struct message message = { 0 };
	char *bytes = NULL;
	int result;

	if (!handle)
		return;
	if (request->count > 3 && request->fields[3].length)
		bytes = field_text(&request->fields[3]);
	errno = 0;
	result = ioctl(handle->source.fd, (unsigned long)field_number(&request->fields[2]),
		       bytes ? (void *)bytes : (void *)16);
	put_number(&message, result);
	put_number(&message, result < 0 ? errno : 0);
	put_field(&message, bytes, bytes ? request->fields[3].length : 0);
	send_message(request->number, REPLY, &message);
	free(bytes);
}

/* connect | path of a UNIX socket, or NUL and its abstract name | its type, as the kernel numbers them: a handle */
void handle_connect(const struct request *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int type = request->count > 2 ? (int)field_number(&request->fields[2]) : SOCK_STREAM;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(address);

	if (fd < 0 || request->count < 2 || request->fields[1].length > sizeof(address.sun_path)) {
		reply_failure(request->number, fd < 0 ? errno : EINVAL, "connect");
		return;
	}
	memcpy(address.sun_path, request->fields[1].bytes, request->fields[1].length);
	/* Of an abstract name every byte counts, and only the length tells where it ends: unix(7). */
	if (!address.sun_path[0])
		size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + request->fields[1].length);
	if (connect(fd, (struct sockaddr *)&address, size)) {
		reply_failure(request->number, errno, "connect");
		close(fd);
		return;
	}
	keep(request->number, fd, received);
	watch(&handles->source, EPOLLIN);
}

/* The permitted capabilities of a process, in hexadecimal (proc_pid_status(5)); empty where it is gone. */
static void read_permitted(int pid, char permitted[17])
{
	char path[32], status[4096];
	const char *line = NULL;

	snprintf(path, sizeof(path), "%d/status", pid);
	if (slurp_once(proc, path, status, sizeof(status)) > 0)
		line = strstr(status, "\nCapPrm:\t");
	snprintf(permitted, 17, "%.16s", line ? line + 9 : "");
}

/* Of a process its permitted capabilities, and of the file that it is executed from the seals (fcntl(2), F_GET_SEALS;
 * -1: it has none), device and inode. */
static void put_executor(struct message *to, int pid)
{
	char path[32], line[4352], target[4096] = "", permitted[17];
	struct stat about = { 0 };
	ssize_t length;
	int file, seals;

	snprintf(path, sizeof(path), "%d/exe", pid);
	length = readlinkat(proc, path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = 0;
	file = openat(proc, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	seals = file < 0 ? -1 : fcntl(file, F_GET_SEALS);
	if (file >= 0)
		fstat(file, &about);
	if (file >= 0)
		close(file);
	read_permitted(pid, permitted);
	length = snprintf(line, sizeof(line), "%d %s %d %llu %llu %s", pid, *permitted ? permitted : "0", seals,
			  (unsigned long long)about.st_dev, (unsigned long long)about.st_ino, target);
	put_field(to, line, (size_t)length + 1);
}

static void executed(struct source *source)
{
	struct handle *handle = (struct handle *)source;
	char bytes[4096] __attribute__((aligned(8)));
	ssize_t got = read(source->fd, bytes, sizeof(bytes));
	const struct fanotify_event_metadata *event = (const void *)bytes;

	for (; FAN_EVENT_OK(event, got); event = FAN_EVENT_NEXT(event, got)) {
		struct fanotify_response answer = { .fd = event->fd, .response = FAN_ALLOW };
		struct message message = { 0 };

		if (event->fd < 0)
			continue;
		put_executor(&message, event->pid);
		send_message(handle->number, OUTPUT, &message);
		(void)!write(source->fd, &answer, sizeof(answer));
		close(event->fd);
	}
}

/*
 * executors | path: a handle that tells of each process which is about to execute that file, while the kernel holds
 * it (fanotify(7), FAN_OPEN_EXEC_PERM): "PID PERMITTED SEALS DEVICE INODE PATH", ended by NUL, as it is before
 */
void handle_executors(const struct request *request)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
	char *path = request->count > 1 ? field_text(&request->fields[1]) : strdup("");

	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, path)) {
		reply_failure(request->number, errno, "executors");
		if (fd >= 0)
			close(fd);
	} else {
		keep(request->number, fd, executed);
		watch(&handles->source, EPOLLIN);
	}
	free(path);
}

/* send | handle | bytes | 1 to say that no more will come: how many were taken */
void handle_send(const struct request *request)
{
	struct handle *handle = find(request);
	struct message message = { 0 };
	ssize_t done;

	if (!handle)
		return;
	done = request->count > 2 ? send(handle->source.fd, request->fields[2].bytes, request->fields[2].length,
					 MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
	if (done < 0) {
		reply_failure(request->number, errno, "send");
		return;
	}
	if (request->count > 3 && field_number(&request->fields[3]))
		shutdown(handle->source.fd, SHUT_WR);
	put_number(&message, done);
	send_message(request->number, REPLY, &message);
}

/* close | handle */
void handle_close(const struct request *request)
{
	struct handle *handle = find(request);
	struct message message = { 0 };

	if (!handle)
		return;
	unwatch(&handle->source);
	close(handle->source.fd);
	for (struct handle **place = &handles; *place; place = &(*place)->next) {
		if (*place == handle) {
			*place = handle->next;
			break;
		}
	}
	send_message(request->number, REPLY, &message);
	send_message(handle->number, REPLY, &message);
	handle->source.ready = NULL;	/* not freed: the loop may still hold an event of it */
}
