/*
 * engine: a container runtime, one program used two ways
 *
 *	engine supervisor <base-rootfs>		stays up
 *	engine start|run|ps|logs|stop ...	a client: one request to it, one answer
 *
 * What is here reads the command line. Everything behind it is yours: look for TODO.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor_ioctl.h"

#define ID_LEN 32
#define DEFAULT_SOFT_MIB 40
#define DEFAULT_HARD_MIB 64

/* What `start` and `run` are asked for. */
struct launch {
	const char *id;
	const char *rootfs;
	char **command; /* ended by NULL */
	long soft_mib;
	long hard_mib;
	long nice;
};

static int usage(void)
{
	fprintf(stderr, "usage: engine supervisor <base-rootfs>\n"
			"       engine start <id> <container-rootfs> <command> [args...] [--soft-mib N] [--hard-mib N] [--nice N]\n"
			"       engine run   <id> <container-rootfs> <command> [args...] [--soft-mib N] [--hard-mib N] [--nice N]\n"
			"       engine ps\n"
			"       engine logs <id>\n"
			"       engine stop <id>\n");
	return 125;
}

static int not_implemented(const char *what)
{
	fprintf(stderr, "engine: %s is not implemented yet\n", what);
	return 125;
}

static bool number(const char *text, long low, long high, long *value)
{
	char *end;

	errno = 0;
	*value = text ? strtol(text, &end, 10) : low - 1;
	return text && !errno && end != text && !*end && *value >= low && *value <= high;
}

/* Sort the words: options of ours, wherever they stand, and the rest. Return: false after a complaint. */
static bool parse_launch(int argc, char **argv, struct launch *launch)
{
	int count = 0;

	*launch = (struct launch){ .soft_mib = DEFAULT_SOFT_MIB, .hard_mib = DEFAULT_HARD_MIB };
	for (int i = 0; i < argc; i++) {
		bool fine = true;

		if (!strcmp(argv[i], "--soft-mib"))
			fine = number(argv[++i], 1, 1L << 30, &launch->soft_mib);
		else if (!strcmp(argv[i], "--hard-mib"))
			fine = number(argv[++i], 1, 1L << 30, &launch->hard_mib);
		else if (!strcmp(argv[i], "--nice"))
			fine = number(argv[++i], -20, 19, &launch->nice);
		else
			argv[count++] = argv[i];
		if (!fine) {
			fprintf(stderr, "engine: %s has no such value\n", argv[i - 1]);
			return false;
		}
	}
	argv[count] = NULL;
	if (count < 3 || strlen(argv[0]) >= ID_LEN || launch->soft_mib > launch->hard_mib) {
		usage();
		return false;
	}
	launch->id = argv[0];
	launch->rootfs = argv[1];
	launch->command = argv + 2;
	return true;
}

/*
 * TODO: the supervisor
 *
 *	- a UNIX domain socket, and a loop that answers requests
 *	- containers: namespaces, their rootfs as /, a /proc of their own
 *	- a record for each, and the reaping of what has ended
 *	- for each container a pipe, a producer thread, a bounded buffer and a consumer thread
 *	- registration with the kernel monitor
 *	- SIGTERM and SIGINT: stop every container, flush every log, end
 */
static int supervise(const char *base_rootfs)
{
	(void)base_rootfs;
	return not_implemented("the supervisor");
}

/* TODO: connect to the supervisor's socket, send the request, show the answer. */
static int start(const struct launch *launch)
{
	(void)launch;
	return not_implemented("start");
}

/* TODO: as start; then wait for the end, and end with its status. */
static int run(const struct launch *launch)
{
	(void)launch;
	return not_implemented("run");
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	struct launch launch;

	if (!strcmp(command, "supervisor") && argc == 3)
		return supervise(argv[2]);
	if (!strcmp(command, "start") || !strcmp(command, "run")) {
		if (!parse_launch(argc - 2, argv + 2, &launch))
			return 125;
		return strcmp(command, "run") ? start(&launch) : run(&launch);
	}
	if (!strcmp(command, "ps") && argc == 2)
		return not_implemented("ps"); /* TODO */
	if ((!strcmp(command, "logs") || !strcmp(command, "stop")) && argc == 3)
		return not_implemented(command); /* TODO */
	return usage();
}
