/*
 * Answer a client that waits for a container: `start` as soon as its program runs, `run` only
 * when it has ended. Then tell what `run` ends with: the container's exit code, or 128 + the
 * signal that ended it.
 *
 * show_start() is called once the program runs; who is not answered there goes on waiting.
 * In:  connection_request(connection)->at[REQUEST_COMMAND]: "start" or "run".
 * status_for_run() is called when the container has ended and its log is complete.
 * In:  container->exit_code: CLD_EXITED, CLD_KILLED or CLD_DUMPED; ->exit_value.
 * Out: a status of 0 to 255.
 *
 * Until you do, `run` is `start`.
 */
void show_start(struct connection *connection, const struct container *container)
{
	answer(connection, 0, 'o', "container %s started, PID %d\n", container->id, container->pid);
}

static int status_for_run(const struct container *container)
{
	(void)container;
	return 0;
}
