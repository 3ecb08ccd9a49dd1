"""/debug/pprof: where this process spends its time, what waits, what it holds."""
