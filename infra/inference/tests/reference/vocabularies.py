"""Small tokenizers, each put together as the released ones of its architecture are."""

import base64
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from texts import CORPUS


def wordpiece(specials, lowercase, size):
    """`specials` are those for padding, for what is unknown, for begin, end and mask, in the order of their numbers."""
    unknown = "[UNK]"
    tokenizer = Tokenizer(models.WordPiece(unk_token=unknown, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lowercase
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=specials, limit_alphabet=size * 3 // 5, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def bert(lowercase, size=560):
    tokenizer = wordpiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], lowercase, size)
    template(tokenizer, "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", ["[CLS]", "[SEP]"])
    return tokenizer


def mpnet(size=560):
    """BERT's vocabulary with RoBERTa's marks."""
    tokenizer = wordpiece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"], True, size)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    template(tokenizer, "<s>:0 $A:0 </s>:0", "<s>:0 $A:0 </s>:0 </s>:0 $B:1 </s>:1", ["<s>", "</s>"])
    return tokenizer


def roberta(size=420):
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    end, begin = [(mark, tokenizer.token_to_id(mark)) for mark in ("</s>", "<s>")]
    tokenizer.post_processor = processors.RobertaProcessing(end, begin, trim_offsets=True, add_prefix_space=False)
    return tokenizer


def xlm_roberta(table, size=500):
    """With SentencePiece's table of normalisation, as the released one has it, or with the same by rules."""
    tokenizer = Tokenizer(models.Unigram())
    if table:
        charsmap = base64.b64decode(Path(__file__).with_name("charsmap.b64").read_text())
        tokenizer.normalizer = normalizers.Precompiled(charsmap)
    else:
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=size,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    template(tokenizer, "<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "</s>"])
    return tokenizer


def template(tokenizer, single, pair, marks):
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in marks]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=marks)
