//! What a client of a stream reads, in paused time.

use std::collections::VecDeque;

use runtime::shutdown::Stopper;
use serde_json::json;

use super::*;

/// Yields these events, then ends or is silent.
struct Fixed {
    events: VecDeque<Event>,
    ends: bool,
}

impl Stream for Fixed {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn stream(events: impl IntoIterator<Item = Event>, ends: bool) -> (Stopper, Body) {
    let (stopper, stop) = Stop::channel();
    let events: Events<u32> = Events::new(Fixed { events: events.into_iter().collect(), ends }, stop);
    (stopper, events.into_response().into_body())
}

/// The next piece of the body; `None` at its end.
async fn next(body: &mut Body) -> Option<String> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn an_event_has_a_name_data_and_an_id_in_one_line_each() {
    let event = Event::new("added", &json!({"name": "a\nb"})).with_id("7-1\ndata: forged");
    let (_stopper, mut body) = stream([event], true);
    let expected = "event: added\ndata: {\"name\":\"a\\nb\"}\nid: 7-1data: forged\n\n";
    assert_eq!(next(&mut body).await.as_deref(), Some(expected));
    assert_eq!(next(&mut body).await, None);
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test(start_paused = true)]
async fn after_15_seconds_of_silence_there_is_a_comment() {
    let (_stopper, mut body) = stream([Event::of_json("synced", "{}")], false);
    let begin = Instant::now();
    next(&mut body).await.unwrap();
    for comments in [1, 2] {
        assert_eq!(next(&mut body).await.as_deref(), Some(":\n\n"));
        assert_eq!(begin.elapsed(), SILENCE * comments);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_stream_and_says_when_to_come_back() {
    let (stopper, mut body) = stream([], false);
    stopper.stop();
    assert_eq!(next(&mut body).await.as_deref(), Some("retry: 2000\n\n"));
    assert_eq!(next(&mut body).await, None);
}
