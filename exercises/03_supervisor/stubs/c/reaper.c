/*
 * A container has ended; `source` is its pidfd in the loop. Hear how its start went
 * (starting_failed(&container->failure, events), where failure.fd is still open), wait for it
 * (wait_for(); false: try again later), record that it is reaped and why it ended
 * (->reaped, ->reason, judge()), and give back what it held.
 *
 * In:  loop_forget(source, true) ends the waiting and closes. kernel_forget(),
 *      cgroup_remove(): what it held. ->kill_at: FOREVER, nobody needs to kill it any more.
 *      ->log_until: now_ms() + LOG_PATIENCE_MS, so long its log may take.
 *      finish(): tells whoever waits, once the log is whole as well.
 * Out: nothing. Never waits.
 *
 * Until you do, nobody waits for it: it stays a zombie, and `ps` does not hear of its end.
 * (The casts keep the compiler from complaining.)
 */
(void)container;
(void)events;
(void)wait_for;
(void)judge;
loop_forget(source, false);
