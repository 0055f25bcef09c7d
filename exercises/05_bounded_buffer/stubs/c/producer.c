/*
 * Producer: read the pipe until its end, and put what comes into the buffer (pass_on()
 * reads once, and is false at the end). log_hurry() makes log->hurry readable: the container
 * has ended, but somebody still holds its pipe. Then take what is in the pipe now (ioctl
 * FIONREAD tells how many bytes), and no more.
 *
 * Until you do, the pipe is read, and nothing of it is kept.
 */
char data[CHUNK];

(void)pass_on;
while (read(log->pipe, data, sizeof(data)) > 0)
	;
