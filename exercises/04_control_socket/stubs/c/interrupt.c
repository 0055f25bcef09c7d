/*
 * Receive the answer until its end. Meanwhile SIGINT or SIGTERM to `run` means: send one
 * byte, WIRE_STOP, and go on receiving.
 *
 * take_signals() blocks both, has them no longer ignored, and returns a descriptor of which
 * they can be read (signalfd(2)). await_answer() waits for both descriptors (poll(2));
 * `signals` is -1 where it is not a `run`, which poll() passes over. receive(fd, answer) reads
 * once: 0 at the end, -1 on failure. send_all() sends.
 *
 * Until you do, nobody listens to signals, and they end the client.
 */
static void await_answer(int fd, int signals, struct answer *answer)
{
	(void)signals;
	while (receive(fd, answer) > 0)
		;
}

static int take_signals(void)
{
	return -1;
}
