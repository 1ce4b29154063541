// Makes decoded.json with huggingface/tokenizers.js 0.2.0 (npm install @huggingface/tokenizers@0.2.0): the texts of ids, and the ids of GPT-2 and GLM.
// usage: node decode.mjs VOCABULARIES CASES    folders with bert-base-uncased/vocab.txt, roberta-base/tokenizer.json and so on, and with cases.json
//
// GPT-2's vocabulary is made of RoBERTa's merges, which are GPT-2's; GLM's is GPT-2's with the tokens that GLM's own code adds.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";

const [vocabularies, cases] = process.argv.slice(2);
const golden = JSON.parse(readFileSync(join(cases, "cases.json"), "utf8"));
const settings = { clean_up_tokenization_spaces: false };

let state = 12345;
const random = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;

const special = (tokens, strips = []) => Object.entries(tokens).map(([content, id]) => (
    { id, content, single_word: false, lstrip: strips.includes(content), rstrip: false, normalized: false, special: true }));

function bert(name) {
    const tokens = readFileSync(join(vocabularies, name, "vocab.txt"), "utf8").split("\n").filter((token) => token);
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const lowercase = name.endsWith("-uncased");
    return new Tokenizer({
        added_tokens: special(Object.fromEntries(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((token) => [token, vocab[token]]))),
        normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase },
        pre_tokenizer: { type: "BertPreTokenizer" }, post_processor: null, decoder: { type: "WordPiece", prefix: "##", cleanup: true },
        model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab },
    }, { clean_up_tokenization_spaces: true });
}

const merges = readFileSync(join(vocabularies, "roberta-base/merges.txt"), "utf8").split("\n").filter((line) => line && !line.startsWith("#version"));
const printable = (value) => (value > 32 && value < 127) || (value > 160 && value !== 173 && value < 256);
const symbols = [...Array(256).keys()].filter(printable).map((value) => String.fromCharCode(value));
for (let other = 0; symbols.length < 256; other++) symbols.push(String.fromCharCode(256 + other));
const gpt2Vocabulary = Object.fromEntries([...symbols, ...merges.map((merge) => merge.replace(" ", "")), "<|endoftext|>"].map((token, id) => [token, id]));

function byteLevel(vocab, added) {
    return new Tokenizer({
        added_tokens: added, normalizer: null, pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
        post_processor: null, decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
        model: { type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: "", end_of_word_suffix: "", fuse_unk: false, vocab, merges },
    }, settings);
}

const glmTokens = Object.fromEntries(["<|startofpiece|>", "<|endofpiece|>", "[CLS]", "[MASK]", "[SEP]", "[UNK]", "[gMASK]", "[sMASK]"]
    .map((token, i) => [token, 50257 + i]));
const blanks = [
    "Ng is an adjunct professor at [MASK] (formerly associate professor).", "[MASK]", " [gMASK] ", "a\n[sMASK]b[MASK][MASK]  c", "[[MASK]]",
    "x [MASK", "Tsinghua University is located in  [MASK]\t[gMASK].", "[mask] [ MASK ] [MASK ]", "北京 [MASK] é🎉[gMASK]",
];

const decoded = (tokenizer, ids) => ({ ids, text: tokenizer.decode(ids, { skip_special_tokens: true }) });
const encoded = (tokenizer, text) => ({ text, ids: tokenizer.encode(text, { add_special_tokens: false }).ids });
const given = (name) => golden[name].single.map((one) => one.ids);
const drawn = (size, count) => [...Array(count)].map(() => [...Array(1 + random(12))].map(() => random(size)));

const roberta = new Tokenizer(JSON.parse(readFileSync(join(vocabularies, "roberta-base/tokenizer.json"), "utf8")), settings);
const gpt2 = byteLevel(gpt2Vocabulary, special({ "<|endoftext|>": 50256 }));
const glm = byteLevel(gpt2Vocabulary, special({ "<|endoftext|>": 50256, ...glmTokens }, ["[MASK]", "[gMASK]", "[sMASK]"]));
const [uncased, cased] = ["bert-base-uncased", "bert-base-cased"].map(bert);
const lists = {
    "bert-base-uncased": [...given("bert-base-uncased"), ...drawn(30522, 60)].map((ids) => decoded(uncased, ids)),
    "bert-base-cased": [...given("bert-base-cased"), ...drawn(28996, 60)].map((ids) => decoded(cased, ids)),
    "roberta-base": [...given("roberta-base"), ...drawn(50265, 60)].map((ids) => decoded(roberta, ids)),
    "gpt2": [...drawn(50257, 60), ...drawn(256, 60)].map((ids) => decoded(gpt2, ids)),
    "gpt2-ids": golden["roberta-base"].single.map((one) => encoded(gpt2, one.text)),
    "glm-ids": blanks.map((text) => encoded(glm, text)),
};
writeFileSync("decoded.json", "{\n" + Object.entries(lists).map(([name, list]) =>
    ` "${name}": [\n  ` + list.map((one) => JSON.stringify(one)).join(",\n  ") + "\n ]").join(",\n") + "\n}\n");
