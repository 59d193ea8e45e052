#!/usr/bin/env python3
"""Makes golden logits of a llama-architecture GGUF with an independent implementation.

    pip install gguf numpy tokenizers
    python make_golden.py MODEL.gguf > smollm2-135m-instruct-q4_1.json

The weights are dequantised by the `gguf` package and the forward pass is plain numpy in f32 without a KV cache, so it
shares no code and no approximation with the engine. The tokenizer is Hugging Face `tokenizers` built from the GGUF.
"""
import hashlib
import json
import sys

import numpy as np
from gguf import GGUFReader, dequantize
from tokenizers import Tokenizer, models, pre_tokenizers

PROMPTS = [
    ("plain", "The capital of France is", 16),
    ("code", "def fibonacci(n):\n    if n < 2:\n        return n\n    return", 16),
    (
        "chat",
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nName three colours of the rainbow.<|im_end|>\n<|im_start|>assistant\n",
        16,
    ),
]
SAMPLE_STRIDE = 193


def main(path):
    reader = GGUFReader(path)
    meta = reader.fields

    def get(key):
        return meta["llama." + key].contents()

    layers, heads, kv_heads = get("block_count"), get("attention.head_count"), get("attention.head_count_kv")
    hidden, base, eps = get("embedding_length"), get("rope.freq_base"), get("attention.layer_norm_rms_epsilon")
    head_dim = hidden // heads
    w = {t.name: dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}
    head = w.get("output.weight", w["token_embd.weight"])

    def norm(x, g):
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * g

    def rope(x):  # [positions, heads, head_dim], adjacent pairs (the llama order of GGUF)
        pos = np.arange(x.shape[0], dtype=np.float64)[:, None]
        freq = base ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
        cos, sin = np.cos(pos * freq)[:, None, :], np.sin(pos * freq)[:, None, :]
        out = np.empty_like(x)
        a, b = x[..., 0::2], x[..., 1::2]
        out[..., 0::2], out[..., 1::2] = a * cos - b * sin, a * sin + b * cos
        return out.astype(np.float32)

    def forward(tokens):
        n = len(tokens)
        x = w["token_embd.weight"][tokens]
        mask = np.triu(np.full((n, n), -np.inf, dtype=np.float32), 1)
        for i in range(layers):
            p = f"blk.{i}."
            h = norm(x, w[p + "attn_norm.weight"])
            q = rope((h @ w[p + "attn_q.weight"].T).reshape(n, heads, head_dim))
            k = rope((h @ w[p + "attn_k.weight"].T).reshape(n, kv_heads, head_dim))
            v = (h @ w[p + "attn_v.weight"].T).reshape(n, kv_heads, head_dim)
            k, v = (np.repeat(t, heads // kv_heads, axis=1) for t in (k, v))
            s = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(head_dim) + mask
            s = np.exp(s - s.max(-1, keepdims=True))
            s /= s.sum(-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", s, v).reshape(n, -1) @ w[p + "attn_output.weight"].T
            h = norm(x, w[p + "ffn_norm.weight"])
            g = h @ w[p + "ffn_gate.weight"].T
            x = x + (g / (1 + np.exp(-g)) * (h @ w[p + "ffn_up.weight"].T)) @ w[p + "ffn_down.weight"].T
        return norm(x[-1], w["output_norm.weight"]) @ head.T

    tokens = meta["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in meta["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    kinds = meta["tokenizer.ggml.token_type"].contents()
    tokenizer.add_special_tokens([t for t, k in zip(tokens, kinds) if k == 3])

    cases = []
    for name, text, count in PROMPTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        logits = forward(ids)
        top = np.argsort(-logits, kind="stable")[:32]
        greedy, margins, step = [], [], logits
        for _ in range(count):
            best = np.sort(step)[-2:]
            margins.append(round(float(best[1] - best[0]), 4))
            greedy.append(int(np.argmax(step)))
            step = forward(ids + greedy)
        cases.append({
            "name": name, "text": text, "tokens": ids,
            "top": [{"token": int(t), "logit": round(float(logits[t]), 4)} for t in top],
            "sample_stride": SAMPLE_STRIDE,
            "sample_logits": [round(float(v), 4) for v in logits[::SAMPLE_STRIDE]],
            "greedy": greedy, "greedy_margins": margins,
        })
    digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
    print(json.dumps({"model_sha256": digest, "cases": cases}, indent=1))


main(sys.argv[1])
