"""Makes the models beside it and cases.json, with SentencePiece 0.1.97 (Debian 12: apt-get install python3-sentencepiece).

A small model stands for ChatGLM-6B's. The text is prepared as tokenization_chatglm.py of THUDM's model prepares it; SentencePiece cuts and joins.
"""
import json
import pathlib
import random

import sentencepiece

here = pathlib.Path(__file__).parent
chosen = random.Random(3)
SPECIAL = ["[MASK]", "[gMASK]", "[sMASK]", "<unused_0>", "<sop>", "<eop>", "<ENC>", "<dBLOCK>"]
CONTROL, USER_DEFINED, BYTE = 3, 4, 6


def lines():
    syllables = [a + b for a in "bdgklmnprst" for b in ("a", "e", "i", "o", "u", "en", "er", "in")] + list("问题答你好，。0123:[]")
    common = ["".join(chosen.choices(syllables, k=chosen.randint(1, 3))) for _ in range(300)]
    for _ in range(2000):
        yield "<n>".join(" ".join(chosen.choices(common, k=6)) for _ in range(2))


def field(number, wire, payload):
    return bytes([number << 3 | wire]) + payload


def sized(number, payload):
    """A field of bytes in protocol buffers' form."""
    size, length = b"", len(payload)
    while length >= 0x80:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    tag = number << 3 | 2
    return (bytes([tag]) if tag < 0x80 else bytes([tag & 0x7F | 0x80, tag >> 7])) + size + bytes([length]) + payload


def piece(text, kind):
    return sized(1, sized(1, text.encode()) + field(2, 5, bytes(4)) + field(3, 0, bytes([kind])))


def blank(text):
    text = text.replace("\n", "<n>").replace("\t", "<|tab|>")
    for spaces in range(80, 1, -1):
        text = text.replace(" " * spaces, f"<|blank_{spaces}|>")
    return text


def white(text):
    text = text.replace("<n>", "\n").replace("<|tab|>", "\t")
    for spaces in range(2, 81):
        text = text.replace(f"<|blank_{spaces}|>", " " * spaces)
    return text


def texts():
    yield from ("", " ", "  ", "\n", "\t   \t     \n \n", "问题：\t答", "[Round 0]\n问：你好\n答：", " a  b\n\n\tc ", "de\n  ba" + " " * 85 + "ko", " " * 200)
    yield from ("é🎉 ka\u200b", "[gMASK]<sop>", "<n> <|tab|> <|blank_2|>", "ba\r\nko", "ba\u3000ko\xa0ti")
    for _ in range(40):
        yield "".join(chosen.choices(["ba", "ko", "ti", "er", "问", "答", " ", "  ", "\n", "\t", "。", "7", "é"], k=chosen.randint(1, 30)))


sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=lines(), model_writer=open(here / "first/ice_text.model", "wb"), model_type="unigram", num_threads=1, minloglevel=2,
    normalization_rule_name="identity", vocab_size=250, pad_id=3, user_defined_symbols=["<n>"])
first = (here / "first/ice_text.model").read_bytes()
appended = [(token, CONTROL) for token in SPECIAL] + [("<|tab|>", USER_DEFINED)] + [(f"<|blank_{spaces}|>", USER_DEFINED) for spaces in range(2, 81)] + [
    (f"<0x{value:02X}>", BYTE) for value in range(256)]
byte_fallback = sized(2, bytes([35 << 3 & 0x7F | 0x80, 35 << 3 >> 7, 1]))
(here / "last/ice_text.model").write_bytes(first + b"".join(piece(*one) for one in appended) + byte_fallback)

model = sentencepiece.SentencePieceProcessor(model_file=str(here / "last/ice_text.model"))
with open(here / "cases.json", "w", encoding="utf-8") as file:
    cases = [{"text": text, "ids": (ids := model.encode(blank(text))), "decoded": white(model.decode(ids))} for text in texts()]
    named = {name: model.piece_to_id(name) for name in [*SPECIAL, "<n>", "<|tab|>", "<|blank_2|>", "<|blank_80|>", "<s>", "</s>", "<pad>", "▁"]}
    file.write('{\n "pieces": ' + json.dumps(named, ensure_ascii=False) + ',\n "cases": [\n  ' + ",\n  ".join(
        json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases) + "\n ]\n}\n")
