"""Makes decoded.json: texts that SentencePiece 0.1.97 (Debian 12: apt-get install python3-sentencepiece) gives for ids, which make no sense.

usage: decode.py FOLDER    a folder with albert-base-v2/spiece.model, whose ids are written, but not its vocabulary
"""
import json
import pathlib
import random
import sys

import sentencepiece

here = pathlib.Path(__file__).parent
chosen = random.Random(2)


def sequences(model):
    size = model.vocab_size()
    said = [id for id in range(size) if not model.is_control(id) and not model.is_unknown(id)]
    spaces = [id for id in said if model.id_to_piece(id) == "▁"]
    bytes_ = [id for id in said if model.is_byte(id)]
    yield from ([], spaces, spaces * 2, spaces * 3 + said[-1:], said[:1] + spaces * 2 + said[-3:-2])
    for _ in range(40):
        yield chosen.choices(said, k=chosen.randint(1, 12))
    if bytes_:
        for text in ("é🎉 x", "北京", "\ufffd", "a\u0301"):
            yield [bytes_[value] for value in text.encode()]
        for cut in ("f09f98", "f09f", "c3", "9fc3a9", "e4bd41", "fffe", "f0f0909080", "eda080", "c0af"):
            yield [bytes_[value] for value in bytes.fromhex(cut)]
            yield spaces + [bytes_[value] for value in bytes.fromhex(cut)] + said[-2:]
        for _ in range(20):
            yield chosen.choices(bytes_, k=chosen.randint(1, 9)) + chosen.choices(said, k=2) + chosen.choices(bytes_, k=chosen.randint(1, 5))


def decode(path):
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for ids in sequences(model):
        yield {"ids": ids, "text": model.decode(ids)}


cases = {name: decode(here / name / "spm.model") for name in ("plain", "bytes")}
cases["albert-base-v2"] = decode(pathlib.Path(sys.argv[1]) / "albert-base-v2/spiece.model")
with open(here / "decoded.json", "w", encoding="utf-8") as file:
    file.write("{\n" + ",\n".join(f' "{name}": [\n  ' + ",\n  ".join(
        json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in some) + "\n ]" for name, some in cases.items()) + "\n}\n")
