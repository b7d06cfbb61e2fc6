"""Every reader of bytes that strangers may have written, under fire: `make fuzz`."""
