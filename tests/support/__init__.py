"""What the tests share: real clients behind one way of asking, and runs in processes of their own."""
