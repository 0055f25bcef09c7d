/*
 * End everything, in an order in which nobody waits for who has gone already: remove the
 * socket, let nobody in (connections_close_door()), stop all containers at the same time
 * (containers_stop_all()), and wait until they have ended (containers_all_ended()), let clients
 * take their last answer (connections_are_done(), for FAREWELL_MS) and cgroups become empty
 * (cgroup_retry()), forget the records (container_first(), container_forget()), then
 * keeper_end() and cgroup_teardown().
 *
 * In:  turn(deadline) handles what comes next; it must go on while anything is waited for.
 *
 * Until you do, the program is over here, and leaves everything behind.
 */
(void)remove_socket;
_exit(1);
