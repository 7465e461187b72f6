//! A hold on the ha thread, for control.

use std::net::IpAddr;

use tokio::sync::oneshot;

use super::order::{AskedBack, Errand, HandedOver, Order, Orders, Refusal, TakenBack};
use super::status::PublishedStatus;

/// What control has of the ha thread.
#[derive(Debug, Clone)]
pub struct PairHandle {
    /// What it knows.
    pub status: PublishedStatus,
    /// What it may be asked.
    pub orders: Orders,
}

impl PairHandle {
    /// Gives the shared addresses away; ends when they are gone from here, or will not go.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn hand_over(&self, force: bool) -> Result<HandedOver, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::HandOver { force, reply }).await?;
        answer.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Gives the shared addresses to the node at `to`, which asked for them; ends as `hand_over` does.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn step_aside(&self, to: IpAddr) -> Result<HandedOver, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::StepAside { to, reply }).await?;
        answer.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Asks the active node for the shared addresses; ends when they are here, or will not come.
    ///
    /// # Errors
    /// Nothing was handed over, or the active node declines or is silent, or this one cannot have them.
    pub async fn ask_back(&self) -> Result<AskedBack, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::AskBack { reply }).await?;
        answer.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Stands for election again, and takes the shared addresses at once from a worse node.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn take_back(&self) -> Result<TakenBack, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::TakeBack { reply }).await?;
        answer.await.unwrap_or(Err(Refusal::Ended))
    }

    /// Ends the election on this node, in order.
    pub async fn shut_down(&self) {
        let (reply, answer) = oneshot::channel();
        if self.order(Order::Shutdown { reply }).await.is_ok() {
            // A thread that ends without an answer has ended too.
            let _ = answer.await;
        }
    }

    /// Has something short done with the rights of the ha thread.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn with_rights<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let errand = Errand(Box::new(move || {
            // Whoever asked may have gone.
            let _ = reply.send(job());
        }));
        self.order(Order::Errand(errand)).await?;
        answer.await.map_err(|_| Refusal::Ended)
    }

    async fn order(&self, order: Order) -> Result<(), Refusal> {
        self.orders.send(order).await.map_err(|_| Refusal::Ended)
    }
}
