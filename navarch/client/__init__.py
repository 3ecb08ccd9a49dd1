"""How a component talks to the API server: one contract, an HTTP client and a direct one."""
