"""Files that are whole or not there: written atomically, read without running anything that is in them."""
