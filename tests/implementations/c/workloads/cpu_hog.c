/* cpu_hog [seconds]: burn one CPU for so long (default 10), and tell how far it got. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t told_to_end;

static void end(int number)
{
	(void)number;
	told_to_end = 1;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
	unsigned long long iterations = 0;
	volatile unsigned int x = 1;
	struct timespec now;
	time_t start, last;

	if (seconds <= 0) {
		fprintf(stderr, "usage: cpu_hog [seconds]\n");
		return 2;
	}
	signal(SIGTERM, end); /* the first process of a PID namespace ends by it only so */
	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	start = last = now.tv_sec;
	while (now.tv_sec - start < seconds && !told_to_end) {
		for (int i = 0; i < 50000; i++)
			x = x * 1664525u + 1013904223u;
		iterations += 50000;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec != last) {
			last = now.tv_sec;
			printf("cpu_hog second %ld iterations %llu\n", (long)(last - start), iterations);
		}
	}
	printf("cpu_hog end iterations %llu\n", iterations);
	return 0;
}
