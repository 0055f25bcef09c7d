/*
 * The keeper: no container outlives its supervisor
 *
 * PR_SET_PDEATHSIG does nearly all of it, but a program may clear that, and one that
 * changes its user does so without knowing (prctl(2)). So a second process holds a
 * pidfd of each container and the other end of a socket; when the socket ends, however
 * that came, it kills what still lives, and ends as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

static int to_keeper = -1;
static pid_t keeper;

static void keeper_ended(struct source *source, uint32_t events)
{
	(void)events;
	loop_forget(source, true);
	waitpid(keeper, NULL, 0);
	keeper = 0;
	complain("the keeper is gone; restart the supervisor soon");
}

static struct source end = { -1, keeper_ended };

/* Receive one pidfd. Return: it; -1 at the end of the socket; -2 where there was none. */
static int receive(int from)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	int pidfd = size > 0 || (size < 0 && errno == EINTR) ? -2 : -1;

	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&pidfd, CMSG_DATA(header), sizeof(pidfd));
	return pidfd;
}

/* region 09.death */
bool die_with_supervisor(void)
{
	return !prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The supervisor is gone, and these containers (from 1 on) are not. */
static void end_all(const struct pollfd *waits, nfds_t count)
{
	for (nfds_t i = 1; i < count; i++)
		syscall(SYS_pidfd_send_signal, waits[i].fd, SIGKILL, NULL, 0);
}
/* endregion 09.death */

static _Noreturn void keep(int from)
{
	struct pollfd *waits = malloc(sizeof(*waits));
	nfds_t count = 1;
	int pidfd = -2;

	if (!waits)
		_exit(1);
	waits[0] = (struct pollfd){ from, POLLIN, 0 };
	while (pidfd != -1) {
		if (poll(waits, count, -1) < 0)
			continue;
		for (nfds_t i = count - 1; i > 0; i--)
			if (waits[i].revents) { /* it has ended */
				close(waits[i].fd);
				waits[i] = waits[--count];
			}
		if (!waits[0].revents)
			continue;
		pidfd = receive(from);
		if (pidfd >= 0) {
			struct pollfd *more = realloc(waits, (count + 1) * sizeof(*waits));

			if (!more)
				continue; /* then PR_SET_PDEATHSIG alone must do */
			waits = more;
			waits[count++] = (struct pollfd){ pidfd, POLLIN, 0 };
		}
	}
	end_all(waits, count);
	_exit(0);
}

bool keeper_begin(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return false;
	keeper = fork();
	if (keeper < 0)
		return false;
	if (!keeper) {
		int null = open("/dev/null", O_RDWR);

		/* A session of its own: what is sent to our process group must not reach it. */
		setsid();
		prctl(PR_SET_NAME, "engine-keeper");
		for (int fd = 0; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		dup2(ends[0], STDERR_FILENO + 1);
		syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0);
		if (chdir("/"))
			_exit(1);
		keep(STDERR_FILENO + 1);
	}
	close(ends[0]);
	to_keeper = ends[1];
	return loop_watch(&end, (int)syscall(SYS_pidfd_open, keeper, 0), EPOLLIN);
}

void keeper_take(int pidfd)
{
	char byte = 'k', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pidfd, sizeof(int));
	sendmsg(to_keeper, &message, MSG_NOSIGNAL); /* where it is gone, that was told before */
}

void keeper_end(void)
{
	loop_forget(&end, true);
	close(to_keeper);
	while (keeper && waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
}
