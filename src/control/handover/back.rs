//! `torii failover --back` on both nodes: here the addresses are asked for, there they are handed over.
//!
//! Where nodes can speak (`transport = "udp"`) the active node is asked and hands over as planned. Silence
//! is no consent: who does not answer may not hear this node either, and both would be active. Where they
//! cannot speak, or the operator insists, this node takes the addresses as VRRP lets the better node do
//! it. Whoever ordered it is told which of the two it was.

use tokio::time::{Instant, timeout};

use super::{Handover, TELL_AGAIN, Wish, are};
use crate::ha::order::{AskedBack, Refusal, RequestQueue, Requested, TakenBack, may_take_back};

impl Handover {
    /// Undoes `hand_over`: this node has the addresses again if it is the better one, and else stands for
    /// election again. With `force` nobody is asked. Says each step to `tell`, and ends with what came of it
    /// in words.
    ///
    /// # Errors
    /// Nothing was handed over, a hand-over is under way, the active node declines or is silent, or this
    /// node cannot have the addresses or is asked to end.
    pub async fn take_back(&self, force: bool, tell: impl Fn(String)) -> Result<String, Refusal> {
        let _running = self.running.try_lock().map_err(|_| Refusal::Busy)?;
        may_take_back(&self.pair.status.latest())?;
        if force {
            return self.take("as ordered, the active node was not asked").await;
        }
        let begun = Instant::now();
        let asked = self.ask(&tell).await?;
        let here = format!("{} with this node again", are(&self.pair.status.latest()));
        let seconds = begun.elapsed().as_secs_f64();
        match asked {
            AskedBack::HandedBack(name) => {
                Ok(format!("{here}, after {seconds:.1} s: {name} handed over as planned"))
            }
            AskedBack::Active(cause) => {
                Ok(format!("{here}: it became active since, for another reason: {cause}"))
            }
            AskedBack::NobodyToAsk => {
                self.take("over VRRP the active node cannot be asked to finish its connections first").await
            }
        }
    }

    /// Asks the active node until that is decided, or this one is asked to end.
    async fn ask(&self, tell: &impl Fn(String)) -> Result<AskedBack, Refusal> {
        let mut is_leaving = self.is_leaving.subscribe();
        let leaving = is_leaving.wait_for(|is_leaving| *is_leaving);
        let asking = async {
            let asking = self.pair.ask_back();
            tokio::pin!(asking);
            loop {
                match timeout(TELL_AGAIN, &mut asking).await {
                    Ok(asked) => return asked,
                    Err(_) => tell("the active node is asked to hand over; waiting for it".into()),
                }
            }
        };
        tokio::select! {
            asked = asking => asked,
            // The ha thread sees that nobody waits for the answer, and asks no more.
            _ = leaving => Err(Refusal::CalledOff),
        }
    }

    /// Without asking.
    async fn take(&self, why: &str) -> Result<String, Refusal> {
        let taken = self.pair.take_back().await?;
        let are = are(&self.pair.status.latest());
        Ok(match taken {
            TakenBack::AtOnce => format!(
                "{are} with this node again, taken at once: {why}, so what was in flight there is cut. \
                 `torii failover` on the active node finishes requests first"
            ),
            TakenBack::Already => format!("{are} with this node again: it became active since"),
            TakenBack::Stands => "this node stands for election again; it did not take the shared \
                                  addresses now, since no worse node has them"
                .into(),
        })
    }

    /// Hands over whenever another node asks for it; never ends while there is a pair.
    pub async fn serve_requests(&self, mut requests: RequestQueue) {
        while let Some(Requested { by, from, mut reply }) = requests.recv().await {
            let wish = Wish::OtherNode { name: by, address: from };
            let result = self.hand_over_to(&wish, reply.closed()).await;
            // The ha thread may have ended with the addresses.
            let _ = reply.send(result.map(drop));
        }
    }

    /// Hands over because another node asks for it. Unlike after an operator's order, this node stands for
    /// election as before.
    async fn hand_over_to(
        &self,
        wish: &Wish,
        called_off: impl Future<Output = ()>,
    ) -> Result<String, Refusal> {
        let _running = self.running.try_lock().map_err(|_| Refusal::Busy)?;
        self.run(wish, &|_| {}, called_off).await
    }
}
