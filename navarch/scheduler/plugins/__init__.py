"""Scheduler plug-ins: one file each, named in `navarch.scheduler.profile`."""
