/*
 * memory_hog [--child] [--max MIB] [chunk_mib] [sleep_ms]: take memory, step by step
 *
 * Each step allocates chunk_mib (default 1) and writes to every page of it, because
 * memory that was never touched is not resident; then it tells the total, and sleeps
 * sleep_ms (default 200). With --max it stops growing at that total and goes on
 * sleeping. With --child a child process does it all, and the first process, which
 * stays small, ends as the child does.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int usage(void)
{
	fprintf(stderr, "usage: memory_hog [--child] [--max MIB] [chunk_mib] [sleep_ms]\n");
	return 2;
}

/* Parse a whole number from low to high. Return: 0, or -1 for anything else. */
static int number(const char *text, long low, long high, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return errno || end == text || *end || *value < low || *value > high ? -1 : 0;
}

static void pause_ms(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

static int hog(long chunk_mib, long sleep_ms, long max_mib)
{
	size_t size = (size_t)chunk_mib << 20;
	long total = 0;

	for (;;) {
		if (!max_mib || total + chunk_mib <= max_mib) {
			char *chunk = malloc(size);

			if (!chunk) {
				fprintf(stderr, "memory_hog: no more memory after %ld MiB\n", total);
				return 1;
			}
			/* Through a volatile pointer, or the compiler would see that nobody reads it. */
			for (size_t i = 0; i < size; i += 4096)
				((volatile char *)chunk)[i] = 1;
			total += chunk_mib;
			printf("memory_hog: total %ld MiB\n", total);
		}
		pause_ms(sleep_ms);
	}
}

int main(int argc, char **argv)
{
	long chunk_mib = 1, sleep_ms = 200, max_mib = 0;
	int in_child = 0, i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--child"))
			in_child = 1;
		else if (!strcmp(argv[i], "--max") && i + 1 < argc && !number(argv[i + 1], 1, 1L << 24, &max_mib))
			i++;
		else
			return usage();
	}
	if (i < argc && number(argv[i++], 1, 1L << 20, &chunk_mib))
		return usage();
	if (i < argc && number(argv[i++], 0, 1000000, &sleep_ms))
		return usage();
	if (i < argc)
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (in_child) {
		pid_t child = fork();
		int status;

		if (child < 0) {
			perror("memory_hog: fork");
			return 1;
		}
		if (child) {
			while (waitpid(child, &status, 0) < 0 && errno == EINTR)
				;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
	return hog(chunk_mib, sleep_ms, max_mib);
}
