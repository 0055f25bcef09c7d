// SPDX-License-Identifier: MIT
/*
 * init: PID 1 of a container that was started with --init.
 *
 * The kernel gives PID 1 two tasks that few programs know of: to wait for every orphan, which
 * would stay a zombie otherwise, and to have a handler for each signal, which would do nothing
 * otherwise. This program has both, so that the container's own program, its child, need not.
 *
 * Usage: init PID. The supervisor's child executes it with every signal blocked, when the
 * process PID, its only child, is there already; see runtime/supervisor/container.py. It ends
 * when that child does, with its exit code, or 128 + the signal that ended it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Wait for all that have ended; ends with the child's status if it is among them. */
static void reap(pid_t child)
{
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
		if (ended == child)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	if (ended < 0 && errno == ECHILD)
		_exit(125); /* cannot be: the child is waited for here and nowhere else */
}

int main(int argc, char **argv)
{
	sigset_t all;
	pid_t child = argc == 2 ? atoi(argv[1]) : 0;

	if (child <= 0)
		return 125;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int number = sigwaitinfo(&all, NULL);

		if (number == SIGCHLD)
			reap(child);
		else if (number > 0)
			kill(child, number);
	}
}
