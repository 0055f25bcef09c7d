# Producer: read all pipes until each is at its end, and put what comes into the buffer. At the
# end close the buffer and the pipes.
#
# In:  self._pipes: the stream (a number) of each pipe, by descriptor; standard output is first. A read
#      does not block: where nothing is there any more it raises BlockingIOError. b"" is the end.
#      Of two that have something, the first is read first: poll() looks at them one by one.
# Out: self._buffer.put(Chunk(stream, microseconds since the epoch, bytes)), and close().
#      self._spawn(self._consume) begins the consumer, with the first chunk; a container that
#      never writes has none, and then self._finish() is to be called here.
#
# Until you do, one pipe is read after the other, and nothing of it is kept.
for pipe in self._pipes:
    os.set_blocking(pipe, True)
    while os.read(pipe, CHUNK):
        pass
    os.close(pipe)
self._finish()
