# Let a new thread serve this request, self._serve(connection, request, early), on a connection
# that blocks; at most MAX_WORKERS at once.
#
# In:  connection, request, early: what the client sent behind it.
#      self._workers, self._connections: sets of those that are being served, under self._lock;
#      _serve takes them out again at its end (_dismiss). _refuse(connection, why) hangs up.
# Out: nothing, and at once. Errors: none; a client for whom there is no thread hears so.
#
# Until you do, one client is served after the other, here.
connection.setblocking(True)
self._serve(connection, request, early)
