# Find the request in what has come so far: MAGIC, four bytes of length (big-endian), a body.
#
# In:  data: all bytes that this client has sent until now: a part of a request, a whole one, or
#      one and something behind it. HEAD, MAX_BODY: bytes.
# Out: `body`: the bytes of the body, and `length`: how many; the lines below take them apart.
#      Return None where the request is incomplete, but may still become one.
# Errors: ProtocolError, as soon as it is certain that this will never be a request: another
#      MAGIC, a length of 0 or above MAX_BODY, a body whose last string has no end.
#
# Until you do, whatever came is believed to be one whole request.
length = len(data) - HEAD
body = bytes(data[HEAD:])
