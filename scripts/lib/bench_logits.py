"""Reads the files that `e2llm perplexity --logits` writes (their header: ScoredLogitsLayout) and compares them."""
import math
import struct

import numpy


class Logits:
    """One file; rows stay in the file until they are asked for."""

    def __init__(self, path):
        with open(path, "rb") as file:
            magic, version, self.vocabulary, self.context, chunks, self.first, self.rows = struct.unpack(
                "<8s6I", file.read(32))
            if magic != b"E2LOGITS" or version != 1:
                raise ValueError(f"{path} is not a file of logits")
            tokens = file.read(chunks * self.context * 4)
        self.header = struct.pack(
            "<8s6I", magic, version, self.vocabulary, self.context, chunks, self.first, self.rows) + tokens
        self.tokens = numpy.frombuffer(tokens, "<i4").reshape(chunks, self.context)
        self.path = path

    def all_rows(self):
        """(next token, logits in f64) of every scored position."""
        values = numpy.memmap(
            self.path, "<f4", "r", offset=len(self.header), shape=(len(self.tokens), self.rows, self.vocabulary))
        for chunk in range(len(self.tokens)):
            for row in range(self.rows):
                yield int(self.tokens[chunk, self.first + row + 1]), values[chunk, row].astype(numpy.float64)


def log_softmax(row):
    shifted = row - row.max()
    return shifted - math.log(numpy.exp(shifted).sum())


def perplexity(file):
    losses = [-log_softmax(row)[token] for token, row in file.all_rows()]
    return math.exp(sum(losses) / len(losses))


def compare(file, reference):
    """How far the distributions of a file are from those of the reference, over all scored positions."""
    if file.header != reference.header:
        raise ValueError(f"{file.path} and {reference.path} are of different positions")
    squares, divergences, losses, agree = [], [], [], 0
    for (token, row), (_, expected) in zip(file.all_rows(), reference.all_rows()):
        ours, theirs = log_softmax(row), log_softmax(expected)
        squares.append(numpy.mean((row - expected) ** 2))
        divergences.append(float(numpy.sum(numpy.exp(theirs) * (theirs - ours))))
        losses.append(-ours[token])
        agree += int(row.argmax() == expected.argmax())
    count = len(squares)
    return {
        "positions": count, "rms_logit_error": math.sqrt(sum(squares) / count), "mean_kl": sum(divergences) / count,
        "top1_agreement": agree / count, "perplexity": math.exp(sum(losses) / count)}
