//! What every handler can reach.

use std::sync::Arc;

use commands::Commands;
use projections::{Live, Projections, Reader};

use crate::graphql::Graphql;
use crate::presence::Presence;
use crate::rate::Gates;
use crate::socket::Seats;
use crate::{Health, Settings};

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct Edge {
    pub commands: Commands,
    pub reader: Reader,
    pub live: Live,
    pub projections: Projections,
    pub health: Health,
    pub settings: Arc<Settings>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) sockets: Seats,
    pub(crate) presence: Presence,
    pub(crate) graphql: Graphql,
}

impl Edge {
    pub fn new(
        commands: Commands,
        reader: Reader,
        live: Live,
        projections: Projections,
        health: Health,
        settings: Settings,
    ) -> Self {
        let gates = Arc::new(Gates::new(&settings.limits, &settings.counts));
        let presence = Presence::new(&settings.presence);
        let sockets = Seats::new(&settings.limits, &settings.counts, presence.clone());
        let graphql = Graphql::new(&settings.graphql);
        Self {
            commands,
            reader,
            live,
            projections,
            health,
            settings: Arc::new(settings),
            gates,
            sockets,
            presence,
            graphql,
        }
    }

    /// Tells other processes who has sockets here, until `stop` resolves.
    pub fn keep_presence<S>(&self, stop: S) -> impl Future<Output = ()> + use<S>
    where
        S: Future<Output = ()>,
    {
        self.presence.clone().keep(stop)
    }
}
