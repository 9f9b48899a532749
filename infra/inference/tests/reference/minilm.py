"""What sentence-transformers computes with the real MiniLM, whose weights are fetched by .ci/minilm and not kept here.

    python minilm.py FOLDER        writes ../models/minilm.expected.json

Holds its texts, then the same as expected.json of the small models (make.py).
"""

import sys
from pathlib import Path

import transformers

import make
import texts


def main(folder):
    transformers.logging.set_verbosity_error()
    given = texts.every_length()
    tokens, vectors = make.embed(folder, given)
    make.compare_with_file(folder, tokens, [(text,) for text in given])
    expected = {"task": "embed", "made_by": make.versions(), "dimensions": vectors.shape[1], "texts": given}
    expected |= {"tokens": tokens, "vectors": make.packed(vectors)}
    make.write_json(make.MODELS / "minilm.expected.json", expected, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
