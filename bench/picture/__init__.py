"""Where the CPU of one message goes: by process, by library or thread, and by function, at saturation and at 500/s."""
