/* The program's two halves meet here: a supervisor that stays up, and its clients. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"

static const char usage[] =
	"usage: engine supervisor <base-rootfs>\n"
	"       engine start <id> <container-rootfs> <command> [args...] [options]\n"
	"       engine run   <id> <container-rootfs> <command> [args...] [options]\n"
	"       engine ps\n"
	"       engine logs <id>\n"
	"       engine stop <id>\n"
	"options of start and run, in any place:\n"
	"       --soft-mib N  warn above N MiB of resident memory (default 40)\n"
	"       --hard-mib N  kill above N MiB (default 64)\n"
	"       --nice N      nice value, -20 to 19 (default 0)\n"
	"       --            what follows is no option of the engine's\n";

int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("engine: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return EXIT_ENGINE;
}

/* Whoever starts us without the three standard streams must not find them in a socket. */
static void have_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct words request = { 0 };
	int status;

	have_standard_streams();
	if (argc < 2) {
		fputs(usage, stderr);
		return EXIT_ENGINE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (!strcmp(argv[1], "supervisor")) {
		if (argc != 3)
			return complain("a supervisor takes one folder: engine supervisor <base-rootfs>");
		if (!run_from_sealed_copy(argv))
			return complain("the engine cannot be copied into memory: %s", strerror(errno));
		return supervise(argv[2]);
	}
	status = parse_command_line(argv + 1, &request);
	if (!status)
		status = ask(&request);
	words_free(&request);
	return status;
}
