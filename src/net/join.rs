//! Two futures run to completion in one task: both directions of an exchange at once.
//!
//! Unlike a race, neither is ever dropped while pending.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Awaits both and returns both results.
pub async fn join<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let mut first = pin!(first);
    let mut second = pin!(second);
    let mut first_done = None;
    let mut second_done = None;
    poll_fn(|context| {
        if first_done.is_none()
            && let Poll::Ready(output) = first.as_mut().poll(context)
        {
            first_done = Some(output);
        }
        if second_done.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(context)
        {
            second_done = Some(output);
        }
        match (first_done.take(), second_done.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (first, second) => {
                first_done = first;
                second_done = second;
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn waits_for_both_and_polls_neither_after_its_end() {
        let mut left = 3;
        let counting = poll_fn(move |_| {
            assert!(left > 0, "polled after its end");
            left -= 1;
            if left == 0 { Poll::Ready("slow") } else { Poll::Pending }
        });
        let mut joined = pin!(join(std::future::ready("quick"), counting));
        let mut context = Context::from_waker(Waker::noop());
        assert!(joined.as_mut().poll(&mut context).is_pending());
        assert!(joined.as_mut().poll(&mut context).is_pending());
        assert_eq!(joined.as_mut().poll(&mut context), Poll::Ready(("quick", "slow")));
    }
}
