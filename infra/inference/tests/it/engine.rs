//! Models that come and go, and requests that are computed, refused, cancelled and waited for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use inference::engine::{Engine, ModelError, RunError, Status, Work};
use inference::model::{Model, Tokens, TooLong};
use inference::scheduler::Began;
use inference::settings::{DeviceChoice, EngineSettings, LoadAt, ModelSettings, Precision};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

fn model(name: &str, load: LoadAt) -> ModelSettings {
    ModelSettings {
        name: name.to_owned(),
        folder: folder(name),
        precision: Precision::Float32,
        load,
        follow_links: false,
    }
}

fn settings(models: Vec<ModelSettings>) -> EngineSettings {
    EngineSettings {
        device: DeviceChoice::Cpu,
        models,
        ..EngineSettings::default()
    }
}

async fn started(settings: EngineSettings) -> (Engine, Arc<Model>) {
    let name = settings.models[0].name.clone();
    let engine = Engine::start(settings).await.unwrap();
    let model = engine.model(&name).await.unwrap();
    (engine, model)
}

fn work(caller: &str, model: &Model, texts: usize) -> Work {
    let text = "The ferry leaves the harbour at seven in the morning.";
    let tokens = model.read(text, None, TooLong::Truncate).unwrap();
    Work {
        caller: caller.to_owned(),
        deadline: Instant::now() + Duration::from_secs(60),
        items: vec![tokens; texts],
        began: Began::default(),
    }
}

fn status(engine: &Engine, name: &str) -> Status {
    let states = engine.models();
    states.iter().find(|state| state.name == name).unwrap().status
}

#[tokio::test]
async fn many_requests_have_each_their_own_answers() {
    let (engine, model) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    let texts = [
        "a",
        "The ferry leaves.",
        "Two tickets to the island, please.",
        "渡轮早上七点离开港口",
    ];
    let read = |text: &str| model.read(text, None, TooLong::Truncate).unwrap();
    let ask = |items: Vec<Tokens>, caller: usize| {
        let work = Work {
            caller: format!("caller {}", caller % 7),
            deadline: Instant::now() + Duration::from_secs(60),
            items,
            began: Began::default(),
        };
        let (engine, model) = (engine.clone(), model.clone());
        async move { engine.run(&model, work).await.unwrap() }
    };
    let mut alone = Vec::new();
    for text in texts {
        alone.push(ask(vec![read(text)], 0).await.remove(0));
    }
    let requests = (0..200).map(|at| {
        let which: Vec<usize> = (0..=at % 9).map(|text| (at + text) % texts.len()).collect();
        let items = which.iter().map(|&text| read(texts[text])).collect();
        let request = ask(items, at);
        async move { (which, request.await) }
    });
    for (which, rows) in join_all(requests).await {
        assert_eq!(rows.len(), which.len());
        for (row, text) in rows.iter().zip(which) {
            let near = row
                .iter()
                .zip(&alone[text])
                .all(|(one, other)| (one - other).abs() < 1e-4);
            assert!(near, "{row:?}\n{:?}", alone[text]);
        }
    }
    assert_eq!(engine.queued_tokens(), 0);
}

#[tokio::test]
async fn what_nobody_waits_for_leaves_the_queue() {
    let (engine, model) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    for _ in 0..20 {
        let work = work("gone", &model, 2_000);
        let gone = tokio::time::timeout(Duration::from_micros(1), engine.run(&model, work)).await;
        drop(gone);
    }
    // Only what had begun is left.
    engine.drain().await;
    assert_eq!(engine.queued_tokens(), 0);
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_told() {
    let (engine, model) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    let late = Work {
        deadline: Instant::now(),
        ..work("late", &model, 2_000)
    };
    let error = engine.run(&model, late).await.unwrap_err();
    assert!(
        matches!(error, RunError::TooLate | RunError::Busy { .. }),
        "{error}"
    );
    engine.run(&model, work("in time", &model, 1)).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_and_says_when_to_come_again() {
    let mut settings = settings(vec![model("bert", LoadAt::Start)]);
    settings.queue_tokens_max = 1_000;
    let (engine, model) = started(settings).await;
    let requests = (0..200).map(|at| {
        let (engine, model) = (engine.clone(), model.clone());
        let work = work(&format!("caller {at}"), &model, 40);
        async move { engine.run(&model, work).await }
    });
    let results = join_all(requests).await;
    let refused = results.iter().filter_map(|result| result.as_ref().err());
    let mut count = 0;
    for error in refused {
        count += 1;
        match error {
            RunError::Busy { retry_after } => assert!(*retry_after >= Duration::from_secs(1)),
            other => panic!("{other}"),
        }
    }
    assert!(count > 0 && count < 200, "{count} of 200 were refused");
}

#[tokio::test]
async fn a_model_that_came_on_demand_leaves_for_another_one() {
    let mut settings = settings(vec![
        model("bert", LoadAt::Demand),
        model("mpnet", LoadAt::Demand),
    ]);
    settings.memory_mib = Some(0);
    let engine = Engine::start(settings.clone()).await.unwrap();
    let error = engine.model("bert").await.err().unwrap();
    assert!(matches!(error, ModelError::NoMemory { .. }), "{error}");
    // One of them fits at a time.
    settings.memory_mib = Some(1);
    let large = |name: &str| {
        1 << 20
            < 2 * Model::open(&model(name, LoadAt::Demand))
                .unwrap()
                .model
                .card()
                .bytes
    };
    let engine = Engine::start(settings).await.unwrap();
    assert_eq!(status(&engine, "bert"), Status::Absent);
    engine.model("bert").await.unwrap();
    engine.model("mpnet").await.unwrap();
    let expected = if large("bert") && large("mpnet") {
        Status::Absent
    } else {
        Status::Loaded
    };
    assert_eq!(status(&engine, "bert"), expected);
    assert_eq!(status(&engine, "mpnet"), Status::Loaded);
}

#[tokio::test]
async fn models_that_are_loaded_at_once_wait_for_room() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let models = names.map(|name| ModelSettings {
        name: name.to_owned(),
        ..model("bert", LoadAt::Demand)
    });
    let mut settings = settings(models.to_vec());
    // Loading takes a MiB of each for a while.
    settings.memory_mib = Some(2);
    let engine = Engine::start(settings).await.unwrap();
    for loaded in join_all(names.map(|name| engine.model(name))).await {
        let model = loaded.unwrap();
        engine.run(&model, work("all", &model, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_model_that_is_unloaded_answers_those_who_hold_it() {
    let (engine, held) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    let unloading = {
        let engine = engine.clone();
        tokio::spawn(async move { engine.unload("bert").await })
    };
    while status(&engine, "bert") == Status::Loaded {
        tokio::task::yield_now().await;
    }
    engine.run(&held, work("holds", &held, 3)).await.unwrap();
    assert!(!unloading.is_finished());
    drop(held);
    unloading.await.unwrap().unwrap();
    assert_eq!(status(&engine, "bert"), Status::Absent);
    // It comes again when it is asked for.
    let again = engine.model("bert").await.unwrap();
    engine.run(&again, work("again", &again, 1)).await.unwrap();
}

#[tokio::test]
async fn another_configuration_brings_models_and_takes_them() {
    let (engine, held) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    engine
        .configure(settings(vec![model("roberta", LoadAt::Start)]))
        .await
        .unwrap();
    assert_eq!(engine.models().len(), 1);
    assert_eq!(status(&engine, "roberta"), Status::Loaded);
    assert!(engine.model("bert").await.is_err());
    engine.run(&held, work("holds", &held, 1)).await.unwrap();
    let twice = vec![model("bert", LoadAt::Start), model("bert", LoadAt::Demand)];
    assert!(engine.configure(settings(twice)).await.is_err());
    assert_eq!(status(&engine, "roberta"), Status::Loaded);
}

#[tokio::test]
async fn a_worker_that_stops_computes_what_it_has_taken_and_takes_no_more() {
    let (engine, model) = started(settings(vec![model("bert", LoadAt::Start)])).await;
    let taken = {
        let (engine, model) = (engine.clone(), model.clone());
        let work = work("taken", &model, 500);
        tokio::spawn(async move { engine.run(&model, work).await })
    };
    while engine.queued_tokens() == 0 && !taken.is_finished() {
        tokio::task::yield_now().await;
    }
    engine.drain().await;
    assert_eq!(taken.await.unwrap().unwrap().len(), 500);
    let error = engine.run(&model, work("late", &model, 1)).await.unwrap_err();
    assert_eq!(error, RunError::Stopping);
}

/// Rounded weights point nearly the same way.
#[tokio::test]
async fn rounded_precisions_stay_near() {
    for name in ["bert", "mpnet", "roberta", "xlm-roberta"] {
        let (engine, exact) = started(settings(vec![model(name, LoadAt::Start)])).await;
        let exact = engine
            .run(&exact, work("one", &exact, 1))
            .await
            .unwrap()
            .remove(0);
        for (precision, cosine_min) in [(Precision::Bfloat16, 0.99), (Precision::Int8, 0.98)] {
            let rounded = ModelSettings {
                precision,
                ..model(name, LoadAt::Start)
            };
            let (engine, rounded) = started(settings(vec![rounded])).await;
            let rows = engine.run(&rounded, work("one", &rounded, 2)).await.unwrap();
            assert_eq!(rows[0], rows[1], "{name}");
            let cosine = cosine(&exact, &rows[0]);
            assert!(cosine > cosine_min, "{name} in {precision:?}: {cosine}");
        }
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |one: &[f32], other: &[f32]| -> f32 { one.iter().zip(other).map(|(a, b)| a * b).sum() };
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}
