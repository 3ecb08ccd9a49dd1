"""What carries requests and responses: HTTP/1.1 and HTTP/2 over TLS, WebSocket and SPDY, with the messages
themselves. The only layer that sees sockets; API server and kubelet serve on it."""
