"""Makes tiny.json: logits of tiny f32 models of every architecture, computed by llama.cpp.

    mkdir tiny && E2LLM_TINY_MODELS=$PWD/tiny ./scripts/test TinyGoldenTests
    pip install llama-cpp-python && python3 make_tiny_golden.py tiny > tiny.json

Made with llama-cpp-python 0.3.36.
"""
import json
import pathlib
import random
import sys

import llama_cpp as l

LENGTHS = [1, 30, 31, 70]


def logits(path, tokens):
    model = l.llama_model_load_from_file(str(path).encode(), l.llama_model_default_params())
    count = l.llama_vocab_n_tokens(l.llama_model_get_vocab(model))
    parameters = l.llama_context_default_params()
    parameters.n_ctx, parameters.n_batch, parameters.n_ubatch, parameters.n_threads = 512, 512, 512, 1
    parameters.swa_full = True
    context = l.llama_init_from_model(model, parameters)
    batch = l.llama_batch_init(512, 0, 1)
    batch.n_tokens = len(tokens)
    for index, token in enumerate(tokens):
        batch.token[index], batch.pos[index], batch.logits[index] = token, index, True
        batch.n_seq_id[index], batch.seq_id[index][0] = 1, 0
    assert l.llama_decode(context, batch) == 0
    rows = [l.llama_get_logits_ith(context, length - 1) for length in LENGTHS]
    return count, [[float(f"{row[i]:.6g}") for i in range(count)] for row in rows]


def main():
    result = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.gguf")):
        tokens = [random.Random(index).randrange(3, 250) for index in range(max(LENGTHS))]
        count, rows = logits(path, tokens)
        result[path.stem] = {"tokens": tokens, "lengths": LENGTHS, "logits": rows}
    print(json.dumps(result))


main()
