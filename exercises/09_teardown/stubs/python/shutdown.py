# End everything, in an order in which nobody waits for who has gone already: admit no more
# containers (self.registry.close()), stop all of them, at the same time (stop(registry,
# containers)), see each log to its end (container.log.join(seconds)), wait for records that
# remove themselves (those whose settings have "remove": container.removed), close the journal
# (self.registry.events), end the zygote and the reaper (stop()), close the monitor.
#
# Out: nothing. Takes no longer than PATIENCE seconds for the logs; which one is not complete is
#      said (self.say).
#
# Until you do, the program is over here, and leaves everything behind.
os._exit(1)
