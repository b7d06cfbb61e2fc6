"""What recordings look like in storage: bodies, blobs, the cassette document, the journal's lines."""
