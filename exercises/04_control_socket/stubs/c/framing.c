/*
 * Find the request in what has come so far, "engine BYTES\n" and so many bytes of words, each
 * "LENGTH\nWORD\n" (engine.h). What a client sends is not to be believed: it may be a part
 * of a request, or anything else, and nothing ends with a NUL.
 *
 * The header.  In: data, size: all bytes that this client has sent until now.
 *	Out: *body, the BYTES (BODY_MOST at most); return the header's length, 0 where it is
 *	not whole yet, -1 as soon as it is none. header_line() finds and copies the line.
 * The body.  In: body, size: it is there, all of it.
 *	Out: its words, at least one (words_add_part()); return whether it is well formed: no
 *	word that is longer than what is there, or that holds a NUL.
 *
 * Until you do, whatever came is believed to be one whole request; what is none ends the
 * supervisor.
 */
int wire_request_header(const char *data, size_t size, size_t *body)
{
	const char *end = memchr(data, '\n', size);

	if (!end)
		exit(complain("something came that is no request: region 04.framing"));
	*body = size - (size_t)(end + 1 - data);
	return (int)(end + 1 - data);
}

bool wire_request_body(const char *body, size_t size, struct words *request)
{
	const char *end = body + size;

	while (body < end) {
		const char *word = memchr(body, '\n', (size_t)(end - body));
		size_t length = word ? strtoul(body, NULL, 10) : size;

		if (!word || length >= (size_t)(end - ++word))
			exit(complain("something came that is no request: region 04.framing"));
		words_add_part(request, word, length);
		body = word + length + 1;
	}
	return true;
}
