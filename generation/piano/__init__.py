"""Piano pieces: composed or read from scores, performed by simulated players, and sounded."""
