"""Keys, and ordinary texts in which nothing must be redacted."""

from __future__ import annotations

import base64
import random
import string
import uuid

KEY = "sk-proj-a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuV"
OTHER = "sk-proj-Z9y8X7w6V5u4T3s2R1q0PoNmLkJiHgFe"


def _some(size: int, alphabet: str, seed: int) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=size))


HEX, WORD = "0123456789abcdef", string.ascii_letters + string.digits

ORDINARY = [
    *(
        "Explain the risk-adjusted return of a portfolio. Use sk-learn-2024 or scikit-learn.",
        "The CSS class sk-toggleable__control and #sk-container-id-12 div.sk-estimator",
        "Write a task-list-of-things-to-do-by-2025-12-31 and a desk-lamp-with-3-bulbs",
        "Use Bearer YOUR_API_KEY_GOES_HERE in the header; Authorization: Bearer <token>",
        "export OPENAI_API_KEY=sk-... and ANTHROPIC_API_KEY=sk-ant-xxxx",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is a placeholder, so is sk-your-api-key-here-please",
        "github_pat_ and ghp_ are prefixes, hf_hub_download is a function",
        "hf_transformers_model_name_or_path, gsk_ and r8_something_long_in_words",
        "npm_config_registry=https://registry.npmjs.org npm_package_json",
        "postgres://user:pass@localhost:5432/db and https://example.com:8443/path?x=1",
        "postgres://${DB_USER}:${DB_PASSWORD}@db/x",
        "mailto://someone@example.com and ssh://git@github.com:22/x.git",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
        "AKIA is how access keys begin, ASIA is a continent; ASIAN markets fell",
        "AIzaSy is how Google's begin. eyJ is how tokens begin: eyJhbGciOi",
        "SG.UNITED STATES and SG.1.2.3; ya29.is short",
        "version 1.2.3-alpha.4+build.20240101, python-3.11.7-linux-x86_64.tar.gz",
        "xai-grok-4-fast-reasoning-latest and xai-explainable-ai-methods-in-2024",
        "my password is hunter2 and the secret is out; the token is spent",
        "ask-ing, risk-free, whisk-ey, disk-usage-of-12345-files",
    ),
    *(
        f"{prefix}{_some(24, WORD, n)}"
        for n, prefix in enumerate(
            (
                "chatcmpl-",
                "req_",
                "msg_",
                "msg_01",
                "toolu_01",
                "toolu_",
                "call_",
                "resp_",
                "run_",
                "thread_",
                "asst_",
                "file-",
                "batch_",
                "item_",
                "fc_",
                "rs_",
                "step_",
                "vs_",
                "fp_",
                "ft-",
                "cmpl-",
                "modr-",
                "org-",
                "proj_",
                "user-",
                "evt_",
                "cus_",
                "pi_",
                "sub_",
                "prod_",
                "price_",
                "in_",
                "pk_live_",
                "pk_test_",
                "acct_",
                "tok_",
                "session_",
                "trace-",
                "span-",
                "gen-",
                "srvtoolu_",
                "container_",
            )
        )
    ),
    *(str(uuid.UUID(int=random.Random(n).getrandbits(128), version=4)) for n in range(20)),
    *(
        _some(size, HEX, n)
        for n, size in enumerate((7, 12, 16, 24, 32, 40, 40, 56, 64, 64, 96, 128))
    ),
    *(
        f"{name}:{_some(64, HEX, n)}"
        for n, name in enumerate(("sha256", "sha512", "md5", "etag", "digest"))
    ),
    *(f"sha256-{base64.b64encode(random.Random(n).randbytes(32)).decode()}" for n in range(10)),
    *(
        f"data:image/png;base64,{base64.b64encode(random.Random(n).randbytes(3000)).decode()}"
        for n in range(15)
    ),
    *(base64.urlsafe_b64encode(random.Random(n).randbytes(2000)).decode() for n in range(15)),
    *(str(random.Random(n).randrange(10**size)) for n, size in enumerate(range(3, 28))),
    *(f"{random.Random(n).random() * 10**n}" for n in range(10)),
    *(f"2026-11-{n:02}T{n:02}:05:06.789Z" for n in range(1, 15)),
    *(
        f"https://example.com/v1/files/file-{_some(22, WORD, n)}?after={_some(12, HEX, n)}"
        for n in range(10)
    ),
    *(
        "gpt-4o-mini-2024-07-18 claude-3-5-sonnet-20241022 gemini-2.5-flash-preview-05-20",
        "anthropic.claude-3-haiku-20240307-v1:0 text-embedding-3-large",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4",
        "gs://bucket/path/to/some-object-0001.json s3://bucket/key-with-many-parts/0001",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "def get_api_key(self): return os.environ['OPENAI_API_KEY']",
        "SELECT * FROM users WHERE token = ? AND password_hash = ?",
        "Traceback (most recent call last): File x.py, line 3, in <module> KeyError: 'secret'",
        "The quick brown fox jumps over the lazy dog. " * 20,
        "日本語のプロンプト、絵文字 🎉 и кириллица",
    ),
    *(
        "pa-20240115-governor-announces-a-new-budget-proposal-for-schools and pa-Arab-PK",
        "fw_updateConfigurationForDeviceManager fw_version_2_upgrade_in_progress fw_[A-Za-z0-9]{20,}",
        "sk_learn_cross_val_score sk_0123 key-value-stores key-1 key-deadbeef keyboard-layouts",
        "SKU1234567890 SKILL SK is Slovakia, SK8 SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "lin_api_version_number_of_this_module lin_oauth_redirect_uri ntn_configuration_of_the_server",
        "secret_santa_gift_exchange_list_for_the_whole_team_in_2024 secret_manager.get_secret(name)",
        "figd_token_is_the_prefix hvs.CAES is how tokens of Vault begin, hvb. too",
        "s.removesuffix s.abcdefghijklmnopqrstuvwx s.someAttributeWithALongName.andMore(1)",
        "AGE-SECRET-KEY-1 begins a key of age; -----BEGIN AGE ENCRYPTED FILE-----",
        "at 12:34:56 of 1700000000:Answer, ratio 123456:AbstractFactoryBeanOfTheApplicationContext",
        "https://discord.com/api/webhooks/ID/TOKEN and https://discord.com/api/v10/channels/123456789",
        "https://hooks.example.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "https://api.telegram.org/bot<token>/getMe and /bot/123456/status and robot:Automatic",
        "a URL that has X-Amz-Signature=<signature>, sig=..., &sig={sig} or ?Signature=short",
        "AccountKey=<your key>;AccountName=x Server=db;Database=app;User Id=sa;Password=${DB_PASSWORD}",
        "Password: ask Bob. The password=... of the form; pin: the map; PIN=4 digits",
        "Token of appreciation, Token 12345, Authorization: Token <40 hex digits>",
        "the jsessionid=... of a cookie; /a;v=1/b;jsession=2",
        "grant_type is authorization_code, the code is 42, Type is SecureString, Value: high",
        'mutation { rename(name: "password", token: "short") { id } } query { token(id: 1) { key } }',
        "key: reports/2024/summary.json, token: hello-world-again, secret: of-the-golden-flower",
        "Key=Value; Sort-Key=abcdefghijkl; Cache-Key=/v1/models/list/of/all",
    ),
]
