//! How far a read model is, as far as this process has heard.

use event_log::Position;

use crate::share::Slices;

/// What is folded and can be read. Never goes back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reached {
    position: Position,
    shares: Vec<(Slices, Position)>,
}

impl Reached {
    /// What is folded of every slice.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What is folded of one.
    pub fn of_slice(&self, slice: u16) -> Position {
        let share = self.shares.iter().find(|(slices, _)| slices.contains(slice));
        share.map_or(self.position, |(_, position)| self.position.max(*position))
    }

    /// Takes in how far the shares are, which cover all slices; says whether that is news.
    pub(crate) fn hear(&mut self, shares: Vec<(Slices, Position)>) -> bool {
        let least = shares.iter().map(|(_, position)| *position).min();
        let position = self.position.max(least.unwrap_or_default());
        let news = position > self.position || shares != self.shares;
        self.position = position;
        self.shares = shares;
        news
    }
}
