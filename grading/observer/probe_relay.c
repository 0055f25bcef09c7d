// SPDX-License-Identifier: MIT
/*
 * Makes a slow client of a submission's own: takes the place of its socket for a while, and passes on
 * what its clients send in pieces, each only when the one before has been taken. Nothing is known of what
 * is said; answers, and descriptors that come along, are passed on as they are.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One that looks at what is there and takes nothing until it is whole (MSG_PEEK) is not waited for. */
enum { LOOK_US = 500, FIRST_US = 2000000, NEXT_US = 50000 };
enum { LIFE_S = 60 };	/* then the socket is put back, whatever has become of who wanted the relay */
enum { SINGLE = 8 };	/* so many bytes go one by one; what follows, in pieces of such a part of what went before */

static const char *const aside = ".boxwright-aside";	/* short: not every name fits into a sockaddr_un */

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un found = { .sun_family = AF_UNIX };

	snprintf(found.sun_path, sizeof(found.sun_path), "%s", name);
	return found;
}

/* unix(7), SIOCOUTQ: what was sent and the other side has not received. */
static void await_taken(int to, long most_us)
{
	int left = 0;

	for (long waited = 0; waited < most_us && !ioctl(to, SIOCOUTQ, &left) && left; waited += LOOK_US)
		pause_us(LOOK_US);
}

static void close_all(struct msghdr *message)
{
	for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each; each = CMSG_NXTHDR(message, each)) {
		int *descriptors = (int *)CMSG_DATA(each);

		if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= each->cmsg_len; i++)
			close(descriptors[i]);
	}
}

/* Return: whether more may come. `before`: bytes that were passed on before; NULL where all may go at once. */
static int pass_on(int from, int to, size_t *before)
{
	_Alignas(struct cmsghdr) char control[1024];
	char bytes[65536];
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
	size_t control_length = message.msg_controllen;

	if (got <= 0) {
		shutdown(to, SHUT_WR);
		return 0;
	}
	for (ssize_t at = 0, sent; at < got; at += sent) {
		size_t left = (size_t)(got - at), piece = before ? 1 + *before / SINGLE : left;

		part = (struct iovec){ bytes + at, piece < left ? piece : left };
		sent = sendmsg(to, &message, MSG_NOSIGNAL);
		if (sent < 0)
			break;	/* it has hung up; what it says to that is passed on all the same */
		message.msg_controllen = 0;	/* descriptors go with the first piece, once */
		if (before) {
			await_taken(to, *before ? NEXT_US : FIRST_US);
			*before += (size_t)sent;
		}
	}
	message.msg_controllen = control_length;
	close_all(&message);
	return 1;
}

static void serve(int client)
{
	struct sockaddr_un there = address(aside);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd both[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	size_t asked = 0;

	if (connect(server, (struct sockaddr *)&there, sizeof(there)))
		return;
	while (both[1].fd >= 0 && poll(both, 2, -1) > 0) {
		if (both[0].revents && !pass_on(client, server, &asked))
			both[0].fd = -1;
		if (both[1].revents && !pass_on(server, client, NULL))
			both[1].fd = -1;
	}
}

static int wanted_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int relay(char *path)
{
	char *name = strrchr(path, '/');
	int door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd waits[2] = { { door, POLLIN, 0 }, { wanted_signals(), POLLIN, 0 } };
	struct sockaddr_un here;
	pid_t self = getpid();

	if (!name)
		return 2;
	*name++ = 0;
	here = address(name);
	if (chdir(*path ? path : "/") || rename(name, aside) ||
	    bind(door, (struct sockaddr *)&here, sizeof(here)) || listen(door, 16)) {
		perror("relay");
		rename(aside, name);
		return 3;
	}
	signal(SIGCHLD, SIG_IGN);	/* nobody waits for the children */
	alarm(LIFE_S);
	printf("ready\n");
	fflush(stdout);
	while (poll(waits, 2, -1) < 0 || !waits[1].revents) {
		int client = accept4(door, NULL, NULL, SOCK_CLOEXEC);

		if (client < 0)
			continue;
		if (!fork()) {
			close(door);	/* or it would go on taking clients after our end */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == self)
				serve(client);
			_exit(0);
		}
		close(client);
	}
	return rename(aside, name) ? 3 : 0;
}
