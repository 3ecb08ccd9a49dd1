"""Assembly only: which components a process runs, with which clients, seams and configuration."""
