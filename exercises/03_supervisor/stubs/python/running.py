# Record that the container runs, unless it has ended already, and wake whoever waits for it.
#
# In:  record, container. Records change only under self.registry.lock;
#      self.registry.announce(container) tells `engine events`, self.registry.changed is the
#      condition that others wait for.
# Out: nothing.
#
# Until you do, `ps` says of every container that it is starting.
