//! Vectors, scores and tokens equal those of the libraries that the models come from. What they gave stands beside the
//! models, with the script that asked them (`tests/reference/make.py`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference::encoder::{Encoder, Place};
use inference::model::{Model, Tokens, TooLong};
use inference::settings::{LoadAt, ModelSettings, Precision};
use serde::Deserialize;
use tch::Device;

/// Where `.ci/minilm` puts the real weights.
pub fn minilm() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").expect("a home folder"));
    let cache = cache.unwrap_or_else(|| home().join(".cache"));
    cache.join("botserver/tools/minilm")
}

/// In float32.
const DIFFERENCE_MAX: f32 = 1e-4;

#[derive(Deserialize)]
struct Texts {
    texts: Vec<String>,
    pairs: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Ids {
    ids: Vec<u32>,
    /// None where the network is not told of types.
    types: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct Expected {
    tokens: Vec<Ids>,
    #[serde(default)]
    dimensions: usize,
    #[serde(default)]
    labels: usize,
    vectors: Option<String>,
    scores: Option<String>,
    /// Of the model of real weights.
    texts: Option<Vec<String>>,
    /// Other ways to make a vector of the same network.
    #[serde(default)]
    poolings: BTreeMap<String, Pooled>,
}

#[derive(Deserialize)]
struct Pooled {
    config: serde_json::Value,
    dimensions: usize,
    vectors: String,
}

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn floats(text: &str, width: usize) -> Vec<Vec<f32>> {
    let bytes = STANDARD.decode(text).unwrap();
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    values.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

struct Loaded {
    model: Model,
    encoder: Encoder,
}

fn load(folder: &Path, precision: Precision) -> Loaded {
    let opened = Model::open(&ModelSettings {
        name: "tested".to_owned(),
        folder: folder.to_owned(),
        precision,
        load: LoadAt::Start,
        follow_links: false,
    })
    .unwrap();
    let place = Place {
        device: Device::Cpu,
        precision,
    };
    let encoder = Encoder::read(
        &opened.folder,
        &opened.weights,
        &opened.shape,
        &opened.recipe,
        place,
    )
    .unwrap();
    Loaded {
        model: opened.model,
        encoder,
    }
}

impl Loaded {
    fn compute(&self, tokens: &[Tokens]) -> Vec<Vec<f32>> {
        let _guard = tch::no_grad_guard();
        self.encoder.forward(&tokens.iter().collect::<Vec<_>>()).unwrap()
    }
}

fn same_tokens(name: &str, read: &[Tokens], expected: &[Ids]) {
    assert_eq!(read.len(), expected.len(), "{name}");
    for (at, (read, expected)) in read.iter().zip(expected).enumerate() {
        assert_eq!(read.ids, expected.ids, "{name}, text {at}");
        match &expected.types {
            Some(types) => assert_eq!(&read.types, types, "{name}, text {at}"),
            None => assert!(read.types.iter().all(|&kind| kind == 0), "{name}, text {at}"),
        }
    }
}

fn close(name: &str, computed: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(computed.len(), expected.len(), "{name}");
    for (at, (computed, expected)) in computed.iter().zip(expected).enumerate() {
        assert_eq!(computed.len(), expected.len(), "{name}, text {at}");
        let largest = computed
            .iter()
            .zip(expected)
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max);
        assert!(largest <= DIFFERENCE_MAX, "{name}, text {at}: {largest}");
    }
}

fn check_vectors(name: &str) {
    let folder = models().join(name);
    let expected: Expected = read(&folder.join("expected.json"));
    let texts: Texts = read(&models().join("texts.json"));
    let loaded = load(&folder, Precision::Float32);
    let tokens: Vec<Tokens> = texts
        .texts
        .iter()
        .map(|text| loaded.model.read(text, None, TooLong::Truncate).unwrap())
        .collect();
    same_tokens(name, &tokens, &expected.tokens);
    let vectors = floats(&expected.vectors.unwrap(), expected.dimensions);
    close(name, &loaded.compute(&tokens), &vectors);
    // One at a time, as it does not matter what is computed beside a text.
    let alone: Vec<Vec<f32>> = tokens
        .iter()
        .map(|tokens| loaded.compute(std::slice::from_ref(tokens)).remove(0))
        .collect();
    close(name, &alone, &vectors);
}

fn check_scores(name: &str) {
    let folder = models().join(name);
    let expected: Expected = read(&folder.join("expected.json"));
    let texts: Texts = read(&models().join("texts.json"));
    let loaded = load(&folder, Precision::Float32);
    let tokens: Vec<Tokens> = texts
        .pairs
        .iter()
        .map(|[query, document]| {
            let query = loaded.model.read_query(query, TooLong::Truncate).unwrap();
            let pair = loaded.model.read_pair(&query, document, TooLong::Truncate);
            pair.unwrap()
        })
        .collect();
    same_tokens(name, &tokens, &expected.tokens);
    let scores = floats(&expected.scores.unwrap(), expected.labels);
    close(name, &loaded.compute(&tokens), &scores);
}

#[test]
fn vectors_equal_those_of_sentence_transformers() {
    for name in [
        "bert",
        "bert-cls",
        "bert-dense",
        "mpnet",
        "roberta",
        "xlm-roberta",
    ] {
        check_vectors(name);
    }
}

#[test]
fn scores_equal_those_of_sentence_transformers() {
    for name in [
        "bert-rerank",
        "bert-rerank-3",
        "mpnet-rerank",
        "roberta-rerank",
        "xlm-roberta-rerank",
    ] {
        check_scores(name);
    }
}

#[test]
fn vectors_of_real_weights_equal_those_of_sentence_transformers_to_the_last_token() {
    let expected: Expected = read(&models().join("minilm.expected.json"));
    let loaded = load(&minilm(), Precision::Float32);
    let texts = expected.texts.unwrap();
    let tokens: Vec<Tokens> = texts
        .iter()
        .map(|text| loaded.model.read(text, None, TooLong::Truncate).unwrap())
        .collect();
    same_tokens("minilm", &tokens, &expected.tokens);
    let vectors = floats(&expected.vectors.unwrap(), expected.dimensions);
    close("minilm", &loaded.compute(&tokens), &vectors);
}

/// Rounded weights are not the same, and nearly so.
#[test]
fn vectors_of_real_weights_in_fewer_bits_stay_near() {
    let expected: Expected = read(&models().join("minilm.expected.json"));
    let exact = floats(&expected.vectors.unwrap(), expected.dimensions);
    for precision in [Precision::Bfloat16, Precision::Int8] {
        let loaded = load(&minilm(), precision);
        let texts = expected.texts.as_ref().unwrap();
        let read = |text: &String| loaded.model.read(text, None, TooLong::Truncate).unwrap();
        let rounded = loaded.compute(&texts.iter().map(read).collect::<Vec<_>>());
        // Both are of length one.
        let cosines: Vec<f32> = rounded
            .iter()
            .zip(&exact)
            .map(|(one, other)| one.iter().zip(other).map(|(a, b)| a * b).sum())
            .collect();
        let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
        assert!(mean > 0.99, "{precision:?}: {mean}, {cosines:?}");
    }
}

#[test]
fn every_pooling_equals_that_of_sentence_transformers() {
    let folder = models().join("bert");
    let expected: Expected = read(&folder.join("expected.json"));
    let texts: Texts = read(&models().join("texts.json"));
    assert!(expected.poolings.len() > 4);
    for (name, pooled) in &expected.poolings {
        let copy = tempfile::tempdir().unwrap();
        for file in [
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "sentence_bert_config.json",
            "modules.json",
        ] {
            fs::copy(folder.join(file), copy.path().join(file)).unwrap();
        }
        fs::create_dir(copy.path().join("1_Pooling")).unwrap();
        fs::write(
            copy.path().join("1_Pooling/config.json"),
            pooled.config.to_string(),
        )
        .unwrap();
        let loaded = load(copy.path(), Precision::Float32);
        let read = |text: &String| loaded.model.read(text, None, TooLong::Truncate).unwrap();
        let tokens: Vec<Tokens> = texts.texts.iter().map(read).collect();
        close(
            name,
            &loaded.compute(&tokens),
            &floats(&pooled.vectors, pooled.dimensions),
        );
    }
}
