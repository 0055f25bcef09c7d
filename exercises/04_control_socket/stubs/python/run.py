# Attend to the container until its end, then answer with its status.
#
# In:  attend(engine, container, reader, reply): shows its output; false when the client is gone.
#      reader: to be closed, whatever happens. container.record.status.as_shell(): its status.
#      With --rm (options.remove), container.removed is set when its record is gone; it is not
#      waited for longer than PATIENCE seconds. end_with_log(log, status, reply) ends the answer.
# Out: nothing; a client that is gone is not answered.
#
# Until you do, `run` is `start`.
reader.close()
reply.end(0, f"{request.id} started, PID {container.record.pid}\n")
