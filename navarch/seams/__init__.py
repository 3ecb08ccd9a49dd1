"""Everything non-deterministic enters through here: clock, random, network, disk, child processes."""
