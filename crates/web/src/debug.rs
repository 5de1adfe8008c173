//! `/debug/tasks`: how each periodic task does, for operators.
//!
//! Owns the route. What a task says of itself, `runtime` keeps.

use axum::extract::State;
use runtime::tasks::{TaskState, Tasks};
use schemars::JsonSchema;
use serde::Serialize;

use crate::routes::get;
use crate::{Json, NoQuery, Routes};

/// The debug routes of the API listener.
pub fn routes(tasks: Tasks) -> Routes {
    Routes::new().admin(get("/debug/tasks", "Shows how each periodic task does.", list).with_state(tasks))
}

/// Every periodic task of this process, by name.
#[derive(Debug, Serialize, JsonSchema)]
struct TaskList {
    /// The tasks.
    items: Vec<TaskState>,
    /// How many there are.
    count: usize,
}

/// Shows the last run, its report, and the next run of each task.
async fn list(State(tasks): State<Tasks>, _: NoQuery) -> Json<TaskList> {
    let items = tasks.states();
    Json(TaskList { count: items.len(), items })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use runtime::clock::ManualClock;
    use runtime::shutdown::Stop;
    use runtime::tasks::Schedule;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn every_task_is_listed_with_what_it_does() {
        let (_stopper, stop) = Stop::channel();
        let tasks = Tasks::new(Arc::new(ManualClock::default()), stop, 7);
        let _loop = tasks.external("violations.pass", Schedule::every(Duration::from_secs(2)));
        let listed = serde_json::to_value(list(State(tasks), NoQuery).await.0).unwrap();
        assert_eq!(listed["count"], 1);
        let names: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|task| &task["name"]).collect();
        assert_eq!(names, [&json!("violations.pass")]);
    }
}
