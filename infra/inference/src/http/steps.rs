//! The steps that requests for vectors and for scores have in common: the body, the model, what is computed.

use std::sync::Arc;

use axum::extract::Request;

use super::body::Held;
use super::frame::Asked;
use super::problem::Problem;
use super::reading::work;
use super::{Service, body};
use crate::engine::Work;
use crate::model::{Model, Tokens};
use crate::scheduler::Began;

/// Reads the body, and the fields in it. The body is held as long as its texts are needed.
pub(super) async fn fields<T: Send + 'static>(
    service: &Service,
    request: Request,
    read: impl FnOnce(&[u8]) -> Result<T, Problem> + Send + 'static,
) -> Result<(Held, T), Problem> {
    // Of a worker that starts nobody needs to send one.
    service.engine()?;
    let held = body::read(service, request).await?;
    // JSON is read in about a quarter of a tokenizer's time.
    let bytes = held.bytes.len() / 4;
    work(service, bytes, move |_| {
        let fields = read(&held.bytes)?;
        Ok((held, fields))
    })
    .await
}

/// The model of this name, brought into memory if it was not.
pub(super) async fn model(service: &Service, asked: &Asked, name: &str) -> Result<Arc<Model>, Problem> {
    let model = service.engine()?.model(name).await;
    let model = model.map_err(|error| Problem::of_model(&error, asked.caller.admin))?;
    asked.stages.mark("model");
    Ok(model)
}

/// A row for each text.
pub(super) async fn rows(
    service: &Service,
    asked: &Asked,
    model: &Arc<Model>,
    items: Vec<Tokens>,
) -> Result<Vec<Vec<f32>>, Problem> {
    asked.stages.mark("read");
    let began = Began::default();
    let work = Work {
        caller: asked.caller.name.clone(),
        deadline: asked.deadline.into_std(),
        items,
        began: began.clone(),
    };
    let rows = service.engine()?.run(model, work).await;
    if let Some(began) = began.at() {
        asked.stages.mark_at("wait", began);
        asked.stages.mark("compute");
    }
    rows.map_err(|error| Problem::of_run(&error))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::config::Config;
    use crate::measures;

    #[tokio::test]
    async fn a_worker_that_starts_reads_no_body() {
        let recorder = measures::recorder().expect("a recorder");
        let service = Service::new(&Config::default(), None, recorder);
        let request = Request::new(Body::from("no JSON"));
        let refused = fields(&service, request, |_| Ok(())).await;
        assert_eq!(refused.err().map(|problem| problem.code.name()), Some("starting"));
    }
}
