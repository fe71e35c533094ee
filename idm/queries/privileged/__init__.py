"""What pages, jobs and sweeps read about privileged IDs."""
