"""A fake provider for tests: a real local HTTP/1.1 server that counts what it would have billed.

It speaks enough of OpenAI, Anthropic, Bedrock and Gemini for their real clients, and any answer can be
scripted to the byte. `with fakeprovider.running() as provider:` starts one in a process of its own,
so that nothing a test patches in its process can reach it. Standard library only.
"""

from fakeprovider.client import Provider, running

__all__ = ["Provider", "running"]
