/*
 * Read what a client has sent, once, and never wait for more (recv(2), MSG_DONTWAIT).
 *
 * In:  connection: ->source.fd. ->in, ->in_size: what came before; grown here (realloc()).
 *      wire_request_header() and wire_request_body() of engine.h say whether it is whole.
 * Out: nothing. Nothing new has come (EAGAIN, EINTR), or more must come: return. A whole
 *      request: its words are in ->request, then obey(connection); where that leaves it
 *      WAITING, heed() what came behind the request.
 * Errors: none for us. A client that has gone, or no memory: hang_up(connection). What is no
 *      request: answer(connection, EXIT_ENGINE, 'e', …).
 *
 * Until you do, one recv is believed to bring everything, and whoever is silent is waited
 * for.
 */
char data[65536];
size_t body = 0;
ssize_t size = recv(connection->source.fd, data, sizeof(data), 0);
int header = size > 0 ? wire_request_header(data, (size_t)size, &body) : 0;

if (size <= 0)
	hang_up(connection);
else if (header <= 0 || header + (ssize_t)body > size ||
	 !wire_request_body(data + header, body, &connection->request))
	answer(connection, EXIT_ENGINE, 'e', "engine: the supervisor cannot read this request\n");
else
	obey(connection);
