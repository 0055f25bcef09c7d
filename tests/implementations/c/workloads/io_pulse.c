/* io_pulse [iterations] [sleep_ms]: write to /tmp/io_pulse.out in pulses (default 20, every 200 ms). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PULSE 65536

int main(int argc, char **argv)
{
	static char data[PULSE];
	long iterations = argc > 1 ? strtol(argv[1], NULL, 10) : 20;
	long sleep_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 200;
	struct timespec rest = { sleep_ms / 1000, sleep_ms % 1000 * 1000000 };
	int file;

	if (iterations <= 0 || sleep_ms < 0) {
		fprintf(stderr, "usage: io_pulse [iterations] [sleep_ms]\n");
		return 2;
	}
	memset(data, 'p', sizeof(data));
	setvbuf(stdout, NULL, _IOLBF, 0);
	file = open("/tmp/io_pulse.out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file < 0) {
		perror("io_pulse: /tmp/io_pulse.out");
		return 1;
	}
	for (long i = 1; i <= iterations; i++) {
		if (write(file, data, sizeof(data)) != (ssize_t)sizeof(data) || fsync(file)) {
			perror("io_pulse: write");
			return 1;
		}
		printf("io_pulse %ld of %ld\n", i, iterations);
		nanosleep(&rest, NULL);
	}
	return 0;
}
