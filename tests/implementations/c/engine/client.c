/* The client: one request, one answer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine.h"

struct answer {
	char *data;
	size_t size;
	int log; /* the descriptor that came along, or -1 */
};

static int connect_to_supervisor(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	if (errno == EACCES || errno == EPERM)
		complain("only root may talk to the supervisor; try sudo");
	else
		complain("no supervisor answers at %s (%s); start one: engine supervisor <base-rootfs>",
			 SOCKET_PATH, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			complain("standard output cannot be written: %s", strerror(errno));
			return false;
		}
		data += written;
		size -= (size_t)written;
	}
	return true;
}

/* Return: bytes received, 0 at the end, -1 on failure. */
static ssize_t receive(int fd, struct answer *answer)
{
	char data[65536], control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { data, sizeof(data) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	ssize_t size;
	char *grown;

	do
		size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size <= 0)
		return size;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&answer->log, CMSG_DATA(header), sizeof(int));
	grown = realloc(answer->data, answer->size + (size_t)size);
	if (!grown)
		return -1;
	memcpy(grown + answer->size, data, (size_t)size);
	answer->data = grown;
	answer->size += (size_t)size;
	return size;
}

/* region 04.interrupt */
/* Receive until the end; meanwhile a signal to `run` asks for the container's stop. */
static void await_answer(int fd, int signals, struct answer *answer)
{
	struct pollfd waits[2] = { { fd, POLLIN, 0 }, { signals, POLLIN, 0 } };
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[1].revents && read(signals, &info, sizeof(info)) > 0) {
			char stop = WIRE_STOP;

			send_all(fd, &stop, 1); /* fails if the answer is there, which is what we wait for */
		}
		if (waits[0].revents && receive(fd, answer) <= 0)
			return;
	}
}

/* The signals that `run` passes on. A shell may have had them ignored for a background job. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}
/* endregion 04.interrupt */

/* Copy what is in the log now: a busy container could go on for ever. */
static int show_log(int log)
{
	struct stat status;
	char data[65536];
	off_t left;

	if (fstat(log, &status))
		return complain("the log cannot be read: %s", strerror(errno));
	for (left = status.st_size; left > 0;) {
		size_t most = left < (off_t)sizeof(data) ? (size_t)left : sizeof(data);
		ssize_t size = read(log, data, most);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return complain("the log cannot be read: %s", strerror(errno));
		if (size == 0)
			break;
		if (!write_all(STDOUT_FILENO, data, (size_t)size))
			return EXIT_ENGINE;
		left -= size;
	}
	return 0;
}

static int show(const struct answer *answer)
{
	int length, status;
	size_t body;
	char stream;

	length = wire_answer_header(answer->data ? answer->data : "", answer->size, &status, &stream, &body);
	if (length <= 0 || answer->size - (size_t)length != body)
		return complain("the supervisor went away before it had answered; start it again");
	if (!write_all(stream == 'o' ? STDOUT_FILENO : STDERR_FILENO, answer->data + length, body))
		return EXIT_ENGINE;
	if (answer->log >= 0 && show_log(answer->log))
		return EXIT_ENGINE;
	return status;
}

int ask(const struct words *request)
{
	struct answer answer = { NULL, 0, -1 };
	size_t size;
	char *data = wire_request(request, &size);
	int signals = -1, status, fd;

	if (!data)
		return complain("no memory left");
	if (!strcmp(request->at[REQUEST_COMMAND], "run"))
		signals = take_signals();
	fd = connect_to_supervisor();
	if (fd < 0) {
		free(data);
		return EXIT_ENGINE;
	}
	if (size > BODY_MOST) {
		status = complain("the command line is too long; put the data into a file of the rootfs");
	} else {
		/* Where this fails, the supervisor may have said why before it hung up. */
		send_all(fd, data, size);
		await_answer(fd, signals, &answer);
		status = show(&answer);
	}
	close(fd);
	free(data);
	free(answer.data);
	return status;
}
