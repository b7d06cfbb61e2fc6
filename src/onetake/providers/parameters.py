"""Numbers that a provider reads: one that changed is another request, however little it moved.

Names of parameters in the public references of OpenAI, Anthropic, Gemini, Bedrock, Cohere, Mistral and
the image and speech APIs, in lower case.
"""

from __future__ import annotations

PARAMETERS = frozenset(
    {
        *("n", "k", "p", "seed", "temperature", "top_k", "topk", "top_p", "topp", "min_p", "top_n"),
        *("max_tokens", "maxtokens", "max_completion_tokens", "max_output_tokens", "min_tokens"),
        *("maxoutputtokens", "max_tokens_to_sample", "max_new_tokens", "max_length", "num_predict"),
        *("budget_tokens", "thinkingbudget", "max_tool_calls", "max_iterations", "max_results"),
        *("presence_penalty", "frequency_penalty", "presencepenalty", "frequencypenalty"),
        *("repetition_penalty", "best_of", "logprobs", "top_logprobs", "candidatecount", "num_ctx"),
        *(
            "dimensions",
            "outputdimensionality",
            "output_dimension",
            "num_results",
            "limit",
            "offset",
        ),
        *("page", "page_size", "pagesize", "per_page", "count", "start", "end", "index", "version"),
        *("width", "height", "steps", "cfg_scale", "guidance_scale", "strength", "samples", "fps"),
        *(
            "duration",
            "speed",
            "sample_rate",
            "sample_rate_hertz",
            "seconds",
            "n_epochs",
            "batch_size",
        ),
        *("numberofimages", "samplecount", "threshold", "alpha", "beta"),
    }
)
