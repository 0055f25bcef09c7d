/*
 * Consumer: from the buffer (take()) into log->file, until the buffer is empty for ever; every
 * byte, also where write(2) takes only a part of them. After a first failure nothing more is
 * written (log->error keeps its errno, under log->lock), and the buffer is emptied all the
 * same: the file is an exact beginning. At the end log->done is made readable.
 *
 * Until you do, what comes out of the buffer is thrown away.
 */
static void *consume(void *argument)
{
	struct log *log = argument;
	char data[CHUNK];

	while (take(log, data))
		;
	eventfd_write(log->done, 1);
	return NULL;
}
