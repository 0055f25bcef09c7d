/*
 * cpu_hog [seconds]: burn one CPU and count what it got
 *
 * Once a second a line tells the iterations so far; the last line tells them all,
 * whether the time is up or SIGTERM came. Two hogs on one CPU divide it in the
 * ratio of their counts. Without an argument it runs for 60 seconds.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DEFAULT_SECONDS 60
#define LONGEST_SECONDS 1000000
#define BATCH 100000 /* iterations between two looks at the clock: well under a millisecond */

static volatile sig_atomic_t stopped;

static void on_term(int number)
{
	(void)number;
	stopped = 1;
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A step of xorshift: cheap, and no compiler can leave it out or foresee it. */
static uint64_t step(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

int main(int argc, char **argv)
{
	long seconds = DEFAULT_SECONDS;
	unsigned long long iterations = 0;
	uint64_t x = 88172645463325252ULL;
	struct sigaction action = { .sa_handler = on_term };
	double start, elapsed, told = 0;

	if (argc > 1) {
		char *end;

		errno = 0;
		seconds = strtol(argv[1], &end, 10);
		if (argc > 2 || errno || end == argv[1] || *end || seconds < 1 || seconds > LONGEST_SECONDS) {
			fprintf(stderr, "usage: cpu_hog [seconds]\n");
			return 2;
		}
	}
	/* The first process of a PID namespace ignores SIGTERM unless it has a handler. */
	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	start = now(CLOCK_MONOTONIC);
	do {
		for (int i = 0; i < BATCH; i++)
			x = step(x);
		iterations += BATCH;
		elapsed = now(CLOCK_MONOTONIC) - start;
		if (elapsed - told >= 1) {
			told = elapsed;
			printf("cpu_hog: %.0f s, iterations %llu\n", elapsed, iterations);
		}
	} while (elapsed < (double)seconds && !stopped);
	printf("cpu_hog: done elapsed=%.3f cpu=%.3f iterations=%llu check=%016llx\n", elapsed,
	       now(CLOCK_PROCESS_CPUTIME_ID), iterations, (unsigned long long)x);
	return 0;
}
