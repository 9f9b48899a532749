//! What only a GPU can show. Without one the tests say so and end.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use inference::engine::{Engine, Work};
use inference::model::TooLong;
use inference::scheduler::Began;
use inference::settings::{DeviceChoice, EngineSettings, LoadAt, ModelSettings, Precision};
use tch::Cuda;

const TEXTS: [&str; 5] = [
    "a",
    "The ferry leaves the harbour at seven.",
    "渡轮早上七点离开港口",
    "O café da manhã é servido às dez; não há pão, só maçãs.",
    "Two tickets to the island, please, and one for the dog, who is small and does not bite.",
];

/// Whether there is a GPU; where there is none it is said which test was skipped.
fn has_gpu(test: &str) -> bool {
    let found = Cuda::device_count() > 0;
    if !found {
        skipped(test, "there is no GPU");
    }
    found
}

/// Said past the harness, which shows nothing of a test that ends well.
fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped, {why}: {test}");
}

async fn vectors(name: &str, device: DeviceChoice, precision: Precision) -> Vec<Vec<f32>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name);
    let engine = Engine::start(EngineSettings {
        device,
        models: vec![ModelSettings {
            name: name.to_owned(),
            folder,
            precision,
            load: LoadAt::Start,
            follow_links: false,
        }],
        ..EngineSettings::default()
    })
    .await
    .unwrap();
    let model = engine.model(name).await.unwrap();
    let read = |text: &&str| model.read(text, None, TooLong::Truncate).unwrap();
    let items: Vec<_> = TEXTS.iter().cycle().take(200).map(read).collect();
    let work = Work {
        caller: "test".to_owned(),
        deadline: Instant::now() + Duration::from_secs(60),
        items,
        began: Began::default(),
    };
    engine.run(&model, work).await.unwrap()
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

#[tokio::test]
async fn a_gpu_gives_what_the_cpu_gives() {
    if !has_gpu("a_gpu_gives_what_the_cpu_gives") {
        return;
    }
    for name in ["bert", "bert-dense", "mpnet", "roberta", "xlm-roberta"] {
        let exact = vectors(name, DeviceChoice::Cpu, Precision::Float32).await;
        for (precision, cosine_min) in [(Precision::Float32, 0.9999), (Precision::Bfloat16, 0.99)] {
            let given = vectors(name, DeviceChoice::Cuda, precision).await;
            for (one, other) in exact.iter().zip(&given) {
                let cosine = cosine(one, other);
                assert!(cosine > cosine_min, "{name} in {precision:?}: {cosine}");
            }
        }
    }
}

#[tokio::test]
async fn a_gpu_that_is_not_there_is_told() {
    if Cuda::device_count() > 0 {
        skipped("a_gpu_that_is_not_there_is_told", "there is a GPU");
        return;
    }
    let settings = EngineSettings {
        device: DeviceChoice::Cuda,
        ..EngineSettings::default()
    };
    let error = Engine::start(settings).await.err().unwrap();
    assert!(error.to_string().starts_with("no GPU was found"), "{error}");
}
