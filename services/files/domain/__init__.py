"""What files decides: names, types, sizes and parts, and what a file's bytes make of it."""
