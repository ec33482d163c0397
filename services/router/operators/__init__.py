"""What operators see and do: letters of the DLQs, channels, and the log of what they did; on the internal port."""
