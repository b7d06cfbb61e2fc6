"""What travels, read and written without I/O: content codings, multipart, HTTP/1.1 framing, stream ends."""
