"""Makes the models beside it and cases.json, with SentencePiece 0.1.97 (Debian 12: apt-get install python3-sentencepiece).

usage: make.py FOLDER    a folder with albert-base-v2/spiece.model, whose ids are written, but not its vocabulary
"""
import itertools
import json
import pathlib
import random
import sys

import sentencepiece

here = pathlib.Path(__file__).parent
chosen = random.Random(1)


def words(count):
    """Words of syllables, and runs of characters, so that the models hold pieces of all lengths of them."""
    syllables = [a + b for a in "bdgklmnprst" for b in ("a", "e", "i", "o", "u", "en", "er", "in")]
    common = ["".join(chosen.choices(syllables, k=chosen.randint(1, 3))) for _ in range(300)]
    for _ in range(count):
        yield chosen.choice("de0-.=") * chosen.randint(2, 40) if chosen.random() < 0.1 else chosen.choice(common)


def train(name, **options):
    lines = [" ".join(words(12)) for _ in range(2000)]
    (here / name).mkdir(exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=open(here / name / "spm.model", "wb"), model_type="unigram", num_threads=1, minloglevel=2,
        normalization_rule_name="identity", pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]",
        unk_id=3, unk_piece="[UNK]", **options)


def texts():
    for character in "de0-.=":
        for length in (*range(5, 60, 6), 73, 90, 150, 200):
            yield character * length
    for alphabet in ("de", "-.=", "ab ", "0e-", "denr ", "é🎉 x", "bdgkaeiou "):
        for length in (5, 20, 60, 200):
            for _ in range(2):
                yield "".join(chosen.choices(alphabet, k=length))
    for _ in range(6):
        yield " ".join(words(30))


def runs():
    yield from (("d", 37), ("e", 73), ("m", 64), ("p", 73), ("0", 90))
    yield from ((character, length) for character in "-.=" for length in range(5, 201))


def encode(path, cases):
    """Ids as in "13 8096*11 43": an id, and how often it stands there."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for case, text in cases:
        same = ((id, len(list(group))) for id, group in itertools.groupby(model.encode(text)))
        yield {**case, "ids": " ".join(f"{id}*{count}" if count > 1 else str(id) for id, count in same)}


train("plain", vocab_size=300)
train("bytes", vocab_size=500, byte_fallback=True, user_defined_symbols=["ded", "é", "  x"])
cases = {name: encode(here / name / "spm.model", [({"text": text}, text) for text in texts()]) for name in ("plain", "bytes")}
cases["albert-base-v2"] = encode(
    pathlib.Path(sys.argv[1]) / "albert-base-v2/spiece.model", [({"run": character, "length": length}, character * length) for character, length in runs()])
with open(here / "cases.json", "w", encoding="utf-8") as file:
    file.write("{\n" + ",\n".join(f' "{name}": [\n  ' + ",\n  ".join(
        json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in some) + "\n ]" for name, some in cases.items()) + "\n}\n")
