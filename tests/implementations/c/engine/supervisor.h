/*
 * The supervisor's inside
 *
 * One thread, the main one, does everything that needs a decision: it waits in epoll
 * for clients, for the ends of containers, for signals, and handles one event after the
 * other. So records need no lock, and no end can overtake its beginning. It also makes
 * every container: the kernel ties a child's PR_SET_PDEATHSIG to the *thread* that made
 * it, and this one lives to the end. Only log data moves in other threads (log.c).
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#include "engine.h"

#define GRACE_MS 3000 /* from SIGTERM to SIGKILL */
#define FOREVER INT64_MAX

/* --- loop.c: waiting ------------------------------------------------------- */

/* Something to wait for; embedded in what it belongs to. */
struct source {
	int fd; /* -1 while there is none */
	void (*ready)(struct source *source, uint32_t events);
};

#define OWNER_OF(source, type, member) ((type *)((char *)(source) - offsetof(type, member)))

int64_t now_ms(void); /* CLOCK_MONOTONIC */
bool loop_open(void);
bool loop_watch(struct source *source, int fd, uint32_t events);
void loop_change(struct source *source, uint32_t events);
void loop_forget(struct source *source, bool and_close);

/* Wait until the deadline at most, and handle one event. One, because handling it may
 * free whatever another was about. */
void loop_once(int64_t deadline);

/* --- connections.c: clients ------------------------------------------------ */

struct connection;
struct container;

/* Answer: exit status, stream ('o' or 'e') and text. The connection closes when it is sent. */
void answer(struct connection *connection, int status, char stream, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Send this descriptor along with the answer, and close it then. */
void answer_with(struct connection *connection, int fd);

/* Let it wait for this container. Its disappearing, or a stop, is told to containers.c. */
void connection_waits_for(struct connection *connection, struct container *container);

/* The next connection after this one (NULL: the first) that waits for a container. */
struct connection *connection_waiting(struct connection *after, const struct container *container);

/* What it has asked for; read and well formed, but not checked. */
const struct words *connection_request(const struct connection *connection);

bool connections_open(int socket); /* one that listens */
void connections_close_door(void); /* no new ones, and nothing asked any more */
bool connections_are_done(void); /* nobody waits for anything */
int64_t connections_deadline(void);
void connections_tick(int64_t now);

/* --- containers.c, starting.c, requests.c: the records ------------------------ */

enum state { STARTING, RUNNING, EXITED };

struct container {
	struct container *next;
	char id[ID_SIZE];
	char program[128]; /* as far as messages need it */
	char *rootfs; /* without symbolic links */
	dev_t device; /* what it is, whatever it is called */
	ino_t inode;
	long soft_mib, hard_mib, nice;

	enum state state; /* EXITED: reaped, and the log is complete */
	pid_t pid;
	struct source end; /* its pidfd */
	struct source failure; /* closed by exec, or carries what failed before */
	time_t started;
	char cgroup[64];

	int monitor; /* the device, open while the kernel watches it; -1 where it does not */
	int kernel_log; /* a bookmark in the kernel log, from before it was registered */

	struct log *log; /* NULL when complete */
	struct source log_end;
	char log_path[sizeof(LOG_FOLDER) + 48];
	int64_t log_until; /* ended, but somebody still holds the pipe: no longer than this */
	int log_error; /* errno of the first write that failed */

	bool stop_requested; /* set before the first signal is sent */
	int64_t kill_at;
	bool reaped;
	int exit_code; /* CLD_EXITED, or a signal */
	int exit_value;
	const char *reason;

	bool failed; /* never ran: `failure_text` is the answer, and no record stays */
	int failure_status;
	char failure_text[512];
};

struct container *container_first(void);
struct container *container_find(const char *id); /* the living one, or the record */
void container_start(struct connection *connection, char **request);
void container_free(struct container *container); /* at any stage of its making */
void container_fail(struct container *container, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void container_begins(struct container *container); /* its program has been executed */
void container_ended(struct source *source, uint32_t events); /* its pidfd says so */
void container_logged(struct source *source, uint32_t events); /* its log is complete */
void container_adopt(struct container *container); /* enter it into the list */
void container_stop(struct container *container);
void container_forget(struct container *container); /* one that has ended: no record stays */
bool containers_all_ended(void);
void containers_stop_all(void); /* and start no more */
bool containers_may_start(void);
int64_t containers_deadline(void);
void containers_tick(int64_t now);

/* Do what a request asks, or refuse; and answer one that waited for this container. */
void obey(struct connection *connection);
void show_start(struct connection *connection, const struct container *container);
void show_end(struct connection *connection, const struct container *container);

void starting_failed(struct source *source, uint32_t events); /* or not: the failure pipe's end */

/* --- supervisor.c ------------------------------------------------------------ */

extern struct rlimit files_at_start; /* the limit of open files that children get back */

/* --- child.c: from clone to exec ------------------------------------------- */

enum step {
	STEP_PROCESS,
	STEP_MOUNTS,
	STEP_ROOTFS,
	STEP_DEV,
	STEP_PROC,
	STEP_IDENTITY,
	STEP_FILTER,
	STEP_RIGHTS,
	STEP_EXEC,
	STEP_EXEC_INTERPRETER,
};

/* What comes through the failure pipe. */
struct failure {
	enum step step;
	int error;
};

struct child {
	const char *id;
	const char *rootfs;
	dev_t device;
	ino_t inode;
	int nice;
	char *const *argv;
	int output, failure, go, go_write;
	struct rlimit files;
};

/* In the new process: become the container. Only async-signal-safe calls are made. */
_Noreturn void child_become(const struct child *child);

/* --- log.c: the bounded buffer --------------------------------------------- */

struct log;

/* Begin a log. *output: the pipe's write end; *done: readable when the log is complete. */
struct log *log_begin(const char *path, int *output, int *done);
void log_hurry(struct log *log); /* take what is in the pipe now, and no more */
int log_error(struct log *log); /* errno of the first write that failed, or 0 */
void log_end(struct log *log); /* when it is complete: join its threads, free it */

/* --- kernel.c: monitor and cgroup; keeper.c -------------------------------- */

/* Have the monitor watch it. Return: 0 (also where there is no monitor), or an errno. */
int kernel_register(struct container *container);

/* Whether the kernel said that it killed this container for its hard limit. */
bool kernel_killed(const struct container *container);

/* Give up what kernel_register() took. */
void kernel_forget(struct container *container);

void cgroup_setup(void);
int cgroup_make(struct container *container); /* Return: a descriptor, or -1 */
void cgroup_remove(struct container *container);
bool cgroup_retry(void); /* try again what was busy; whether some still is */
void cgroup_teardown(void);

/* A process that outlives us for a moment, and kills the containers if we were killed. */
bool keeper_begin(void);
void keeper_take(int pidfd);
void keeper_end(void);

/* In a container's process: SIGKILL, should the thread that made it end. Return: whether that is so. */
bool die_with_supervisor(void);

#endif /* SUPERVISOR_H */
