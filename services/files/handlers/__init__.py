"""What files does: uploads begin and are completed, files are shown and deleted, and what was left over is finished."""
