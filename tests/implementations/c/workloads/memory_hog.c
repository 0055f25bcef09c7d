/* memory_hog [chunk_mib] [sleep_ms]: take memory, chunk by chunk (default 8 MiB every
 * second), and write to every page of it, for only what was touched is resident. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	long chunk = argc > 1 ? strtol(argv[1], NULL, 10) : 8;
	long sleep_ms = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
	struct timespec rest = { sleep_ms / 1000, sleep_ms % 1000 * 1000000 };
	size_t size = (size_t)chunk << 20;

	if (chunk <= 0 || sleep_ms < 0) {
		fprintf(stderr, "usage: memory_hog [chunk_mib] [sleep_ms]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long total = chunk;; total += chunk) {
		char *memory = malloc(size);

		if (!memory) {
			fprintf(stderr, "memory_hog: no memory left\n");
			return 1;
		}
		memset(memory, 0x5a, size);
		/* Used, as far as the compiler can tell: or it would leave all of this out. */
		__asm__ volatile("" : : "r"(memory) : "memory");
		printf("memory_hog total %ld MiB\n", total);
		nanosleep(&rest, NULL);
	}
}
