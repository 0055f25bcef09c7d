# Refuse a soft limit above the hard one.
#
# In:  soft, hard: MiB, each as given or the default; line.has("--soft-mib") tells which.
# Errors: UsageError(what, what to do). Where only one was given, say that the default of the
#      other does not fit.
#
# Until you do, they are not compared.
