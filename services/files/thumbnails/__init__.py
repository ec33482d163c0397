"""Small pictures of images: made from `file.events`, by a child process that may do nothing but compute."""
