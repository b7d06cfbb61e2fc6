"""Each provider is known by a real request to it, and by no host that only looks like its own."""

from __future__ import annotations

import pytest

from onetake.messages import Headers, Request, read_url
from onetake.providers import COMMON, PROVIDERS, Principal, principal, provider_of
from onetake.redaction import Redactor

BEARER = ("Authorization", "Bearer {}")
SIGV4 = (
    "Authorization",
    "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/bedrock/aws4_request, Signature=ab",
)

# Provider: real requests, each a URL and the line (or with "" the query) that carries the credential.
REAL: dict[str, list[tuple[str, tuple[str, str]]]] = {
    "openai": [
        ("https://api.openai.com/v1/responses", BEARER),
        ("https://eu.api.openai.com/v1/chat/completions", BEARER),
        ("wss://api.openai.com/v1/realtime?model=gpt-realtime", BEARER),
    ],
    "azure-openai": [
        (
            "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            ("api-key", "{}"),
        ),
        ("https://acme.openai.azure.com/openai/v1/responses", BEARER),
        ("https://acme.services.ai.azure.com/models/chat/completions", ("api-key", "{}")),
        (
            "https://acme.cognitiveservices.azure.com/openai/deployments/whisper/audio",
            ("api-key", "{}"),
        ),
        (
            "https://westeurope.api.cognitive.microsoft.com/contentsafety/text:analyze",
            ("Ocp-Apim-Subscription-Key", "{}"),
        ),
        ("https://Mistral-x.eastus2.models.ai.azure.com/v1/chat/completions", BEARER),
        ("https://models.inference.ai.azure.com/chat/completions", BEARER),
    ],
    "anthropic": [
        ("https://api.anthropic.com/v1/messages", ("x-api-key", "{}")),
        ("https://api.anthropic.com/v1/messages?beta=true", BEARER),
    ],
    "gemini": [
        (
            "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent",
            ("x-goog-api-key", "{}"),
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse&key={}",
            ("", ""),
        ),
    ],
    "vertex": [
        (
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/g",
            BEARER,
        ),
        (
            "https://aiplatform.googleapis.com/v1/publishers/google/models/g:generateContent?key={}",
            ("", ""),
        ),
        ("https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu", BEARER),
        ("https://discoveryengine.googleapis.com/v1/projects/p/rankingConfigs/d:rank", BEARER),
    ],
    "bedrock": [
        ("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", SIGV4),
        ("https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/responses", BEARER),
        ("https://bedrock.eu-west-1.amazonaws.com/foundation-models", SIGV4),
        ("https://bedrock-agent-runtime.us-east-1.amazonaws.com/knowledgebases/k/retrieve", SIGV4),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/m/invoke", SIGV4),
        ("https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions", BEARER),
        ("https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com/model/m/invoke", SIGV4),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/m/invoke", SIGV4),
    ],
    "aws": [
        ("https://bedrock-data.s3.us-east-1.amazonaws.com/a", SIGV4),
        ("https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/e/invocations", SIGV4),
        (
            "https://b.s3.amazonaws.com/a?X-Amz-Credential={}%2F20260101%2Fus-east-1&X-Amz-Signature=a",
            ("", ""),
        ),
    ],
    "mistral": [("https://api.mistral.ai/v1/chat/completions", BEARER)],
    "cohere": [
        ("https://api.cohere.com/v2/chat", BEARER),
        ("https://api.cohere.ai/v1/rerank", BEARER),
    ],
    "groq": [("https://api.groq.com/openai/v1/chat/completions", BEARER)],
    "xai": [
        ("https://api.x.ai/v1/chat/completions", BEARER),
        ("https://us-east-1.api.x.ai/v1/responses", BEARER),
    ],
    "voyage": [("https://api.voyageai.com/v1/embeddings", BEARER)],
    "perplexity": [("https://api.perplexity.ai/chat/completions", BEARER)],
    "huggingface": [
        ("https://router.huggingface.co/v1/chat/completions", BEARER),
        ("https://api-inference.huggingface.co/models/m", BEARER),
        ("https://x1.us-east-1.aws.endpoints.huggingface.cloud/v1/chat/completions", BEARER),
    ],
    "openrouter": [("https://openrouter.ai/api/v1/chat/completions", BEARER)],
    "deepseek": [("https://api.deepseek.com/chat/completions", BEARER)],
    "together": [("https://api.together.xyz/v1/chat/completions", BEARER)],
    "fireworks": [("https://api.fireworks.ai/inference/v1/chat/completions", BEARER)],
    "replicate": [
        ("https://api.replicate.com/v1/predictions", BEARER),
        ("https://api.replicate.com/v1/predictions", ("Authorization", "Token {}")),
    ],
    "ai21": [("https://api.ai21.com/studio/v1/chat/completions", BEARER)],
    "cerebras": [("https://api.cerebras.ai/v1/chat/completions", BEARER)],
    "sambanova": [("https://api.sambanova.ai/v1/chat/completions", BEARER)],
    "deepinfra": [("https://api.deepinfra.com/v1/openai/chat/completions", BEARER)],
    "nvidia": [("https://integrate.api.nvidia.com/v1/chat/completions", BEARER)],
    "moonshot": [("https://api.moonshot.ai/v1/chat/completions", BEARER)],
    "dashscope": [
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions", BEARER)
    ],
    "zhipu": [("https://api.z.ai/api/paas/v4/chat/completions", BEARER)],
    "minimax": [("https://api.minimax.io/v1/text/chatcompletion_v2", BEARER)],
    "volcengine": [("https://ark.cn-beijing.volces.com/api/v3/chat/completions", BEARER)],
    "github-models": [
        ("https://models.github.ai/inference/chat/completions", BEARER),
        ("https://api.individual.githubcopilot.com/chat/completions", BEARER),
    ],
    "databricks": [
        ("https://adb-1.4.azuredatabricks.net/serving-endpoints/e/invocations", BEARER),
        ("https://dbc-1.cloud.databricks.com/serving-endpoints/e/invocations", BEARER),
        ("https://1.2.gcp.databricks.com/serving-endpoints/e/invocations", BEARER),
    ],
    "snowflake": [("https://acct.snowflakecomputing.com/api/v2/cortex/inference:complete", BEARER)],
    "watsonx": [("https://us-south.ml.cloud.ibm.com/ml/v1/text/chat?version=2024-01-01", BEARER)],
    "cloudflare": [
        ("https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/m", BEARER),
        ("https://gateway.ai.cloudflare.com/v1/a/g/openai", ("cf-aig-authorization", "Bearer {}")),
    ],
    "elevenlabs": [("https://api.elevenlabs.io/v1/text-to-speech/v", ("xi-api-key", "{}"))],
    "deepgram": [
        ("https://api.deepgram.com/v1/listen?model=nova-3", ("Authorization", "Token {}"))
    ],
    "assemblyai": [("https://api.assemblyai.com/v2/transcript", ("authorization", "{}"))],
    "stability": [("https://api.stability.ai/v2beta/stable-image/generate/core", BEARER)],
    "black-forest-labs": [
        ("https://api.bfl.ai/v1/flux-pro-1.1", ("x-key", "{}")),
        ("https://api.eu.bfl.ai/v1/get_result?id=1", ("x-key", "{}")),
    ],
    "fal": [("https://queue.fal.run/fal-ai/flux/dev", ("Authorization", "Key {}"))],
    "jina": [("https://api.jina.ai/v1/embeddings", BEARER)],
    "nomic": [("https://api-atlas.nomic.ai/v1/embedding/text", BEARER)],
    "unstructured": [
        (
            "https://api.unstructuredapp.io/general/v0/general",
            ("unstructured-api-key", "{}"),
        )
    ],
    "tavily": [("https://api.tavily.com/search", BEARER)],
    "exa": [("https://api.exa.ai/search", ("x-api-key", "{}"))],
    "firecrawl": [("https://api.firecrawl.dev/v1/scrape", BEARER)],
    "serper": [("https://google.serper.dev/search", ("X-API-KEY", "{}"))],
    "serply": [("https://api.serply.io/v1/search/q=x", ("X-Api-Key", "{}"))],
    "searchapi": [
        ("https://www.searchapi.io/api/v1/search?engine=google&q=x&api_key={}", ("", "")),
        ("https://www.searchapi.io/api/v1/search?engine=google&q=x", BEARER),
    ],
    "serpapi": [("https://serpapi.com/search.json?q=x&api_key={}", ("", ""))],
    "brave": [
        ("https://api.search.brave.com/res/v1/web/search?q=x", ("X-Subscription-Token", "{}"))
    ],
}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_real_request_is_known_and_its_credential_found(provider):
    assert provider.name in REAL, "every preset needs a real request here"
    for url, (name, value) in REAL[provider.name]:

        def make(key: str, url=url, name=name, value=value) -> Request:
            lines = ((name, value.format(key)),) if name else ()
            return Request(method="POST", url=url.format(key), headers=Headers(lines))

        assert provider_of(read_url(url).host) is provider, url
        good, bad = principal(make("key-good-1234")), principal(make("key-bad-5678"))
        assert good is not None, url
        assert good.identity == "key-good-1234", url
        assert good != bad, url


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_listed_name_carries_a_credential(provider):
    host = next(iter(provider.hosts)).replace("*", "x")
    for name in provider.credential_headers:
        if name == "x-amz-security-token":  # goes with a signature
            continue
        line = Headers(((name.title(), "Bearer key-1234567890123"),))
        found = principal(Request(method="GET", url=f"https://{host}/", headers=line))
        assert found == Principal("key", "key-1234567890123"), name
    for name in provider.credential_query:
        assert principal(Request(method="GET", url=f"https://{host}/?{name}=key-1234567890123")), (
            name
        )


@pytest.mark.parametrize("name", COMMON.credential_headers)
def test_common_headers_carry_credentials_on_any_host(name):
    line = Headers(((name, "key-1234567890123"),))

    assert principal(Request(method="GET", url="https://api.example.com/", headers=line))


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_host_that_only_looks_like_it_is_not_the_provider(provider):
    for host in provider.hosts:
        real = host.replace("*", "x")
        assert provider_of(real) is not None
        for evil in (
            f"{real}.example.com",
            f"evil-{real.removeprefix('x.').removeprefix('x-')}.example.com",
            f"{real}x",
            real.replace(".", "-"),
            f"example.com.{real.split('.')[0]}",
        ):
            assert provider_of(evil) is None, evil
    if not any("*" in host for host in provider.hosts):
        assert provider_of(f"evil-{provider.hosts[0]}") is None


def test_names_and_hosts_are_told_apart():
    names = [provider.name for provider in PROVIDERS]
    hosts = [host for provider in PROVIDERS for host in provider.hosts]

    assert len(set(names)) == len(names)
    assert len(set(hosts)) == len(hosts)
    for provider in PROVIDERS:
        lists = (provider.hosts, provider.credential_headers, provider.credential_query)
        assert all(name == name.lower() for names in lists for name in names)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "openai",
            "azure-openai",
            "anthropic",
            "gemini",
            "vertex",
            "bedrock",
            "mistral",
            "cohere",
        ),
        *("groq", "xai", "voyage", "perplexity", "huggingface", "openrouter", "deepseek"),
    ],
)
def test_the_well_known_are_there(name):
    assert any(provider.name == name for provider in PROVIDERS)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com.", "openai"),  # fully qualified
        ("", None),
        ("localhost", None),
        ("openai.com", None),
        ("api.openai.com.example.com", None),
        ("evil-api.openai.com.example.com", None),
        ("amazonaws.com", None),
        ("storage.googleapis.com", None),
    ],
)
def test_a_host_has_at_most_one_provider(host, name):
    found = provider_of(host)

    assert (found.name if found else None) == name


@pytest.mark.parametrize("provider", [COMMON, *PROVIDERS], ids=lambda provider: provider.name)
def test_every_listed_credential_is_redacted(provider):
    for name in provider.credential_headers:
        sent = Request(
            method="GET", url="https://h/", headers=Headers(((name, "Bearer key-1234567890123"),))
        )
        assert "key-1234567890123" not in str(Redactor().request(sent).headers), name
    for name in provider.credential_query:
        sent = Request(method="GET", url=f"https://h/?{name}=key-1234567890123")
        assert "key-1234567890123" not in Redactor().request(sent).url, name


def test_redaction_keeps_the_principal():
    line = ("authorization", "Bearer key-1234567890123")
    sent = Request(method="GET", url="https://h/", headers=Headers((line,)), principal=3)

    assert Redactor().request(sent).principal == 3
