/*
 * Undo what monitor_init() did, and stop what may still be going on, each at the right
 * moment; then say so in the kernel log, in the words of the contract (pr_info()).
 *
 * What can come in between: a scan that is due, or under way (scan_work), on scan_queue.
 *
 * Until you do, a scan that is due outlives the module.
 */
misc_deregister(&monitor_device);
destroy_workqueue(scan_queue);
