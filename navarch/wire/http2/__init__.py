"""HTTP/2 for the API server: framing, header compression, streams and flow control as pure state, and a
thin protocol that connects them to a transport. The server chooses it when TLS agrees on `h2`."""
