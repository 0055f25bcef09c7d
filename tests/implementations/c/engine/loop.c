/* Waiting for many things in one place. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "supervisor.h"

static int epoll = -1;

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool loop_open(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll >= 0;
}

bool loop_watch(struct source *source, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	source->fd = fd;
	return !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void loop_change(struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	epoll_ctl(epoll, EPOLL_CTL_MOD, source->fd, &event);
}

/* Taken out explicitly: a closed descriptor stays in epoll as long as any copy is open, and
 * a child that is just being made has copies of all. */
void loop_forget(struct source *source, bool and_close)
{
	if (source->fd < 0)
		return;
	epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
	if (and_close)
		close(source->fd);
	source->fd = -1;
}

void loop_once(int64_t deadline)
{
	struct epoll_event event;
	int64_t left = deadline - now_ms();
	int timeout = -1;

	if (deadline != FOREVER)
		timeout = left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
	if (epoll_wait(epoll, &event, 1, timeout) == 1) {
		struct source *source = event.data.ptr;

		source->ready(source, event.events);
	}
}
