# Show the output of the container as it is logged, until it has ended, and hear the client: a
# byte that it sends is the number of a signal that it got. STOP are those that mean `stop`.
#
# In:  follow(container, reader, reply, hear=…) does the showing, and calls hear(bytes) with what
#      the client says. What it said before stands in reply.early. stop_quietly(engine,
#      container) stops it and takes seconds for that, in which output must still be shown.
# Out: true when the container has ended, false when the client is gone.
#
# Until you do, nobody listens to the client.
return follow(container, reader, reply)
