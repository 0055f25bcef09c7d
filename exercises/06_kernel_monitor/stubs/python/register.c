/*
 * Make an entry of a request, and enter it (add_entry()).
 *
 * In:  file: through which it came; request: copied from user memory, its id ends with
 *      a NUL and is printable. limits_are_valid() looks at the limits, in bytes.
 *      find_extent(pid, &pid_ns) says what a reference stands for, or why it cannot be
 *      monitored. find_get_pid() and pid_nr_ns() of linux/pid.h: from number to reference
 *      and back; put_pid() gives one up.
 * Out: 0; nothing is left behind where it fails.
 * Errors: -EINVAL for an empty id or senseless limits, -ENOMEM, those of find_extent()
 *      (-ESRCH, -EINVAL) and of add_entry() (-EEXIST).
 *
 * Until you do, the command is not known. (The cast keeps the compiler from complaining
 * of a function that nobody calls yet.)
 */
(void)add_entry;
return -ENOTTY;
