/* SPDX-License-Identifier: MIT */
/* What the observer's files offer each other. */
#ifndef OBSERVER_H
#define OBSERVER_H

#include "frames.h"

#include <sys/types.h>

#define FIELDS_MAX 512

struct request {
	uint32_t number;
	struct field fields[FIELDS_MAX];	/* [0] names what is wanted */
	int count;
};

extern int proc;	/* a procfs of our own: what is mounted over /proc later does not reach it */
extern int events;	/* epoll(7) */

/* Something that is waited for: epoll's data points to it. */
struct source {
	void (*ready)(struct source *source);
	int fd;
};

void watch(struct source *source, uint32_t what);
void unwatch(struct source *source);

/* jobs.c: programs that the observer starts */
void job_start(const struct request *request);
void job_signal(const struct request *request);
void jobs_reap(void);
int jobs_next_deadline(void);	/* ms from now, -1 for none */
void jobs_expire(void);

/* looking.c: processes and files */
void look_processes(const struct request *request);
void look_bystanders(const struct request *request);
void look_read(const struct request *request);
void look_write(const struct request *request);
void look_stat(const struct request *request);
void look_list(const struct request *request);
void look_link(const struct request *request);
ssize_t slurp_once(int folder, const char *path, char *to, size_t room);	/* read(2)'s result; ends it with NUL */
long long start_time(int pid);	/* in clock ticks since boot, -1 where there is none */

/* roots.c: root file systems for containers */
void root_make(const struct request *request);
int roots_prepare(const char *base, const char *pool, int count);	/* an exit status */

/* searching.c: files that hold a word */
void searching_begins(void);
void search_files(const struct request *request);

/* handles.c: devices, sockets and look-outs that stay open */
void handle_open(const struct request *request);
void handle_ioctl(const struct request *request);
void handle_connect(const struct request *request);
void handle_send(const struct request *request);
void handle_executors(const struct request *request);
void handle_close(const struct request *request);

#endif
