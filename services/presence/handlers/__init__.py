"""What presence does: `devices` are connected, `node` brings each what is its user's."""
