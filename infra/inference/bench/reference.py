"""Computes embeddings by others' programs, on the CPU in float32 unless a device is named, and says how long it took.

    reference.py --way sentence-transformers|onnxruntime|onnxruntime-fused --model FOLDER --texts FILE
                 [--repeat 5] [--threads N] [--batch 32] [--vectors FILE] [--cache FOLDER]
                 [--device cpu|cuda]

FILE holds a text as a JSON string (or an object with `text`) a line. Time is counted from texts to vectors, so with
tokenizing; loading, the export and a first run are not counted. Prints one line of JSON: seconds of every repetition,
tokens, versions and a sum of the vectors' bytes. Vectors are written as little-endian float32, row after row.

Ways:
sentence-transformers   as its users call it: `encode` with its defaults, which are batches of 32 by length in characters
onnxruntime             the encoder exported by torch.onnx, the same tokenizer, batches of the same size by length in tokens,
                        each padded to its longest; mean and normalisation by numpy
onnxruntime-fused       the same after onnxruntime's own optimiser for BERT
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy


def main():
    given = arguments()
    lines = Path(given.texts).read_text(encoding="utf-8").splitlines()
    texts = [value if isinstance(value, str) else value["text"] for value in map(json.loads, lines)]
    begun = time.perf_counter()
    embedder = WAYS[given.way](given)
    loaded = time.perf_counter() - begun
    tokens = embedder.tokens(texts)
    note(f"{given.way}: loaded in {loaded:.1f} s, warming up with {len(texts)} texts, {tokens} tokens")
    vectors = embedder.embed(texts)
    seconds = []
    for number in range(given.repeat):
        begun = time.perf_counter()
        vectors = embedder.embed(texts)
        seconds.append(time.perf_counter() - begun)
        note(f"{given.way}: {number + 1} of {given.repeat}, {seconds[-1]:.2f} s")
    vectors = numpy.ascontiguousarray(vectors, dtype="<f4")
    if given.vectors:
        Path(given.vectors).write_bytes(vectors.tobytes())
    answer = {"way": given.way, "threads": given.threads, "batch": given.batch, "texts": len(texts), "tokens": tokens}
    answer |= {"dimensions": vectors.shape[1], "seconds": [round(value, 6) for value in seconds]}
    answer |= {"sha256": hashlib.sha256(vectors.tobytes()).hexdigest(), "versions": versions()}
    print(json.dumps(answer))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", required=True, choices=list(WAYS))
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--vectors")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of sentence-transformers only")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parser.add_argument("--cache", type=Path, default=Path(cache, "botserver/onnx"))
    return parser.parse_args()


def note(line):
    print(line, file=sys.stderr, flush=True)


def versions():
    names = ["torch", "transformers", "tokenizers", "sentence-transformers", "onnxruntime", "numpy"]
    return {name: importlib.metadata.version(name) for name in names}


class SentenceTransformers:
    def __init__(self, given):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(given.threads)
        self.batch = given.batch
        options = {"dtype": torch.float32}
        self.model = SentenceTransformer(str(given.model), device=given.device, model_kwargs=options)

    def tokens(self, texts):
        rows = self.model.tokenizer(texts, truncation=True, max_length=self.model.max_seq_length)
        return sum(map(len, rows["input_ids"]))

    def embed(self, texts):
        return self.model.encode(texts, batch_size=self.batch, show_progress_bar=False)


class Onnxruntime:
    fused = False

    def __init__(self, given):
        import onnxruntime
        import tokenizers

        settings = json.loads((given.model / "sentence_bert_config.json").read_text())
        check_modules(given.model)
        self.batch = given.batch
        self.tokenizer = tokenizers.Tokenizer.from_file(str(given.model / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(settings["max_seq_length"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = given.threads
        path = exported(given.model, given.cache, self.fused)
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def tokens(self, texts):
        return sum(len(row.ids) for row in self.tokenizer.encode_batch_fast(texts))

    def embed(self, texts):
        rows = [row.ids for row in self.tokenizer.encode_batch_fast(texts)]
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]))
        vectors = None
        for begin in range(0, len(order), self.batch):
            chosen = order[begin : begin + self.batch]
            part = self.forward([rows[index] for index in chosen])
            if vectors is None:
                vectors = numpy.empty((len(rows), part.shape[1]), dtype=numpy.float32)
            vectors[chosen] = part
        return vectors

    def forward(self, rows):
        longest = len(rows[0])
        ids = numpy.zeros((len(rows), longest), dtype=numpy.int64)
        mask = numpy.zeros_like(ids)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        (hidden,) = self.session.run(None, feed)
        weights = mask[:, :, None].astype(numpy.float32)
        mean = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        return mean / numpy.linalg.norm(mean, axis=1, keepdims=True)


class OnnxruntimeFused(Onnxruntime):
    fused = True


def check_modules(model):
    kinds = [entry["type"].rsplit(".", 1)[1] for entry in json.loads((model / "modules.json").read_text())]
    pooling = json.loads((model / "1_Pooling/config.json").read_text())
    if kinds != ["Transformer", "Pooling", "Normalize"] or not pooling.get("pooling_mode_mean_tokens"):
        raise SystemExit(f"{model} is no encoder with mean and normalisation, which alone is done here by onnxruntime")


def exported(model, cache, fused):
    """The encoder as ONNX, made once for each content of the folder."""
    weights = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        weights.update((model / name).read_bytes())
    folder = cache / f"{weights.hexdigest()[:16]}-{importlib.metadata.version('onnxruntime')}"
    plain, better = folder / "model.onnx", folder / "fused.onnx"
    if not plain.exists():
        note("exporting the model once")
        folder.mkdir(parents=True, exist_ok=True)
        export(model, plain)
    if fused and not better.exists():
        fuse(model, plain, better)
    return better if fused else plain


def export(model, path):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    encoder = transformers.AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager").eval()

    class LastState(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.encoder(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    names = ["input_ids", "attention_mask", "token_type_ids"]
    ids = torch.tensor([[101, 2054, 2003, 102], [101, 2054, 102, 0]])
    example = (ids, (ids != 0).long(), torch.zeros_like(ids))
    axes = {name: {0: "texts", 1: "tokens"} for name in [*names, "last_hidden_state"]}
    aside = path.with_suffix(".part")
    with warnings.catch_warnings():
        # Of tracing, whose result is compared with the others' vectors.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            LastState(),
            example,
            str(aside),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes=axes,
            opset_version=18,
            dynamo=False,
        )
    aside.rename(path)


def fuse(model, plain, better):
    from onnxruntime.transformers import optimizer

    config = json.loads((model / "config.json").read_text())
    optimized = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
        opt_level=1,
        use_gpu=False,
    )
    aside = better.with_suffix(".part")
    optimized.save_model_to_file(str(aside))
    aside.rename(better)


WAYS = {
    "sentence-transformers": SentenceTransformers,
    "onnxruntime": Onnxruntime,
    "onnxruntime-fused": OnnxruntimeFused,
}

if __name__ == "__main__":
    main()
