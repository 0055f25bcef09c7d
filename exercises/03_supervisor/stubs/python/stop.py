# Stop these containers, all at the same time: record that it was asked for (_mark), send the
# signal that asks, give them their time, then SIGKILL to those that are left, and wait for these.
#
# In:  registry, containers; number: the signal; grace: seconds, None for ever.
#      container.send(number) sends to nobody once it is reaped. thaw(registry, container): a
#      frozen one could not hear the signal. _await(containers, seconds) waits for their ends.
# Out: nothing; they have ended, or PATIENCE is over.
#
# Until you do, each is killed without a word, and nobody waits.
for container in containers:
    container.send(signal.SIGKILL)
