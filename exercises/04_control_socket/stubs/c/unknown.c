/*
 * Refuse a command that there is not. What is left here are `logs` and `stop`.
 *
 * In:  command: what was typed.
 * Errors: return complain(…), which gives the exit status.
 *
 * Until you do, whoever types something else is shown the containers, and told that all is
 * well.
 */
if (strcmp(command, "logs") && strcmp(command, "stop")) {
	words_free(request);
	words_add(request, "ps");
	return 0;
}
