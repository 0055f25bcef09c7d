/* What clients ask for, and what they are told. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "supervisor.h"

#define ROW "%-*s %7s %-8s %-20s %8s %8s %4s %-9s %-17s %-8s %s\n"

static const char *const state_names[] = { "starting", "running", "exited" };

/* SIGTERM or SIGKILL, whichever ended a container that was stopped. */
static const char *stopped_by(const struct container *container)
{
	if (container->exit_code != CLD_EXITED && container->exit_value == SIGKILL)
		return "SIGKILL";
	return "SIGTERM";
}

static void show_row(FILE *out, int width, const struct container *container)
{
	bool ended = container->state == EXITED;
	char pid[12], soft[24], hard[24], nice[12], exit[24] = "-", started[24];
	struct tm when;

	snprintf(pid, sizeof(pid), "%d", container->pid);
	snprintf(soft, sizeof(soft), "%ld", container->soft_mib);
	snprintf(hard, sizeof(hard), "%ld", container->hard_mib);
	snprintf(nice, sizeof(nice), "%ld", container->nice);
	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&container->started, &when));
	if (ended)
		snprintf(exit, sizeof(exit), container->exit_code == CLD_EXITED ? "%d" : "signal:%d",
			 container->exit_value);
	fprintf(out, ROW, width, container->id, pid, state_names[container->state], started, soft, hard, nice, exit,
		ended ? container->reason : "-",
		ended && container->stop_requested ? stopped_by(container) : "-", container->log_path);
}

static void show_all(struct connection *connection)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int width = 2;

	if (!out) {
		answer(connection, EXIT_ENGINE, 'e', "engine: no memory left\n");
		return;
	}
	for (struct container *at = container_first(); at; at = at->next)
		if ((int)strlen(at->id) > width)
			width = (int)strlen(at->id);
	fprintf(out, ROW, width, "ID", "PID", "STATE", "STARTED", "SOFT-MIB", "HARD-MIB", "NICE", "EXIT", "REASON",
		"ENDED-BY", "LOG");
	for (struct container *at = container_first(); at; at = at->next)
		if (container_find(at->id) == at) /* not an old record whose id begins again */
			show_row(out, width, at);
	fclose(out);
	answer(connection, 0, 'o', "%s", text);
	free(text);
}

static void show_log_of(struct connection *connection, const struct container *container)
{
	int log = open(container->log_path, O_RDONLY | O_CLOEXEC);
	int error = container->log ? log_error(container->log) : container->log_error;

	if (log < 0) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the log %s: %s\n", container->log_path,
		       strerror(errno));
		return;
	}
	answer_with(connection, log);
	if (error)
		answer(connection, 0, 'e', "engine: this log is incomplete: %s\n", strerror(error));
	else
		answer(connection, 0, 'o', "%s", "");
}

/* region 04.run */
/* Its program runs, and so `start` is over. `run` is not: it is answered when all is over. */
void show_start(struct connection *connection, const struct container *container)
{
	if (!strcmp(connection_request(connection)->at[REQUEST_COMMAND], "start"))
		answer(connection, 0, 'o', "container %s started, PID %d\n", container->id, container->pid);
}

/* What `run` ends with: the container's exit code, or 128 + the signal that ended it. */
static int status_for_run(const struct container *container)
{
	if (container->exit_code == CLD_EXITED)
		return container->exit_value;
	return 128 + container->exit_value;
}
/* endregion 04.run */

void show_end(struct connection *connection, const struct container *container)
{
	const char *command = connection_request(connection)->at[REQUEST_COMMAND];

	if (container->failed)
		answer(connection, container->failure_status, 'e', "engine: %s\n", container->failure_text);
	else if (!strcmp(command, "run"))
		answer(connection, status_for_run(container), 'o', "%s", "");
	else if (container->stop_requested)
		answer(connection, 0, 'o', "container %s stopped, ended by %s\n", container->id,
		       stopped_by(container));
	else
		answer(connection, 0, 'o', "container %s had ended already\n", container->id);
}

void obey(struct connection *connection)
{
	const struct words *request = connection_request(connection);
	const char *command = request->at[REQUEST_COMMAND];
	bool makes = !strcmp(command, "start") || !strcmp(command, "run");
	bool stops = !strcmp(command, "stop");
	struct container *container;

	if (!containers_may_start()) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor is shutting down\n");
	} else if (!strcmp(command, "ps")) {
		show_all(connection);
	} else if (!makes && !stops && strcmp(command, "logs")) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor knows no such request\n");
	} else if (request->count < (makes ? REQUEST_PROGRAM + 1 : REQUEST_ID + 1) ||
		   !id_is_valid(request->at[REQUEST_ID]) || (makes && !request->at[REQUEST_PROGRAM][0])) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor cannot read this request\n");
	} else if (makes) {
		container_start(connection, request->at);
	} else if (!(container = container_find(request->at[REQUEST_ID]))) {
		answer(connection, EXIT_ENGINE, 'e', "engine: there is no container %s; engine ps lists them\n",
		       request->at[REQUEST_ID]);
	} else if (!stops) {
		show_log_of(connection, container);
	} else if (container->state == EXITED) {
		answer(connection, 0, 'o', "container %s had ended already\n", container->id);
	} else {
		connection_waits_for(connection, container);
		container_stop(container);
	}
}
