#!/usr/bin/env python3
"""Makes the golden files of the SentencePiece tokenizer.

    pip install sentencepiece protobuf llama-cpp-python
    python make_sentencepiece.py train > sentencepiece.json
    python make_sentencepiece.py encode gemma-3-270m-Q4_K_M.gguf > gemma3.json

`train` trains a vocabulary of 700 tokens on words made up by this script and encodes seeded texts with SentencePiece, with
and without the space before a text, and, where special tokens are parsed, with llama.cpp. `encode` encodes texts with
llama.cpp and the vocabulary of a model file. Texts with `</s>` are left out there: llama.cpp takes Gemma's end of
struck-out text for the end of the answer.
"""
import io
import json
import random
import struct
import sys
import tempfile

WORDS = (
    "the of and to in is that for it as was with be by on not he I this are or from at which but have an had they you "
    "def return class import function const while struct void Größe naïve façade über été garçon español mañana "
    "привет мир Москва данные είναι και Ελλάδα שלום עולם مرحبا العالم नमस्ते दुनिया สวัสดี 你好 世界 模型 こんにちは 日本語 "
    "한국어 안녕하세요 tiếng Việt İstanbul żółć 123 4567 3.14159 2024-05-17 1,000,000 0x7fff a@example.com"
).split()
CODE = [
    "for (int i = 0; i < n; ++i) {\n    sum += a[i];\n}\n", "def f(x):\n\treturn x ** 2\n\n\nclass A:\n    pass\n",
    '{"a": [1, 2.5, null, true], "b": {"c": "d\\n"}}', "<html><h1>Hi</h1><b>x</b></html>", "#include <a.h>\r\n",
]
SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff", "\v", "\x85"]
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧", "🇩🇪", "❤️", "1️⃣", "🤖"]
CONTROL = [chr(code) for code in range(1, 32)] + ["\x7f", "\x9f", "\u00ad", "\u202e", "\ufffd", "\U0010ffff", "\u0301"]
SPECIAL = ["<s>", "<unk>", "<|user|>", "<|end|>", "<tool>", "[T]", "<0x41>", "<", "s>", "<|us", "▁", "▁▁", "▁the"]
GEMMA = ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<unused7>", "<start_of_image>", "<b>", "<h1>", "<unk"]
RANGES = [
    (0x21, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x64A), (0x900, 0x97F),
    (0xE00, 0xE5B), (0x2000, 0x206F), (0x2190, 0x23FF), (0x2580, 0x259F), (0x3040, 0x30FF), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0xE000, 0xF8FF), (0x10000, 0x1007F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F6FF), (0x20000, 0x2A6DF),
]


def part(source, kind, special):
    match kind:
        case 0:
            return source.choice(WORDS) + source.choice([" ", " ", " ", ", ", ". ", "\n"])
        case 1:
            low, high = source.choice(RANGES)
            letters = [chr(source.randint(low, high)) for _ in range(source.randint(1, 6))]
            return "".join(letters) + source.choice(SPACES + [""] * 8)
        case 2:
            return source.choice(CODE)
        case 3:
            return source.choice(EMOJI) + source.choice(["", " ", "a"])
        case 4:
            return source.choice(SPACES) * source.choice([1, 1, 2, 3, 16, 31, 32])
        case 5:
            return source.choice(CONTROL + ["x", " "])
        case _:
            return source.choice(special) if source.random() < 0.6 else source.choice(WORDS) * source.choice([1, 9])


def texts(count, seed, special=SPECIAL):
    source = random.Random(seed)
    yield from ["", " ", "a", " a", "a ", "  a  b  ", "Hello world", "\n", "\t", "▁", "a" * 300, " " * 70, "\n" * 70]
    for _ in range(count):
        kind = source.randrange(11)
        parts = source.choice([1, 2, 3, 5, 8])
        yield "".join(part(source, min(kind, 6) if kind < 9 else source.randrange(7), special) for _ in range(parts))


def trained():
    """A SentencePiece model, as a protocol buffer."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    source = random.Random(1)
    lines = ["".join(part(source, source.choice([0, 0, 0, 2]), SPECIAL) for _ in range(8)) for _ in range(4000)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="bpe", vocab_size=700, byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
        control_symbols=["<|user|>", "<|end|>"], user_defined_symbols=["<tool>", "[T]"], num_threads=1,
        minloglevel=2)
    result = sentencepiece_model_pb2.ModelProto()
    result.ParseFromString(model.getvalue())
    return result


def processor(model, dummy_prefix):
    import sentencepiece

    model.normalizer_spec.add_dummy_prefix = dummy_prefix
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def gguf(model, space_prefix):
    """A GGUF file with the vocabulary of a model only."""
    def string(text):
        data = text.encode()
        return struct.pack("<Q", len(data)) + data

    def array(kind, form, values):
        return struct.pack("<IIQ", 9, kind, len(values)) + b"".join(struct.pack(form, value) for value in values)

    pieces = model.pieces
    values = {
        "general.architecture": struct.pack("<I", 8) + string("llama"),
        "tokenizer.ggml.model": struct.pack("<I", 8) + string("llama"),
        "tokenizer.ggml.tokens": struct.pack("<IIQ", 9, 8, len(pieces)) + b"".join(string(p.piece) for p in pieces),
        "tokenizer.ggml.scores": array(6, "<f", [p.score for p in pieces]),
        "tokenizer.ggml.token_type": array(5, "<i", [p.type for p in pieces]),
        "tokenizer.ggml.add_space_prefix": struct.pack("<I?", 7, space_prefix),
    }
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(values)) + b"".join(string(k) + v for k, v in values.items())


class Llama:
    """The tokenizer of llama.cpp for a file."""

    def __init__(self, path):
        import llama_cpp

        self.api = llama_cpp
        silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(silent, None)
        self.silent = silent
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.model = llama_cpp.llama_load_model_from_file(path.encode(), parameters)
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)

    def encode(self, text, special):
        data = text.encode()
        room = (self.api.llama_token * (len(data) + 16))()
        count = self.api.llama_tokenize(self.vocabulary, data, len(data), room, len(room), False, special)
        return room[:count]


def train():
    model = trained()
    with_prefix, bare = processor(model, True), processor(model, False)
    with tempfile.NamedTemporaryFile(suffix=".gguf") as file:
        file.write(gguf(model, True))
        file.flush()
        llama = Llama(file.name)
        plain = list(texts(260, 2, ["▁", "▁▁", "<", "s>", "<0x41>"]))
        cases = [{"text": text, "ids": with_prefix.encode(text), "bare": bare.encode(text)} for text in plain]
        special = [text for text in texts(200, 3) if any(name in text for name in SPECIAL[:6])]
        parsed = [{"text": text, "ids": llama.encode(text, True)} for text in special]
    json.dump({
        "source": "PyPI sentencepiece 0.2.3 (trained by make_sentencepiece.py); parsed: llama.cpp (llama-cpp-python 0.3.36)",
        "tokens": [piece.piece for piece in model.pieces], "scores": [piece.score for piece in model.pieces],
        "types": [piece.type for piece in model.pieces], "cases": cases, "parsed": parsed,
    }, sys.stdout, ensure_ascii=False, separators=(",", ":"))


def encode(path):
    llama = Llama(path)
    chosen = [text for text in texts(60, 4, SPECIAL + GEMMA) if "</s>" not in text]
    cases = [{"text": text, "ids": llama.encode(text, True), "plain": llama.encode(text, False)} for text in chosen]
    json.dump({
        "source": "llama.cpp (llama-cpp-python 0.3.36) over the vocabulary of Gemma-3-270M", "cases": cases,
    }, sys.stdout, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    train() if sys.argv[1] == "train" else encode(sys.argv[2])
