"""Makes charsmap.b64, a small table of normalisation in SentencePiece's own form, as XLM-R's tokenizers have one.

    python charsmap.py

Needs sentencepiece and protobuf. The table is NFKC for some ranges; control characters go, other blanks become one.
"""

import base64
import tempfile
import unicodedata
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

import texts

RANGES = [(0xA0, 0x250), (0x3131, 0x318F), (0xFF01, 0xFFA0), (0x2150, 0x2190), (0x2460, 0x2474), (0xFB00, 0xFB07), (0x3380, 0x33A0)]
BLANKS = [0x09, 0x0A, 0x0C, 0x0D, 0xA0, 0x1680, 0x200B, 0x2028, 0x3000, 0xFEFF]
NOTHING = [*range(0x01, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0x85]
# A letter and its accent, which are composed.
COMPOSED = "éáàãâäñõôöüúíç"


def rules():
    for code in NOTHING:
        yield [code], []
    for code in BLANKS:
        yield [code], [0x20]
    for begin, end in RANGES:
        for code in range(begin, end):
            normal = unicodedata.normalize("NFKC", chr(code))
            if normal != chr(code) and code not in BLANKS:
                yield [code], [ord(letter) for letter in normal]
    for letter in COMPOSED:
        yield [ord(part) for part in unicodedata.normalize("NFD", letter)], [ord(letter)]


def main():
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "rules.tsv")
        lines = ["\t".join(" ".join(f"{code:X}" for code in side) for side in rule) for rule in rules()]
        table.write_text("\n".join(lines) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts.CORPUS),
            model_prefix=f"{folder}/small",
            vocab_size=400,
            hard_vocab_limit=False,
            normalization_rule_tsv=str(table),
            minloglevel=2,
        )
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(Path(folder, "small.model").read_bytes())
        encoded = base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()
    Path(__file__).with_name("charsmap.b64").write_text(encoded + "\n")


if __name__ == "__main__":
    main()
