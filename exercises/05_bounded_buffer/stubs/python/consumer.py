def _consume(self) -> None:
    """Consumer: buffer → file, until the buffer is closed and drained; then self._finish().

    self._changed() after each chunk tells those who read along.
    """
    # Until you do, what comes out of the buffer is thrown away.
    while self._buffer.get():
        pass
    self._finish()

def _append(self, chunk: Chunk) -> None:
    """Write a chunk, all of it, to self._file; self.size counts what is there.

    self.index.add(stream, self.size, time) beforehand says whose the bytes are. A disk that takes
    no more (OSError) is complained of once (self._complain(sentence)); from then on every byte is
    counted in self.lost and dropped, and the file stays an exact beginning of the output.
    """
