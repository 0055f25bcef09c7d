/*
 * The file that the engine runs from
 *
 * Whoever becomes a container is executed from the engine until it executes its program, and
 * /proc/PID/exe leads to that file from inside the container, whatever its root is. So the
 * supervisor goes on as a copy of itself in memory that nobody can write (CVE-2019-5736).
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"

bool run_from_sealed_copy(char **argv)
{
	/* region 10.sealed */
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals = self < 0 ? -1 : fcntl(self, F_GET_SEALS); /* -1: a file of a disk has none */
	struct stat file;
	int copy;

	if (self < 0 || fstat(self, &file))
		return false;
	if (seals >= 0 && (seals & F_SEAL_WRITE)) {
		close(self);
		return true; /* this is the copy */
	}
	copy = memfd_create("engine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return false;
	for (off_t done = 0; done < file.st_size;)
		if (sendfile(copy, self, &done, (size_t)(file.st_size - done)) <= 0)
			return false;
	if (fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		return false;
	fexecve(copy, argv, environ);
	return false;
	/* endregion 10.sealed */
}
