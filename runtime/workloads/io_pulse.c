/*
 * io_pulse [iterations] [sleep_ms]: write to the disk in pulses
 *
 * Each pulse appends 64 KiB to a file, waits until the disk has it (fsync), tells how
 * long that took, and sleeps sleep_ms (default 200). After 20 pulses, or as many as
 * the argument says, the file is removed.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 65536
#define FILE_NAME "/tmp/io_pulse.dat"

static int number(const char *text, long low, long high, long *value)
{
	char *end;

	errno = 0;
	*value = strtol(text, &end, 10);
	return errno || end == text || *end || *value < low || *value > high ? -1 : 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int write_all(int file, const char *data, size_t size)
{
	while (size) {
		ssize_t written = write(file, data, size);

		if (written < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char block[BLOCK];
	long iterations = 20, sleep_ms = 200;
	int file, status = 0;

	if (argc > 3 || (argc > 1 && number(argv[1], 1, 1000000000, &iterations)) ||
	    (argc > 2 && number(argv[2], 0, 1000000, &sleep_ms))) {
		fprintf(stderr, "usage: io_pulse [iterations] [sleep_ms]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(block, 'x', sizeof(block));
	file = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0) {
		perror("io_pulse: " FILE_NAME);
		return 1;
	}
	for (long i = 1; i <= iterations; i++) {
		struct timespec time = { sleep_ms / 1000, sleep_ms % 1000 * 1000000L };
		double start = now();

		if (write_all(file, block, sizeof(block)) || fsync(file)) {
			perror("io_pulse: write");
			status = 1;
			break;
		}
		printf("io_pulse: %ld of %ld, %ld KiB on disk, %.1f ms\n", i, iterations, i * BLOCK / 1024,
		       now() - start);
		while (nanosleep(&time, &time) && errno == EINTR)
			;
	}
	close(file);
	unlink(FILE_NAME);
	return status;
}
