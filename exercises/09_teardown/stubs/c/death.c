/* In a container's process: have the kernel send SIGKILL when the thread that made it ends
 * (prctl(2)). Return: whether it will. Until you do, it goes on. */
bool die_with_supervisor(void)
{
	return true;
}

/* In the keeper, once the supervisor is gone: end the containers that are not, by their pidfds
 * (waits[i].fd, i from 1 to count - 1). Until you do, they outlive it. */
static void end_all(const struct pollfd *waits, nfds_t count)
{
	(void)waits;
	(void)count;
}
