/* The supervisor's own life: one at a time, orderly from the beginning to the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor.h"

#define TAKE_OVER_MS 15000 /* for one that shuts down, or that is dying */
#define FAREWELL_MS 5000 /* for clients to take their last answer */
#define RETRY_MS 20

struct rlimit files_at_start;
static bool told_to_end;
static struct stat own_socket;

static void signal_came(struct source *source, uint32_t events)
{
	/* region 09.signals */
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) == sizeof(info))
		told_to_end = true;
	/* endregion 09.signals */
}

static struct source signals = { -1, signal_came };

static bool take_signals(void)
{
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	/* A shell has SIGINT ignored for a background job, and the kernel would not even queue it. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGCHLD, SIG_DFL); /* ignored, children would be reaped before we ask how they ended */
	signal(SIGPIPE, SIG_IGN);
	/* A closed terminal ends us in order, too; unless we were started by nohup. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_DFL)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return loop_watch(&signals, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), EPOLLIN);
}

/* Not by connect() alone: the kernel takes connections for one that was killed, until it is gone. */
static bool somebody_answers(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
	struct timeval patience = { TAKE_OVER_MS / 1000, 0 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers;
	char byte;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	answers = !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		  send(fd, "?\n", 2, MSG_NOSIGNAL) == 2 && recv(fd, &byte, 1, 0) == 1;
	close(fd);
	return answers;
}

/*
 * A record lock: it ends with its process, however that ends, and no child inherits it.
 * The file stays; a lock file that is removed could be locked twice. One that holds the
 * lock and does not answer is on its way out; that is waited for.
 */
static bool lock(void)
{
	/* region 09.stale */
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int64_t deadline = now_ms() + TAKE_OVER_MS;
	int fd = open(LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		complain("%s: %s", LOCK_PATH, strerror(errno));
		return false;
	}
	while (fcntl(fd, F_SETLK, &whole)) {
		if (somebody_answers() || now_ms() > deadline) {
			complain("a supervisor lives already; use that one, or end it with SIGTERM first");
			close(fd);
			return false;
		}
		poll(NULL, 0, RETRY_MS);
	}
	return true; /* held as long as the descriptor is open: to our end */
	/* endregion 09.stale */
}

static bool make_folder(const char *path)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return true;
	complain("%s cannot be made: %s", path, strerror(errno));
	return false;
}

/* Whoever holds the lock may do this: what lies at the path belongs to a dead supervisor. */
static bool open_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || (unlink(SOCKET_PATH) && errno != ENOENT))
		return false;
	return !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !chmod(SOCKET_PATH, 0600) &&
	       !stat(SOCKET_PATH, &own_socket) && !listen(fd, SOMAXCONN) && connections_open(fd);
}

static void remove_socket(void)
{
	/* region 09.socket */
	struct stat status;

	if (!lstat(SOCKET_PATH, &status) && status.st_dev == own_socket.st_dev &&
	    status.st_ino == own_socket.st_ino)
		unlink(SOCKET_PATH);
	/* endregion 09.socket */
}

static bool prepare(const char *base_rootfs)
{
	struct rlimit more;
	struct stat status;

	if (stat(base_rootfs, &status) || (!S_ISDIR(status.st_mode) && (errno = ENOTDIR))) {
		complain("the base rootfs %s: %s; unpack one there", base_rootfs, strerror(errno));
		return false;
	}
	if (geteuid()) {
		complain("only root can make containers; try sudo");
		return false;
	}
	if (!make_folder(RUN_FOLDER) || !make_folder(LOG_FOLDER) || !lock())
		return false;
	if (!loop_open() || !take_signals() || !keeper_begin()) {
		complain("the supervisor cannot begin: %s", strerror(errno));
		return false;
	}
	getrlimit(RLIMIT_NOFILE, &files_at_start);
	more = files_at_start;
	more.rlim_cur = more.rlim_max;
	setrlimit(RLIMIT_NOFILE, &more);
	umask(077);
	cgroup_setup();
	if (!open_socket()) {
		complain("the socket %s: %s", SOCKET_PATH, strerror(errno));
		return false;
	}
	return true;
}

static void turn(int64_t deadline)
{
	int64_t other;

	other = connections_deadline();
	if (other < deadline)
		deadline = other;
	other = containers_deadline();
	if (other < deadline)
		deadline = other;
	if (cgroup_retry() && now_ms() + RETRY_MS < deadline)
		deadline = now_ms() + RETRY_MS;
	loop_once(deadline);
	connections_tick(now_ms());
	containers_tick(now_ms());
}

int supervise(const char *base_rootfs)
{
	if (!prepare(base_rootfs))
		return EXIT_ENGINE;
	printf("engine: supervisor %d ready; socket %s, logs in %s\n", getpid(), SOCKET_PATH, LOG_FOLDER);
	fflush(stdout);
	while (!told_to_end)
		turn(FOREVER);
	/* region 09.shutdown */
	int64_t deadline;

	remove_socket();
	connections_close_door();
	containers_stop_all();
	while (!containers_all_ended())
		turn(FOREVER);
	deadline = now_ms() + FAREWELL_MS;
	while ((!connections_are_done() || cgroup_retry()) && now_ms() < deadline)
		turn(deadline);
	while (container_first())
		container_forget(container_first());
	keeper_end();
	cgroup_teardown();
	/* endregion 09.shutdown */
	return 0;
}
