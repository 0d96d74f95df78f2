"""Rehearsals: the real floor on virtual time, with the network, the disk, the audio and the people simulated."""
