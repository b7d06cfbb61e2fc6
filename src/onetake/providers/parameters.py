"""Which fields a provider reads, and which only keep books: where a number that moved means something.

Names of parameters in the public references of OpenAI, Anthropic, Gemini, Bedrock, Cohere, Mistral and
the image and speech APIs, in lower case.
"""

from __future__ import annotations

from onetake.wire.late import late_pattern

PARAMETERS = frozenset(
    {
        *(
            "model",
            "model_id",
            "modelid",
            "deployment",
            "deployment_id",
            "engine",
            "voice",
            "dataset",
        ),
        *("n", "k", "p", "seed", "temperature", "top_k", "topk", "top_p", "topp", "min_p", "top_n"),
        *("max_tokens", "maxtokens", "max_completion_tokens", "max_output_tokens", "min_tokens"),
        *("maxoutputtokens", "max_tokens_to_sample", "max_new_tokens", "max_length", "num_predict"),
        *("budget_tokens", "thinkingbudget", "max_tool_calls", "max_iterations", "max_results"),
        *("presence_penalty", "frequency_penalty", "presencepenalty", "frequencypenalty"),
        *("repetition_penalty", "best_of", "logprobs", "top_logprobs", "candidatecount", "num_ctx"),
        *("dimensions", "outputdimensionality", "output_dimension", "num_results", "limit"),
        *("offset", "page", "page_size", "pagesize", "per_page", "start", "end", "version"),
        *("width", "height", "size", "steps", "cfg_scale", "guidance_scale", "strength", "samples"),
        *("duration", "speed", "sample_rate", "sample_rate_hertz", "seconds", "n_epochs", "fps"),
        *("batch_size", "numberofimages", "samplecount", "threshold", "alpha", "beta"),
    }
)
"""Fields that set what is answered: a value that changed is another request, however little it moved."""

_BOOKS = frozenset(
    {
        *("run", "runs", "attempt", "attempts", "counter", "seq", "sequence", "iteration", "iter"),
        *(
            "try",
            "retry",
            "retries",
            "build",
            "serial",
            "nonce",
            "revision",
            "trial",
            "tick",
            "pid",
        ),
        *("invocation", "increment", "epoch", "timestamp", "ts"),
    }
)
_BOOKKEEPERS = frozenset(
    {"metadata", "meta", "trace", "tracing", "tags", "labels", "context", "debug"}
)
_WORD = late_pattern(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_NAME = late_pattern(r"[\w-]+")


def is_parameter(path: str) -> bool:
    """Whether the last name in `path` is one of `PARAMETERS`."""
    names = _NAME.findall(path)
    return bool(names) and names[-1].lower() in PARAMETERS


def is_bookkeeping(path: str) -> bool:
    """Whether `path` names something that counts or traces runs (`body.run_no`, `body.metadata.n`)."""
    names = _NAME.findall(path)
    if names[:1] == ["part"] and names[2:] == ["content"]:
        del names[2]
    if not names or is_parameter(path):
        return False
    words = {word.lower() for word in _WORD.findall(names[-1])}
    return bool(words & _BOOKS) or bool({name.lower() for name in names[1:-1]} & _BOOKKEEPERS)
