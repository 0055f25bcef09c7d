/*
 * Drop every entry that was registered through this file: it is being closed, and
 * what an entry points at goes away with it.
 *
 * In:  file. drop_entry() wants monitor_lock to be held; a list that is changed while
 *      it is walked needs the macro for that.
 */
