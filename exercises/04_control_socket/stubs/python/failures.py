# Hear from the child whether its program has been executed. exec closes the error pipe, so its
# end without a byte says yes; what comes before says at which step what failed.
#
# In:  failures: the reading end, a descriptor, to be closed here. marshal.loads(bytes) gives the
#      failure, explain(id, program, failure) the error that says it in words, with its status.
# Out: `refusal`: that error; None, as it is already, where the program runs.
#
# Until you do, the end is waited for, and the words are thrown away.
with os.fdopen(failures, "rb") as pipe:
    pipe.read()
