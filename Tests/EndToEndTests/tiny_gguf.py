"""Writes a tiny random model of the Qwen2 architecture as a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""
import random
import struct

HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, LAYERS, CONTEXT = 64, 4, 2, 16, 96, 6, 1024
CHAT = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def byte_alphabet():
    """The characters that stand for the 256 bytes in GPT-2 vocabularies."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + others.index(b)) for b in range(256)]


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, data):
    return text(key) + struct.pack("<I", kind) + data


def array(kind, items):
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def write_qwen2(path):
    source = random.Random(7)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *byte_alphabet()]
    types = [3, 3, 3] + [1] * 256
    u32 = {
        "qwen2.block_count": LAYERS, "qwen2.context_length": CONTEXT, "qwen2.embedding_length": HIDDEN,
        "qwen2.feed_forward_length": FFN, "qwen2.attention.head_count": HEADS,
        "qwen2.attention.head_count_kv": KV_HEADS, "tokenizer.ggml.eos_token_id": 2,
    }
    metadata = [
        entry("general.architecture", 8, text("qwen2")), entry("general.name", 8, text("tiny-qwen2")),
        *[entry(key, 4, struct.pack("<I", value)) for key, value in u32.items()],
        entry("qwen2.attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-6)),
        entry("qwen2.rope.freq_base", 6, struct.pack("<f", 1e6)),
        entry("tokenizer.ggml.model", 8, text("gpt2")), entry("tokenizer.ggml.pre", 8, text("qwen2")),
        entry("tokenizer.ggml.tokens", 9, array(8, [text(t) for t in tokens])),
        entry("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", t) for t in types])),
        entry("tokenizer.ggml.merges", 9, array(8, [])),
        entry("tokenizer.chat_template", 8, text(CHAT)),
    ]
    query, kv = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    shapes = [("token_embd.weight", (HIDDEN, len(tokens))), ("output_norm.weight", (HIDDEN,))]
    for layer in range(LAYERS):
        shapes += [(f"blk.{layer}.{name}", shape) for name, shape in [
            ("attn_norm.weight", (HIDDEN,)), ("attn_q.weight", (HIDDEN, query)), ("attn_k.weight", (HIDDEN, kv)),
            ("attn_v.weight", (HIDDEN, kv)), ("attn_q.bias", (query,)), ("attn_k.bias", (kv,)),
            ("attn_v.bias", (kv,)), ("attn_output.weight", (query, HIDDEN)), ("ffn_norm.weight", (HIDDEN,)),
            ("ffn_gate.weight", (HIDDEN, FFN)), ("ffn_up.weight", (HIDDEN, FFN)), ("ffn_down.weight", (FFN, HIDDEN)),
        ]]
    headers, data = [], b""
    for name, shape in shapes:
        count = 1
        for size in shape:
            count *= size
        gain = 2 / shape[0] ** 0.5 if len(shape) == 2 else 0.2
        center = 1 if name.endswith("norm.weight") else 0
        headers.append(
            text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
            + struct.pack("<IQ", 0, len(data)))
        values = [center + source.uniform(-1, 1) * gain * (2 if len(shape) == 2 else 1) for _ in range(count)]
        data += struct.pack(f"<{count}f", *values)
        data += bytes(-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(metadata)) + b"".join(metadata) + b"".join(headers)
    path.write_bytes(head + bytes(-len(head) % 32) + data)
