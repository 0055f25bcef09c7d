# Read what a client has sent, once, and never wait for more.
#
# In:  pending: .connection (it does not block), .data: what came before.
#      decode_request(data) gives None while it is incomplete, else (request, what follows it);
#      it raises ProtocolError for what is no request.
# Out: nothing. A complete request: self._forget(pending), then self._employ(connection,
#      request, rest). No request: self._refuse(pending, why). A client that has gone:
#      self._forget(pending), and close its connection.
#
# Until you do, one recv is believed to bring everything, and whoever is silent is waited for.
pending.connection.setblocking(True)
request, rest = decode_request(pending.connection.recv(1 << 16))
self._forget(pending)
self._employ(pending.connection, request, rest)
