//! How workers get the snapshot: one pointer compare per request.

use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::cache::Cache;

use super::model::Snapshot;

/// Where control puts a snapshot and every worker finds the newest.
#[derive(Debug, Clone)]
pub struct Published(Arc<ArcSwap<Snapshot>>);

/// A worker's view: keeps the last snapshot it saw.
#[derive(Debug, Clone)]
pub struct View(Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>);

impl Published {
    /// The first snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self(Arc::new(ArcSwap::new(snapshot)))
    }

    /// The newest snapshot, for threads that look rarely.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// A view for one worker.
    pub fn view(&self) -> View {
        View(Cache::new(self.0.clone()))
    }
}

impl View {
    /// The newest snapshot.
    #[inline]
    pub fn latest(&mut self) -> &Arc<Snapshot> {
        self.0.load()
    }
}
