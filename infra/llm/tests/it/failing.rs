//! Calls when workers are killed, hang, refuse, or lie.

use std::time::Duration;

use llm::{EmbedOptions, Error, Kind, Workers};

use crate::worker::{Manner, Worker, vector};
use crate::{client, settings, told, until};

pub async fn embed(workers: &Workers, text: &str) -> Result<Vec<f32>, Error> {
    let found = workers.embed("small", &[text], &EmbedOptions::default()).await;
    found.map(|mut found| found.vectors.remove(0))
}

pub async fn within(workers: &Workers, ms: u64) -> Result<Vec<Vec<f32>>, Error> {
    let options = EmbedOptions {
        timeout: Some(Duration::from_millis(ms)),
        ..EmbedOptions::default()
    };
    workers
        .embed("small", &["x"], &options)
        .await
        .map(|found| found.vectors)
}

pub fn refuse(status: u16, retry_after: Option<u64>, code: &'static str) -> Manner {
    Manner::Refuse {
        status,
        retry_after,
        code,
    }
}

pub async fn pair(one: Manner, other: Manner) -> (Worker, Worker, Workers) {
    let (one, other) = (Worker::start(one).await, Worker::start(other).await);
    let workers = client(&[&one, &other]).await;
    (one, other, workers)
}

#[tokio::test]
async fn what_a_killed_worker_had_is_computed_by_another() {
    let (mut one, mut other, workers) = pair(Manner::Wait, Manner::Wait).await;
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let workers = workers.clone();
            tokio::spawn(async move { embed(&workers, &number.to_string()).await })
        })
        .collect();
    until(|| one.begun() + other.begun() == 40).await;
    assert!(one.begun() > 0 && other.begun() > 0);
    one.kill();
    other.release();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), vector(&number.to_string()));
    }
    let lost = &workers.standing()[0];
    assert!(!lost.well && lost.requests == 0, "{lost:?}");
    for number in 0..20 {
        embed(&workers, &number.to_string()).await.unwrap();
    }
    // None is left.
    other.kill();
    let error = embed(&workers, "x").await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{}", told(&error));
}

#[tokio::test]
async fn what_a_worker_that_hangs_had_is_computed_by_another() {
    let (one, other) = (
        Worker::start(Manner::Wait).await,
        Worker::start(Manner::Wait).await,
    );
    let mut settings = settings(&[&one, &other]);
    // Not less: within it the other one answers too, however much else runs here.
    settings.probe_ms = 500;
    let workers = Workers::new(settings).unwrap();
    let call = tokio::spawn({
        let workers = workers.clone();
        async move { embed(&workers, "x").await }
    });
    until(|| one.begun() + other.begun() == 1).await;
    let (hanging, well) = if one.begun() == 1 {
        (&one, &other)
    } else {
        (&other, &one)
    };
    well.release();
    hanging.readiness(None);
    assert_eq!(call.await.unwrap().unwrap(), vector("x"));
    hanging.until_ended(1).await;
    // It is as before when it answers again.
    hanging.readiness(Some(200));
    until(|| workers.standing().iter().all(|standing| standing.well)).await;
}

#[tokio::test]
async fn a_worker_that_hangs_is_waited_for_where_there_is_no_other() {
    let worker = Worker::start(Manner::Wait).await;
    worker.readiness(None);
    let mut settings = settings(&[&worker]);
    settings.probe_ms = 5;
    let workers = Workers::new(settings).unwrap();
    let call = tokio::spawn({
        let workers = workers.clone();
        async move { embed(&workers, "x").await }
    });
    worker.until_begun(1).await;
    worker.until_probed(5).await;
    assert!(!workers.standing()[0].well);
    worker.release();
    assert_eq!(call.await.unwrap().unwrap(), vector("x"));
}

#[tokio::test]
async fn a_worker_that_comes_back_is_asked_again() {
    let mut worker = Worker::start(Manner::Answer).await;
    let mut settings = settings(&[&worker]);
    settings.probe_ms = 20;
    let workers = Workers::new(settings).unwrap();
    embed(&workers, "x").await.unwrap();
    worker.kill();
    let error = embed(&workers, "x").await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "{}", told(&error));
    until(|| !workers.standing()[0].well).await;
    worker.run().await;
    until(|| workers.standing()[0].well).await;
    assert_eq!(embed(&workers, "x").await.unwrap(), vector("x"));
}

#[tokio::test]
async fn a_worker_that_is_not_ready_is_not_asked_while_another_is() {
    let (one, other) = (
        Worker::start(Manner::Answer).await,
        Worker::start(Manner::Answer).await,
    );
    one.readiness(Some(503));
    let mut settings = settings(&[&one, &other]);
    settings.probe_ms = 20;
    let workers = Workers::new(settings).unwrap();
    until(|| !workers.standing()[0].well).await;
    for _ in 0..20 {
        embed(&workers, "x").await.unwrap();
    }
    assert_eq!((one.begun(), other.begun()), (0, 20));
}

#[tokio::test]
async fn a_worker_that_is_busy_sends_its_calls_to_another() {
    let (one, other, workers) = pair(refuse(429, Some(60), "overloaded"), Manner::Answer).await;
    for _ in 0..30 {
        assert_eq!(embed(&workers, "x").await.unwrap(), vector("x"));
    }
    assert!(one.begun() <= 1 && other.begun() == 30);
}

#[tokio::test]
async fn a_call_waits_for_busy_workers_if_its_time_allows() {
    let worker = Worker::start(Manner::Answer).await;
    worker.first(vec![
        refuse(429, Some(0), "overloaded"),
        refuse(503, Some(0), "stopping"),
    ]);
    let workers = client(&[&worker]).await;
    assert_eq!(embed(&workers, "x").await.unwrap(), vector("x"));
    assert_eq!(worker.begun(), 3);
    worker.be(refuse(429, Some(40), "overloaded"));
    let error = within(&workers, 20_000).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (Kind::Throttled, Some("overloaded"))
    );
    assert!(error.retry_after.unwrap() > Duration::from_secs(30), "{error:?}");
    // Nobody asks meanwhile.
    assert_eq!(within(&workers, 20_000).await.unwrap_err().kind, Kind::Throttled);
    assert_eq!(worker.begun(), 4);
}

#[tokio::test]
async fn a_model_is_asked_of_those_that_have_it() {
    let (one, other, workers) = pair(refuse(404, None, "model_not_found"), Manner::Answer).await;
    for _ in 0..30 {
        assert_eq!(embed(&workers, "x").await.unwrap(), vector("x"));
    }
    assert!(one.begun() <= 1 && other.begun() == 30);
    other.be(refuse(404, None, "model_not_found"));
    let error = embed(&workers, "x").await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert_eq!(
        told(&error),
        "no worker has the model (model_not_found): the worker said: so it is"
    );
}

#[tokio::test]
async fn a_request_that_is_wrong_is_asked_once() {
    let (one, other, workers) = pair(
        refuse(400, None, "text_too_long"),
        refuse(400, None, "text_too_long"),
    )
    .await;
    let error = embed(&workers, "x").await.unwrap_err();
    assert_eq!(error.kind, Kind::Rejected);
    assert_eq!(
        told(&error),
        "the request was rejected (text_too_long): the worker said: so it is"
    );
    assert_eq!(one.begun() + other.begun(), 1);
    assert!(workers.standing().iter().all(|standing| standing.well));
}

#[tokio::test]
async fn a_worker_that_refuses_the_key_does_not_draw_all_calls_to_itself() {
    let (one, other, workers) = pair(refuse(401, None, "invalid_api_key"), Manner::Answer).await;
    let mut rejected = 0;
    for _ in 0..30 {
        match embed(&workers, "x").await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind, Kind::Rejected);
                rejected += 1;
            }
        }
    }
    assert!(rejected <= 1 && one.begun() == rejected && other.begun() == 30 - rejected);
}

#[tokio::test]
async fn a_worker_that_lies_is_not_believed() {
    let nan = "AADAfwAAgD8AAIA/";
    let lies = [
        ("", "the answer is not of the protocol, at line 1 column 0"),
        ("<html>", "the answer is not of the protocol, at line 1 column 1"),
        (r#"{"data":[]}"#, "0 results came for 1 inputs"),
        (
            r#"{"data":[{"index":0,"embedding":"AACAPw=="},{"index":1,"embedding":"AACAPw=="}]}"#,
            "2 results came for 1 inputs",
        ),
        (
            r#"{"data":[{"index":1,"embedding":"AACAPw=="}]}"#,
            "result 1 came twice, or for no input",
        ),
        (
            r#"{"data":[{"index":0,"embedding":"%%%"}]}"#,
            "vector 0 is not written in base64, or is cut off",
        ),
        (
            &format!(r#"{{"data":[{{"index":0,"embedding":"{nan}"}}]}}"#),
            "result 0 holds what is no finite number",
        ),
    ];
    for (body, expected) in lies {
        let worker = Worker::start(Manner::Say(body.to_owned())).await;
        let workers = client(&[&worker]).await;
        let error = embed(&workers, "x").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert_eq!(told(&error), format!("no worker could answer: {expected}"));
    }
    let (liar, other, workers) = pair(Manner::Say("{}".to_owned()), Manner::Answer).await;
    for _ in 0..30 {
        assert_eq!(embed(&workers, "x").await.unwrap(), vector("x"));
    }
    assert!(liar.begun() <= 3 && other.begun() == 30, "{}", liar.begun());
}

#[tokio::test]
async fn an_answer_without_end_and_one_that_breaks_off_are_given_up() {
    for (manner, part) in [
        (Manner::Flood, "the answer has more than"),
        (Manner::BreakOff, "the request failed"),
    ] {
        let worker = Worker::start(manner).await;
        let workers = client(&[&worker]).await;
        let error = embed(&workers, "x").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(told(&error).contains(part), "{}", told(&error));
        worker.until_ended(1).await;
    }
}

#[tokio::test]
async fn workers_with_different_models_under_one_name_are_told() {
    let (one, _other, workers) = pair(Manner::Answer, Manner::Answer).await;
    let vectors: Vec<String> = (0..32)
        .map(|index| format!(r#"{{"index":{index},"embedding":"AACAPw=="}}"#))
        .collect();
    one.be(Manner::Say(format!(r#"{{"data":[{}]}}"#, vectors.join(","))));
    let error = workers
        .embed("small", &crate::texts(64), &EmbedOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(told(&error).contains("dimensions"), "{}", told(&error));
}

#[tokio::test]
async fn metrics_tell_what_became_of_requests_by_worker() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (mut one, other, workers) = pair(Manner::Answer, refuse(500, None, "internal")).await;
    for _ in 0..20 {
        embed(&workers, "x").await.unwrap();
    }
    one.kill();
    while workers.standing()[0].well {
        embed(&workers, "x").await.unwrap_err();
    }
    let found = recorder.handle().render();
    let (one, other) = (one.name(), other.name());
    for line in [
        format!(r#"llm_worker_requests_total{{worker="{one}",outcome="answered"}} 20"#),
        format!(r#"llm_worker_requests_total{{worker="{one}",outcome="unreachable"}}"#),
        format!(r#"llm_worker_requests_total{{worker="{other}",outcome="failed"}}"#),
        format!(r#"llm_worker_retries_total{{worker="{other}"}}"#),
        format!(r#"llm_worker_ejections_total{{worker="{one}"}} 1"#),
        format!(r#"llm_worker_ready{{worker="{one}"}} 1"#),
        format!(r#"llm_worker_request_duration_seconds_count{{worker="{one}"}}"#),
    ] {
        assert!(found.contains(&line), "{line} is not in\n{found}");
    }
}
