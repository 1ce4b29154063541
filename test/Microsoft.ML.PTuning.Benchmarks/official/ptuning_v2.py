"""P-Tuning v2 as its published code trains and scores a BERT, in plain PyTorch: what the rows official-python-* are measured against.

Every row padded to one length, a prefix from an embedding before keys and values of every layer, dropout in the frozen encoder as well while it
trains, AdamW on prefix and classifier only. Reads the encoder's folder and what OfficialPython.cs writes; prints one line of JSON.
"""

import argparse
import json
import math
import os
import resource
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional

DROPOUT = 0.1
LEARNING_RATE = 5e-3
LARGEST_NORM = 1.0


def read_safetensors(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: expected F32, found {entry['dtype']} of {name}.")
        first, end = entry["data_offsets"]
        numbers = torch.frombuffer(data, dtype=torch.float32, count=(end - first) // 4, offset=start + first)
        tensors[name] = numbers.reshape(entry["shape"])
    return tensors


class Layer(nn.Module):
    """A layer of BERT whose keys and values begin with a prefix."""

    def __init__(self, config):
        super().__init__()
        hidden, inner, epsilon = config["hidden_size"], config["intermediate_size"], config["layer_norm_eps"]
        self.heads = config["num_attention_heads"]
        self.head_size = hidden // self.heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.attention_output = nn.Linear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden, eps=epsilon)
        self.intermediate = nn.Linear(hidden, inner)
        self.output = nn.Linear(inner, hidden)
        self.output_norm = nn.LayerNorm(hidden, eps=epsilon)
        self.dropout = nn.Dropout(DROPOUT)

    def split(self, states):  # [B, h, T, D]
        return states.view(states.size(0), states.size(1), self.heads, self.head_size).transpose(1, 2)

    def forward(self, states, past, mask):
        key = torch.cat([past[0], self.split(self.key(states))], dim=2)  # [B, h, P + T, D]
        value = torch.cat([past[1], self.split(self.value(states))], dim=2)
        scores = self.split(self.query(states)) @ key.transpose(2, 3) / math.sqrt(self.head_size) + mask
        context = (self.dropout(scores.softmax(dim=-1)) @ value).transpose(1, 2).reshape(states.shape)
        states = self.attention_norm(self.dropout(self.attention_output(context)) + states)
        return self.output_norm(self.dropout(self.output(functional.gelu(self.intermediate(states)))) + states)


class Bert(nn.Module):
    """The frozen encoder; the names are those of its file."""

    MODULES = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "intermediate": "intermediate.dense",
        "output": "output.dense",
        "output_norm": "output.LayerNorm",
    }

    def __init__(self, folder):
        super().__init__()
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            self.config = config = json.load(file)
        hidden = config["hidden_size"]
        self.words = nn.Embedding(config["vocab_size"], hidden)
        self.positions = nn.Embedding(config["max_position_embeddings"], hidden)
        self.segments = nn.Embedding(config["type_vocab_size"], hidden)
        self.norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.pooler = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(DROPOUT)
        self.load(read_safetensors(os.path.join(folder, "model.safetensors")))
        self.requires_grad_(False)

    def load(self, tensors):
        named = [
            (self.words, "embeddings.word_embeddings"),
            (self.positions, "embeddings.position_embeddings"),
            (self.segments, "embeddings.token_type_embeddings"),
            (self.norm, "embeddings.LayerNorm"),
            (self.pooler, "pooler.dense"),
        ]
        for i, layer in enumerate(self.layers):
            named += [(getattr(layer, own), f"encoder.layer.{i}.{name}") for own, name in self.MODULES.items()]
        for module, name in named:
            for kind, parameter in module.named_parameters():
                tensor = tensors[f"{name}.{kind}"]
                if tensor.shape != parameter.shape:
                    raise ValueError(f"{name}.{kind}: expected the shape {list(parameter.shape)}, found {list(tensor.shape)}.")
                parameter.data = tensor

    def forward(self, ids, mask, pasts):
        length = pasts[0].size(3)  # P
        positions = torch.arange(length, length + ids.size(1))
        states = self.words(ids) + self.segments(torch.zeros_like(ids)) + self.positions(positions)
        states = self.dropout(self.norm(states))
        visible = torch.cat([torch.ones(ids.size(0), length), mask], dim=1)
        hiding = (1 - visible)[:, None, None, :] * torch.finfo(torch.float32).min
        for layer, past in zip(self.layers, pasts):
            states = layer(states, past, hiding)
        return states


class Classifier(nn.Module):
    """The encoder with the trained prefix and classifier."""

    def __init__(self, bert, prefix, weight, bias):
        super().__init__()
        self.bert = bert
        self.shape = prefix.shape  # [P, L, 2, h, D]
        self.prefix = nn.Embedding.from_pretrained(prefix.reshape(prefix.size(0), -1).clone(), freeze=False)
        self.classifier = nn.Linear(weight.size(1), weight.size(0))
        self.classifier.weight.data, self.classifier.bias.data = weight.clone(), bias.clone()
        self.dropout = nn.Dropout(DROPOUT)

    def pasts(self, rows):
        length, layers, _, heads, head_size = self.shape
        values = self.prefix(torch.arange(length).expand(rows, -1))  # [B, P, 2LH]
        values = self.dropout(values.view(rows, length, 2 * layers, heads, head_size))
        return values.permute(2, 0, 3, 1, 4).split(2)  # of each layer [2, B, h, P, D]

    def states(self, ids, mask):
        return self.bert(ids, mask, self.pasts(ids.size(0)))

    def forward(self, ids, mask):
        pooled = torch.tanh(self.bert.pooler(self.states(ids, mask)[:, 0]))
        return self.classifier(self.dropout(pooled))


class Rows:
    """Rows in batches, each row padded to the same length."""

    def __init__(self, path, length, batch_size):
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)
        self.ids = [row + [rows["padId"]] * (length - len(row)) for row in rows["ids"]]
        self.masks = [[1.0] * len(row) + [0.0] * (length - len(row)) for row in rows["ids"]]
        self.labels = rows["labels"]
        self.lengths = [len(row) for row in rows["ids"]]
        self.batch_size = batch_size

    def batches(self, order):
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield (
                torch.tensor([self.ids[row] for row in batch]),
                torch.tensor([self.masks[row] for row in batch]),
                torch.tensor([self.labels[row] for row in batch]),
            )

    def first(self):
        return next(self.batches(self.in_order()))

    def in_order(self):
        return list(range(len(self.ids)))


def first_pass(model, rows):
    """What the first batch gives without dropout, for comparison with the library."""
    ids, mask, labels = rows.first()
    with torch.no_grad():
        logits = model(ids, mask)
        states = model.states(ids[:1], mask[:1])[0, : rows.lengths[0]]
    return {
        "loss": functional.cross_entropy(logits, labels).item(),
        "logits": logits.flatten().tolist(),
        "states": states.flatten().tolist(),
    }


def train(model, rows):
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0)

    def step(ids, mask, labels):
        loss = functional.cross_entropy(model(ids, mask), labels)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(trained, LARGEST_NORM)
        optimizer.step()
        return loss.item()

    model.train()
    step(*rows.first())
    start = time.perf_counter()
    for batch in rows.batches(torch.randperm(len(rows.ids)).tolist()):
        step(*batch)
    return len(rows.ids) / (time.perf_counter() - start)


def score(model, rows):
    model.eval()
    with torch.no_grad():
        model(*rows.first()[:2])
        start = time.perf_counter()
        for ids, mask, _ in rows.batches(rows.in_order()):
            model(ids, mask).tolist()
    return len(rows.ids) / (time.perf_counter() - start)


def products():
    """The library that multiplies matrices: a file that this process has loaded, else what torch was built with."""
    if os.path.exists("/proc/self/maps"):
        with open("/proc/self/maps", encoding="utf-8") as file:
            loaded = sorted({os.path.basename(line.split()[-1]) for line in file if "/" in line})
        for kind in ("openblas", "mkl_", "blis", "atlas", "libblas"):
            for name in loaded:
                if kind in name:
                    return name
    return next((part.strip() for part in torch.__config__.show().split(",") if "BLAS_INFO" in part), "unknown")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["about", "train", "score"])
    parser.add_argument("--encoder", help="folder with config.json and model.safetensors")
    parser.add_argument("--rows", help="JSON: ids, labels, padId")
    parser.add_argument("--start", help="safetensors: prefix, head.weight, head.bias")
    parser.add_argument("--length", type=int, help="tokens that rows are padded to")
    parser.add_argument("--batch", type=int, help="rows of a batch")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    result = {"torch": torch.__version__, "products": products()}
    if options.work != "about":
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        start = read_safetensors(options.start)
        model = Classifier(Bert(options.encoder), start["prefix"], start["head.weight"], start["head.bias"]).eval()
        rows = Rows(options.rows, options.length, options.batch)
        result.update(first_pass(model, rows))
        result["rowsPerSecond"] = (train if options.work == "train" else score)(model, rows)
        unit = 1 if sys.platform == "darwin" else 1024
        result["peakBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps(result))


if __name__ == "__main__":
    main()
