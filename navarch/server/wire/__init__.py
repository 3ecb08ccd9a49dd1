"""What carries requests and responses: HTTP/1.1 over TLS, WebSocket and SPDY. The only part of the
API server that sees sockets."""
