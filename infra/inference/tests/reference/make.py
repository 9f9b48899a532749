"""Makes small random models of each architecture, and what sentence-transformers and transformers compute with them.

    python make.py [NAME…]        writes ../models/NAME/

Needs torch 2.11, transformers 5.24 and sentence-transformers 6.2. Weights are drawn from fixed seeds and are large enough
that a forgotten bias or a swapped layer shows in the outputs. A tokenizer.json that is already there is kept: training
numbers what is equally frequent differently from time to time.

expected.json of a model holds, for texts.json beside the folders:
    task        "embed" or "rerank"
    made_by     versions
    tokens      for each text or pair: ids, and types where the model is fed some
    vectors     rows of float32, little-endian, as base64; or for rerankers
    logits      the same, and
    scores      what CrossEncoder.predict gives by default
    poolings    1_Pooling/config.json of variants, and their vectors (modules.json as it is)
    prompts     for some names of prompts: tokens and vectors

Folders that must be refused are made by the tests that read them: config.json with a hidden size that is no multiple of
the heads, of billions, or of strings; weights of another shape, a header that is longer than the file, overlapping or
missing tensors; a shard's name that leads out of the folder; tokenizer.json with ids beyond the vocabulary, with an
expression that backtracks, or of a gigabyte of nesting; modules.json that names modules that nobody knows.
"""

import base64
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy
import sentence_transformers
import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder, SentenceTransformer

import texts
import vocabularies

HERE = Path(__file__).parent
MODELS = HERE.parent / "models"
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def write_json(path, value, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, **how) + "\n", encoding="utf-8")


def packed(rows):
    return base64.b64encode(numpy.asarray(rows, dtype="<f4").tobytes()).decode()


def versions():
    modules = (torch, transformers, tokenizers, sentence_transformers)
    return {module.__name__.replace("_", "-"): module.__version__ for module in modules}


def draw(model, seed):
    """Also what is usually 0 or 1 at first, and the rows of padding."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            noise = torch.randn(weights.shape, generator=generator)
            if name.endswith("bias"):
                weights.copy_(noise * 0.15)
            elif "norm" in name.lower():
                weights.copy_(1 + noise * 0.15)
            else:
                weights.copy_(noise * 0.2)
    return model.eval()


def save(name, model, tokenizer_class, tokenizer, model_max_length, marks, shard="1GB", dtype=None):
    folder = MODELS / name
    model.to(dtype or torch.float32).save_pretrained(folder, max_shard_size=shard)
    if not (folder / "tokenizer.json").exists():
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    about = {"tokenizer_class": tokenizer_class, "model_max_length": model_max_length, **marks}
    write_json(folder / "tokenizer_config.json", about, indent=2)
    return folder


BERT_MARKS = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
ROBERTA_MARKS = {
    **{"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"},
    **{"unk_token": "<unk>", "mask_token": "<mask>"},
}
# transformers 5 makes XLM-R's own class of tokenizer without the normaliser of tokenizer.json, unless that is a table of
# SentencePiece; the plain class takes the file as it is.
XLM_ROBERTA_MARKS = {**ROBERTA_MARKS, "model_input_names": ["input_ids", "attention_mask"]}
MPNET_MARKS = {**ROBERTA_MARKS, "unk_token": "[UNK]"}


def modules(folder, kinds, max_seq_length=None):
    """The files of sentence-transformers, as its releases from 2 to 5 write them."""
    entries = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{kind}" if index else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for index, kind in enumerate(kinds)
    ]
    write_json(folder / "modules.json", entries, indent=2)
    if max_seq_length:
        settings = {"max_seq_length": max_seq_length, "do_lower_case": False}
        write_json(folder / "sentence_bert_config.json", settings, indent=2)


def pooling(width, *modes, **more):
    known = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    assert set(modes) <= set(known)
    return {"word_embedding_dimension": width, **{f"pooling_mode_{mode}": mode in modes for mode in known}, **more}


def bert_config(vocabulary, **more):
    return transformers.BertConfig(**{**SHAPE, "vocab_size": vocabulary, "max_position_embeddings": 64, **more})


def make_bert(name):
    tokenizer = vocabularies.bert(lowercase=True)
    config = bert_config(tokenizer.get_vocab_size(), hidden_size=48, num_attention_heads=3, intermediate_size=96)
    marks = {"do_lower_case": True, **BERT_MARKS}
    folder = save(name, draw(transformers.BertModel(config), 1), "BertTokenizer", tokenizer, 512, marks)
    modules(folder, ["Transformer", "Pooling", "Normalize"], max_seq_length=48)
    write_json(folder / "1_Pooling/config.json", pooling(48, "mean_tokens"), indent=2)
    variants = {
        "max": pooling(48, "max_tokens"),
        "cls": pooling(48, "cls_token"),
        "mean_sqrt_len_tokens": pooling(48, "mean_sqrt_len_tokens"),
        "weightedmean": pooling(48, "weightedmean_tokens"),
        "lasttoken": pooling(48, "lasttoken"),
        "several": pooling(48, "cls_token", "mean_tokens", "max_tokens"),
        "newer": {"embedding_dimension": 48, "pooling_mode": "lasttoken", "include_prompt": True},
        "newer-several": {"embedding_dimension": 48, "pooling_mode": ["max", "mean"], "include_prompt": True},
    }
    expect_vectors(folder, variants=variants)


def make_bert_cls(name):
    """Cased, in several files, saved with the head that it was trained with; how long a text may be says only its
    configuration; it wants prompts."""
    tokenizer = vocabularies.bert(lowercase=False)
    config = bert_config(tokenizer.get_vocab_size(), hidden_act="gelu_new", type_vocab_size=2, num_hidden_layers=3)
    marks = {"do_lower_case": False, **BERT_MARKS}
    model = draw(transformers.BertForMaskedLM(config), 2)
    folder = save(name, model, "BertTokenizer", tokenizer, 512, marks, shard="60KB")
    modules(folder, ["Transformer", "Pooling"])
    write_json(folder / "1_Pooling/config.json", pooling(32, "cls_token"), indent=2)
    prompts = {"query": "Represent this sentence for searching relevant passages: ", "passage": ""}
    about = {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "dot"}
    write_json(folder / "config_sentence_transformers.json", about, indent=2)
    without = pooling(32, "mean_tokens", include_prompt=False)
    expect_vectors(folder, prompts=["query", "passage"], variants={"without-prompt": without})


def make_bert_dense(name):
    tokenizer = vocabularies.bert(lowercase=True)
    config = bert_config(tokenizer.get_vocab_size(), hidden_act="relu", layer_norm_eps=1e-5)
    marks = {"do_lower_case": True, **BERT_MARKS}
    model = draw(transformers.BertModel(config, add_pooling_layer=False), 3)
    folder = save(name, model, "BertTokenizer", tokenizer, 512, marks)
    modules(folder, ["Transformer", "Pooling", "Dense", "Normalize"], max_seq_length=40)
    write_json(folder / "1_Pooling/config.json", pooling(32, "max_tokens"), indent=2)
    activation = "torch.nn.modules.activation.Tanh"
    about = {"in_features": 32, "out_features": 20, "bias": True, "activation_function": activation}
    write_json(folder / "2_Dense/config.json", about, indent=2)
    dense = torch.nn.ModuleDict({"linear": torch.nn.Linear(32, 20)})
    save_file(draw(dense, 4).state_dict(), folder / "2_Dense/model.safetensors", metadata={"format": "pt"})
    expect_vectors(folder)


def make_mpnet(name):
    tokenizer = vocabularies.mpnet()
    config = mpnet_config(tokenizer.get_vocab_size())
    folder = save(name, draw(transformers.MPNetModel(config), 5), "MPNetTokenizer", tokenizer, 512, MPNET_MARKS)
    modules(folder, ["Transformer", "Pooling", "Normalize"], max_seq_length=60)
    write_json(folder / "1_Pooling/config.json", pooling(32, "mean_tokens"), indent=2)
    expect_vectors(folder)


def mpnet_config(vocabulary, **more):
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    return transformers.MPNetConfig(**SHAPE, **ids, vocab_size=vocabulary, max_position_embeddings=66, **more)


def roberta_config(kind, vocabulary, **more):
    ids = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    size = {"vocab_size": vocabulary, "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    return kind(**SHAPE, **ids, **size, **more)


def make_roberta(name):
    """Weights in 16 bits, which are computed with in 32."""
    tokenizer = vocabularies.roberta()
    config = roberta_config(transformers.RobertaConfig, tokenizer.get_vocab_size())
    model = draw(transformers.RobertaModel(config), 6)
    folder = save(name, model, "RobertaTokenizer", tokenizer, 64, ROBERTA_MARKS, dtype=torch.bfloat16)
    modules(folder, ["Transformer", "Pooling", "Normalize"])
    write_json(folder / "1_Pooling/config.json", pooling(32, "mean_tokens"), indent=2)
    expect_vectors(folder)


def make_xlm_roberta(name):
    tokenizer = vocabularies.xlm_roberta(table=True)
    config = roberta_config(transformers.XLMRobertaConfig, tokenizer.get_vocab_size())
    model = draw(transformers.XLMRobertaModel(config), 7)
    folder = save(name, model, "XLMRobertaTokenizer", tokenizer, 512, ROBERTA_MARKS)
    modules(folder, ["Transformer", "Pooling"], max_seq_length=64)
    write_json(folder / "1_Pooling/config.json", pooling(32, "mean_tokens"), indent=2)
    expect_vectors(folder)


def make_bert_rerank(name, labels=1, seed=8):
    tokenizer = vocabularies.bert(lowercase=labels == 1)
    config = bert_config(tokenizer.get_vocab_size(), num_labels=labels)
    marks = {"do_lower_case": labels == 1, **BERT_MARKS}
    model = draw(transformers.BertForSequenceClassification(config), seed)
    expect_scores(save(name, model, "BertTokenizer", tokenizer, 60, marks))


def make_bert_rerank_3(name):
    make_bert_rerank(name, labels=3, seed=9)


def make_mpnet_rerank(name):
    tokenizer = vocabularies.mpnet()
    model = draw(transformers.MPNetForSequenceClassification(mpnet_config(tokenizer.get_vocab_size(), num_labels=1)), 10)
    expect_scores(save(name, model, "MPNetTokenizer", tokenizer, 64, MPNET_MARKS, dtype=torch.float16))


def make_roberta_rerank(name):
    """Its configuration wants scores without sigmoid."""
    tokenizer = vocabularies.roberta()
    plain = {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.0.0"}
    config = roberta_config(
        transformers.RobertaConfig, tokenizer.get_vocab_size(), num_labels=1, sentence_transformers=plain
    )
    model = draw(transformers.RobertaForSequenceClassification(config), 11)
    expect_scores(save(name, model, "RobertaTokenizer", tokenizer, 64, ROBERTA_MARKS))


def make_xlm_roberta_rerank(name):
    tokenizer = vocabularies.xlm_roberta(table=False)
    config = roberta_config(transformers.XLMRobertaConfig, tokenizer.get_vocab_size(), num_labels=1)
    model = draw(transformers.XLMRobertaForSequenceClassification(config), 12)
    expect_scores(save(name, model, "PreTrainedTokenizerFast", tokenizer, 64, XLM_ROBERTA_MARKS))


class Fed:
    """What the transformer is really given, told by a hook on its module."""

    def __init__(self, module):
        self.rows = []
        module.register_forward_pre_hook(self.note)

    def note(self, _module, inputs):
        features = inputs[0]
        row = {"ids": features["input_ids"][0].tolist()}
        if "token_type_ids" in features:
            row["types"] = features["token_type_ids"][0].tolist()
        self.rows.append(row)


def open_embedder(folder):
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})


def embed(folder, given=texts.TEXTS, **how):
    model = open_embedder(folder)
    fed = Fed(model[0])
    rows = [model.encode([text], batch_size=1, show_progress_bar=False, **how)[0] for text in given]
    return fed.rows, numpy.stack(rows)


def expect_vectors(folder, variants=None, prompts=()):
    tokens, vectors = embed(folder)
    compare_with_file(folder, tokens, [(text,) for text in texts.TEXTS])
    expected = {"task": "embed", "made_by": versions(), "dimensions": vectors.shape[1]}
    expected |= {"tokens": tokens, "vectors": packed(vectors)}
    expected["prompts"] = {}
    for name in prompts:
        prompted, rows = embed(folder, prompt_name=name)
        expected["prompts"][name] = {"tokens": prompted, "vectors": packed(rows)}
    expected["poolings"] = {}
    path = folder / "1_Pooling/config.json"
    kept = path.read_text()
    for name, config in (variants or {}).items():
        write_json(path, config)
        how = {"prompt_name": "query"} if name == "without-prompt" else {}
        _, rows = embed(folder, **how)
        dimensions = rows.shape[1]
        expected["poolings"][name] = {"config": config, **how, "dimensions": dimensions, "vectors": packed(rows)}
    path.write_text(kept)
    write_json(folder / "expected.json", expected, separators=(",", ":"))


def expect_scores(folder):
    encoder = CrossEncoder(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    fed = Fed(encoder[0])
    scores = [encoder.predict([tuple(pair)], batch_size=1, show_progress_bar=False)[0] for pair in texts.PAIRS]
    compare_with_file(folder, fed.rows, texts.PAIRS)
    kind = transformers.AutoModelForSequenceClassification
    model = kind.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = [
            model(
                input_ids=torch.tensor([row["ids"]]),
                attention_mask=torch.ones(1, len(row["ids"]), dtype=torch.long),
                **({"token_type_ids": torch.tensor([row["types"]])} if "types" in row else {}),
            ).logits[0]
            for row in fed.rows
        ]
    expected = {"task": "rerank", "made_by": versions(), "labels": len(logits[0]), "tokens": fed.rows}
    expected |= {"logits": packed(torch.stack(logits).numpy()), "scores": packed(numpy.stack(scores))}
    write_json(folder / "expected.json", expected, separators=(",", ":"))


def compare_with_file(folder, tokens, given):
    """What was fed is what tokenizer.json says, but for its padding and its length: the file is enough for others."""
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    longest = max(len(row["ids"]) for row in tokens)
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest, strategy="longest_first")
    for row, what in zip(tokens, given, strict=True):
        ids = tokenizer.encode(*what).ids
        if ids != row["ids"]:
            warnings.warn(f"{folder.name}: {what!r} is fed as {row['ids']}, tokenizer.json says {ids}")
    print(f"{folder.name}: {len(tokens)} inputs of up to {longest} tokens")


def main(names):
    transformers.logging.set_verbosity_error()
    write_json(MODELS / "texts.json", {"texts": texts.TEXTS, "pairs": texts.PAIRS}, indent=1)
    makers = {key[5:].replace("_", "-"): value for key, value in globals().items() if key.startswith("make_")}
    for name in names or makers:
        for path in (MODELS / name).glob("*"):
            if path.name != "tokenizer.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        makers[name](name)


if __name__ == "__main__":
    main(sys.argv[1:])
