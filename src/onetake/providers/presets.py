"""The providers: their hosts, and where they take credentials.

Headers that change on every call need no list: the matcher compares those that it is told to and no
other. Sources: each provider's public API reference and the headers that its own SDK sends.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from onetake.providers.hosts import HostTable


class Provider(Struct, frozen=True, kw_only=True):
    """One API. `hosts` may be globs; names of headers and of query parameters are in lower case."""

    name: str
    hosts: tuple[str, ...]
    credential_headers: tuple[str, ...] = ("authorization",)
    credential_query: tuple[str, ...] = ()


COMMON = Provider(
    name="",
    hosts=("",),
    credential_headers=(
        *("authorization", "x-api-key", "api-key", "x-goog-api-key", "anthropic-api-key"),
        *("openai-api-key", "azure-api-key", "apikey", "x-auth-token", "x-auth-key"),
        *("private-token", "ocp-apim-subscription-key", "x-functions-key", "x-rapidapi-key"),
        *("x-subscription-token", "xi-api-key", "x-access-token"),
    ),
    credential_query=(
        *("key", "api_key", "apikey", "api-key", "access_token", "token", "subscription-key"),
        *("x-amz-credential", "awsaccesskeyid", "ossaccesskeyid"),
        *("x-goog-credential", "googleaccessid"),
    ),
)
"""What holds for every host."""

_AZURE = ("api-key", "authorization", "ocp-apim-subscription-key")
_SIGV4 = ("authorization", "x-amz-security-token")
_BEDROCK = (
    *("bedrock", "bedrock-fips", "bedrock-runtime", "bedrock-runtime-fips", "bedrock-agent"),
    *("bedrock-agent-fips", "bedrock-agent-runtime", "bedrock-agent-runtime-fips"),
    *("bedrock-agentcore", "bedrock-agentcore-control", "bedrock-data-automation"),
    *("bedrock-data-automation-runtime", "bedrock-mantle"),
)

PROVIDERS = (
    Provider(name="openai", hosts=("api.openai.com", "*.api.openai.com")),
    Provider(
        name="azure-openai",
        hosts=(
            *("*.openai.azure.com", "*.openai.azure.us", "*.openai.azure.cn"),
            *("*.services.ai.azure.com", "*.cognitiveservices.azure.com"),
            *("*.api.cognitive.microsoft.com", "*.models.ai.azure.com"),
            *("models.inference.ai.azure.com", "*.inference.ml.azure.com"),
        ),
        credential_headers=_AZURE,
    ),
    Provider(
        name="anthropic",
        hosts=("api.anthropic.com",),
        credential_headers=("x-api-key", "authorization"),
    ),
    Provider(
        name="gemini",
        hosts=("generativelanguage.googleapis.com",),
        credential_headers=("x-goog-api-key", "authorization"),
        credential_query=("key",),
    ),
    Provider(
        name="vertex",
        hosts=(
            *("aiplatform.googleapis.com", "*-aiplatform.googleapis.com"),
            *("aiplatform.*.rep.googleapis.com", "discoveryengine.googleapis.com"),
        ),
        credential_headers=("authorization", "x-goog-api-key"),
        credential_query=("key",),
    ),
    Provider(
        name="bedrock",
        hosts=(
            *(f"{service}.*.amazonaws.com" for service in _BEDROCK),
            *(f"{service}.*.amazonaws.com.cn" for service in _BEDROCK),
            *(f"{service}.*.api.aws" for service in _BEDROCK),
            *(f"*.{service}.*.vpce.amazonaws.com" for service in _BEDROCK),
        ),
        credential_headers=_SIGV4,
        credential_query=("x-amz-credential",),
    ),
    Provider(
        name="aws",
        hosts=("*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws"),
        credential_headers=_SIGV4,
        credential_query=("x-amz-credential", "awsaccesskeyid"),
    ),
    Provider(name="mistral", hosts=("api.mistral.ai", "codestral.mistral.ai")),
    Provider(name="cohere", hosts=("api.cohere.com", "api.cohere.ai")),
    Provider(name="groq", hosts=("api.groq.com",)),
    Provider(name="xai", hosts=("api.x.ai", "*.api.x.ai")),
    Provider(name="voyage", hosts=("api.voyageai.com",)),
    Provider(name="perplexity", hosts=("api.perplexity.ai",)),
    Provider(
        name="huggingface",
        hosts=(
            *("api-inference.huggingface.co", "router.huggingface.co", "huggingface.co"),
            *("*.endpoints.huggingface.cloud", "*.hf.space"),
        ),
    ),
    Provider(name="openrouter", hosts=("openrouter.ai",)),
    Provider(name="deepseek", hosts=("api.deepseek.com",)),
    Provider(name="together", hosts=("api.together.xyz", "api.together.ai")),
    Provider(name="fireworks", hosts=("api.fireworks.ai",)),
    Provider(name="replicate", hosts=("api.replicate.com",)),
    Provider(name="ai21", hosts=("api.ai21.com",)),
    Provider(name="cerebras", hosts=("api.cerebras.ai",)),
    Provider(name="sambanova", hosts=("api.sambanova.ai",)),
    Provider(name="deepinfra", hosts=("api.deepinfra.com",)),
    Provider(name="nvidia", hosts=("integrate.api.nvidia.com", "ai.api.nvidia.com")),
    Provider(name="moonshot", hosts=("api.moonshot.ai", "api.moonshot.cn")),
    Provider(
        name="dashscope",
        hosts=(
            *("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"),
            "dashscope-us.aliyuncs.com",
        ),
    ),
    Provider(name="zhipu", hosts=("open.bigmodel.cn", "api.z.ai")),
    Provider(name="minimax", hosts=("api.minimax.io", "api.minimaxi.com", "api.minimax.chat")),
    Provider(name="volcengine", hosts=("ark.*.volces.com", "ark.*.bytepluses.com")),
    Provider(
        name="github-models",
        hosts=("models.github.ai", "api.githubcopilot.com", "api.*.githubcopilot.com"),
    ),
    Provider(
        name="databricks",
        hosts=("*.cloud.databricks.com", "*.gcp.databricks.com", "*.azuredatabricks.net"),
    ),
    Provider(name="snowflake", hosts=("*.snowflakecomputing.com",)),
    Provider(name="watsonx", hosts=("*.ml.cloud.ibm.com",)),
    Provider(
        name="cloudflare",
        hosts=("api.cloudflare.com", "gateway.ai.cloudflare.com"),
        credential_headers=("authorization", "x-auth-key", "cf-aig-authorization"),
    ),
    Provider(
        name="elevenlabs",
        hosts=("api.elevenlabs.io", "api.*.elevenlabs.io"),
        credential_headers=("xi-api-key",),
    ),
    Provider(name="deepgram", hosts=("api.deepgram.com",)),
    Provider(
        name="assemblyai",
        hosts=("api.assemblyai.com", "api.eu.assemblyai.com", "streaming.assemblyai.com"),
    ),
    Provider(name="stability", hosts=("api.stability.ai",)),
    Provider(
        name="black-forest-labs",
        hosts=("api.bfl.ai", "api.*.bfl.ai", "api.bfl.ml"),
        credential_headers=("x-key",),
    ),
    Provider(name="fal", hosts=("fal.run", "*.fal.run")),
    Provider(name="jina", hosts=("api.jina.ai", "r.jina.ai", "s.jina.ai")),
    Provider(name="nomic", hosts=("api-atlas.nomic.ai",)),
    Provider(
        name="unstructured",
        hosts=("api.unstructuredapp.io", "*.unstructuredapp.io"),
        credential_headers=("unstructured-api-key",),
    ),
    Provider(name="tavily", hosts=("api.tavily.com",)),
    Provider(name="exa", hosts=("api.exa.ai",), credential_headers=("x-api-key", "authorization")),
    Provider(name="firecrawl", hosts=("api.firecrawl.dev",)),
    Provider(name="serper", hosts=("google.serper.dev",), credential_headers=("x-api-key",)),
    Provider(name="serply", hosts=("api.serply.io",), credential_headers=("x-api-key",)),
    Provider(name="searchapi", hosts=("www.searchapi.io",), credential_query=("api_key",)),
    Provider(name="serpapi", hosts=("serpapi.com",), credential_query=("api_key",)),
    Provider(
        name="brave",
        hosts=("api.search.brave.com",),
        credential_headers=("x-subscription-token",),
    ),
)

CREDENTIAL_HEADERS = frozenset(
    name for provider in (COMMON, *PROVIDERS) for name in provider.credential_headers
)
"""Every header that carries a credential to some provider."""

_TABLE = HostTable((provider.hosts, provider) for provider in PROVIDERS)


@lru_cache(maxsize=512)
def provider_of(host: str) -> Provider | None:
    """The provider of a lower-case host without its port."""
    found = _TABLE.at(host)
    return found[0] if found else None
