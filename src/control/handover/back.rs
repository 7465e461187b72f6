//! `torii failover --back` on both nodes: here the addresses are asked for, there they are handed over.
//!
//! Where nodes can speak (`transport = "udp"`) the active node is asked and hands over as planned, which
//! cuts nothing. Where they cannot, or it does not answer, this node takes them as VRRP lets the better
//! node do it. Whoever ordered it is told which of the two it was.

use tokio::time::{Instant, timeout};

use super::{Handover, TELL_AGAIN, Wish, are};
use crate::ha::order::{AskedBack, Refusal, RequestQueue, TakenBack, may_take_back};

impl Handover {
    /// Undoes `hand_over`: this node has the addresses again if it is the better one, and else stands for
    /// election again. Says each step to `tell`, and ends with what came of it in words.
    ///
    /// # Errors
    /// Nothing was handed over, a hand-over is under way, or the active node declines.
    pub async fn take_back(&self, tell: impl Fn(String)) -> Result<String, Refusal> {
        let _running = self.running.try_lock().map_err(|_| Refusal::Busy)?;
        may_take_back(&self.pair.status.latest())?;
        let begun = Instant::now();
        let asking = self.pair.ask_back();
        tokio::pin!(asking);
        let asked = loop {
            match timeout(TELL_AGAIN, &mut asking).await {
                Ok(asked) => break asked?,
                Err(_) => tell("the active node is asked to hand over, and finishes its connections".into()),
            }
        };
        let here = format!("{} with this node again", are(&self.pair.status.latest()));
        let seconds = begun.elapsed().as_secs_f64();
        match asked {
            AskedBack::HandedBack(name) => {
                Ok(format!("{here}, after {seconds:.1} s: {name} handed over as planned"))
            }
            AskedBack::Active(cause) => Ok(format!("{here}: {cause}")),
            AskedBack::NobodyToAsk => {
                self.take("over VRRP the active node cannot be asked to finish its connections first").await
            }
            AskedBack::NoAnswer(name) => {
                self.take(&format!("{name} did not answer when asked to hand over (is its torii older?)"))
                    .await
            }
        }
    }

    /// Without asking, or in spite of silence.
    async fn take(&self, why: &str) -> Result<String, Refusal> {
        Ok(match self.pair.take_back().await? {
            TakenBack::AtOnce => format!(
                "{} with this node again, taken at once: {why}, so what was in flight there is cut. \
                 `torii failover` on the active node cuts nothing",
                are(&self.pair.status.latest())
            ),
            TakenBack::Stands => "this node stands for election again; it did not take the shared \
                                  addresses now, since no worse node has them"
                .into(),
        })
    }

    /// Hands over whenever another node asks for it; never ends while there is a pair.
    pub async fn serve_requests(&self, mut requests: RequestQueue) {
        while let Some(requested) = requests.recv().await {
            let result = self.hand_over_to(requested.by).await;
            // The ha thread may have ended with the addresses.
            let _ = requested.reply.send(result.map(drop));
        }
    }

    /// Hands over because that node asks for it. Unlike after an operator's order, this node stands for
    /// election as before.
    pub(super) async fn hand_over_to(&self, name: String) -> Result<String, Refusal> {
        let _running = self.running.try_lock().map_err(|_| Refusal::Busy)?;
        self.run(&Wish::OtherNode(name), &|_| {}).await
    }
}
