/*
 * Logs: from a container's pipe to its file, through a bounded buffer
 *
 *	container --pipe--> producer --put()--> [ buffer ] --take()--> consumer --> file
 *
 * Standard output and error share one pipe, so what was written first comes first. Each
 * container has its own pipe, buffer and two threads: a noisy one fills its own buffer,
 * then its own pipe, and then waits in write(), and nobody else notices. The consumer
 * never stops taking, not even when the disk is full; so nothing can wait for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "supervisor.h"

#define BUFFER_SIZE 65536
#define CHUNK 16384
#define STACK_SIZE (128 << 10)

struct log {
	pthread_mutex_t lock; /* guards the next five */
	pthread_cond_t not_full, not_empty;
	size_t start, fill; /* what is in data: fill bytes from start on, round the corner */
	bool ended; /* nothing will be put any more */
	int error;
	char data[BUFFER_SIZE];

	int pipe, file, hurry, done;
	pthread_t producer, consumer;
};

/* region 05.buffer */
static void put(struct log *log, const char *from, size_t size)
{
	pthread_mutex_lock(&log->lock);
	while (size) {
		size_t end = (log->start + log->fill) % BUFFER_SIZE;
		size_t room = BUFFER_SIZE - log->fill;

		if (!room) {
			pthread_cond_wait(&log->not_full, &log->lock);
			continue;
		}
		if (room > BUFFER_SIZE - end)
			room = BUFFER_SIZE - end;
		if (room > size)
			room = size;
		memcpy(log->data + end, from, room);
		log->fill += room;
		from += room;
		size -= room;
		pthread_cond_signal(&log->not_empty);
	}
	pthread_mutex_unlock(&log->lock);
}

/* Return: how many bytes were taken; 0 when it is empty for ever. */
static size_t take(struct log *log, char *to)
{
	size_t size;

	pthread_mutex_lock(&log->lock);
	while (!log->fill && !log->ended)
		pthread_cond_wait(&log->not_empty, &log->lock);
	size = log->fill < CHUNK ? log->fill : CHUNK;
	if (size > BUFFER_SIZE - log->start)
		size = BUFFER_SIZE - log->start;
	memcpy(to, log->data + log->start, size);
	log->start = (log->start + size) % BUFFER_SIZE;
	log->fill -= size;
	pthread_cond_signal(&log->not_full);
	pthread_mutex_unlock(&log->lock);
	return size;
}
/* endregion 05.buffer */

/* Read once from the pipe. Return: false at its end. */
static bool pass_on(struct log *log, size_t most, size_t *passed)
{
	char data[CHUNK];
	ssize_t size;

	do
		size = read(log->pipe, data, most < CHUNK ? most : CHUNK);
	while (size < 0 && errno == EINTR);
	if (size <= 0)
		return false;
	put(log, data, (size_t)size);
	*passed = (size_t)size;
	return true;
}

static void *produce(void *argument)
{
	struct log *log = argument;

	/* region 05.producer */
	struct pollfd waits[2] = { { log->pipe, POLLIN, 0 }, { log->hurry, POLLIN, 0 } };
	size_t passed;
	int left = 0;

	for (;;) {
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[1].revents)
			break;
		if (waits[0].revents && !pass_on(log, CHUNK, &passed))
			break;
	}
	/* In a hurry: the container's own words are in the pipe by now. */
	if (waits[1].revents && !ioctl(log->pipe, FIONREAD, &left))
		for (; left > 0 && pass_on(log, (size_t)left, &passed); left -= (int)passed)
			;
	/* endregion 05.producer */
	pthread_mutex_lock(&log->lock);
	log->ended = true;
	pthread_cond_signal(&log->not_empty);
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

/* region 05.consumer */
/* After a first failure nothing more is written: the file is an exact beginning. */
static void store(struct log *log, const char *data, size_t size)
{
	while (size && !log->error) {
		ssize_t written = write(log->file, data, size);

		if (written < 0) {
			if (errno == EINTR)
				continue;
			pthread_mutex_lock(&log->lock);
			log->error = errno;
			pthread_mutex_unlock(&log->lock);
			return;
		}
		data += written;
		size -= (size_t)written;
	}
}

static void *consume(void *argument)
{
	struct log *log = argument;
	char data[CHUNK];
	size_t size;

	while ((size = take(log, data)))
		store(log, data, size);
	eventfd_write(log->done, 1);
	return NULL;
}
/* endregion 05.consumer */

static void close_all(struct log *log)
{
	if (log->pipe >= 0)
		close(log->pipe);
	if (log->file >= 0)
		close(log->file);
	if (log->hurry >= 0)
		close(log->hurry);
	free(log);
}

struct log *log_begin(const char *path, int *output, int *done)
{
	struct log *log = calloc(1, sizeof(*log));
	int ends[2] = { -1, -1 }, error;
	pthread_attr_t attributes;

	if (!log)
		return NULL;
	pthread_mutex_init(&log->lock, NULL);
	pthread_cond_init(&log->not_full, NULL);
	pthread_cond_init(&log->not_empty, NULL);
	*done = -1;
	log->pipe = -1;
	log->hurry = -1;
	log->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->file < 0 || pipe2(ends, O_CLOEXEC))
		goto failed;
	log->pipe = ends[0];
	log->hurry = eventfd(0, EFD_CLOEXEC);
	log->done = *done = eventfd(0, EFD_CLOEXEC);
	if (log->hurry < 0 || log->done < 0)
		goto failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	error = pthread_create(&log->consumer, &attributes, consume, log);
	if (!error) {
		error = pthread_create(&log->producer, &attributes, produce, log);
		if (error) {
			pthread_mutex_lock(&log->lock);
			log->ended = true;
			pthread_cond_signal(&log->not_empty);
			pthread_mutex_unlock(&log->lock);
			pthread_join(log->consumer, NULL);
		}
	}
	pthread_attr_destroy(&attributes);
	if (!error) {
		*output = ends[1];
		return log;
	}
	errno = error;
failed:
	error = errno;
	if (ends[1] >= 0)
		close(ends[1]);
	if (*done >= 0)
		close(*done);
	close_all(log);
	errno = error;
	return NULL;
}

void log_hurry(struct log *log)
{
	eventfd_write(log->hurry, 1);
}

int log_error(struct log *log)
{
	int error;

	pthread_mutex_lock(&log->lock);
	error = log->error;
	pthread_mutex_unlock(&log->lock);
	return error;
}

void log_end(struct log *log)
{
	pthread_join(log->producer, NULL);
	pthread_join(log->consumer, NULL);
	close_all(log);
}
