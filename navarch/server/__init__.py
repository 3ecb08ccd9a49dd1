"""The API server: filters, the write path of one object, reads, watches and subresources."""
