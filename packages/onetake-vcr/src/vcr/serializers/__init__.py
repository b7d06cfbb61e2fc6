"""How a cassette becomes text: YAML or JSON."""
