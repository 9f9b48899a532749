//! Shares: how the slices of a read model are divided among the processes that fold it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use event_log::{Position, SLICES};
use uuid::Uuid;

/// A range of slices, and how far it is folded by whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub slices: Slices,
    pub position: Position,
    /// None when nobody has it.
    pub owner: Option<Uuid>,
    /// Fences writers. [`NEW_EPOCH`] until it is written down.
    pub epoch: i64,
}

/// Stands for the epoch that a share is given when it is written down.
pub(crate) const NEW_EPOCH: i64 = 0;

/// The slices from one to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slices {
    pub from: u16,
    pub to: u16,
}

impl Slices {
    pub const ALL: Slices = Slices { from: 0, to: SLICES };

    pub(crate) fn len(self) -> u16 {
        self.to - self.from
    }

    pub fn contains(self, slice: u16) -> bool {
        (self.from..self.to).contains(&slice)
    }
}

impl Share {
    /// All of a read model, not folded yet.
    pub fn whole(position: Position, owner: Option<Uuid>) -> Share {
        Share {
            slices: Slices::ALL,
            position,
            owner,
            epoch: NEW_EPOCH,
        }
    }

    /// Takes the first slices off, to be given to somebody else.
    fn split_off(&mut self, slices: u16) -> Share {
        let at = self.slices.from + slices;
        let first = Share {
            slices: Slices {
                from: self.slices.from,
                to: at,
            },
            ..self.clone()
        };
        self.slices.from = at;
        self.epoch = NEW_EPOCH;
        first
    }
}

/// How the shares stand once `me` has looked at them, in order of their slices. `present` are those who fold, among
/// them `me`. With `fresh`, what `me` had before it was started anew is fenced off.
///
/// What nobody has is taken, up to a fair part; then, if `me` has less than that, from whoever has most. What is folded
/// as far and lies side by side becomes one.
pub(crate) fn settled(shares: &[Share], me: Uuid, present: &BTreeSet<Uuid>, fresh: bool) -> Vec<Share> {
    let mut shares = shares.to_vec();
    for share in &mut shares {
        if share.owner == Some(me) && fresh {
            share.epoch = NEW_EPOCH;
        } else if share
            .owner
            .is_some_and(|owner| !present.contains(&owner) && owner != me)
        {
            share.owner = None;
        }
    }
    let present = present.iter().chain([&me]).collect::<BTreeSet<_>>().len();
    let present = u16::try_from(present).unwrap_or(SLICES).min(SLICES);
    let (least, most) = (SLICES / present, SLICES.div_ceil(present));
    let room = most.saturating_sub(held(&shares, me));
    take(&mut shares, None, me, room);
    loop {
        let missing = least.saturating_sub(held(&shares, me));
        let Some((richest, has)) = richest(&shares, me) else {
            break;
        };
        let slices = missing.min(has.saturating_sub(least));
        if slices == 0 {
            break;
        }
        take(&mut shares, Some(richest), me, slices);
    }
    joined(shares, me)
}

fn held(shares: &[Share], owner: Uuid) -> u16 {
    let held = shares.iter().filter(|share| share.owner == Some(owner));
    held.map(|share| share.slices.len()).sum()
}

/// Who has most but for `me`, and how much.
fn richest(shares: &[Share], me: Uuid) -> Option<(Uuid, u16)> {
    let mut held: BTreeMap<Uuid, u16> = BTreeMap::new();
    for share in shares {
        if let Some(owner) = share.owner.filter(|owner| *owner != me) {
            *held.entry(owner).or_default() += share.slices.len();
        }
    }
    held.into_iter().max_by_key(|(_, slices)| *slices)
}

/// Gives `to` so many slices of those that `from` has, or as many as there are.
fn take(shares: &mut Vec<Share>, from: Option<Uuid>, to: Uuid, mut slices: u16) {
    let mut split = Vec::new();
    for share in shares.iter_mut().filter(|share| share.owner == from) {
        if slices == 0 {
            break;
        }
        let taken = share.slices.len().min(slices);
        slices -= taken;
        if taken == share.slices.len() {
            share.owner = Some(to);
            share.epoch = NEW_EPOCH;
        } else {
            let mut first = share.split_off(taken);
            first.owner = Some(to);
            first.epoch = NEW_EPOCH;
            split.push(first);
        }
    }
    shares.extend(split);
    shares.sort_by_key(|share| share.slices);
}

/// How the shares stand once `me` has exactly these slices: each of them is a share of its own, and what else `me` had is
/// nobody's. With `fresh`, what `me` had before is fenced off.
pub(crate) fn assigned(shares: &[Share], me: Uuid, mine: &[Slices], fresh: bool) -> Vec<Share> {
    let bounds: BTreeSet<u16> = mine.iter().flat_map(|slices| [slices.from, slices.to]).collect();
    let mut assigned = Vec::with_capacity(shares.len() + mine.len());
    for share in shares {
        let mut from = share.slices.from;
        let within = bounds.range(from + 1..share.slices.to).copied();
        for to in within.chain([share.slices.to]).collect::<Vec<_>>() {
            let slices = Slices { from, to };
            let is_mine = mine.iter().any(|mine| mine.contains(from));
            let owner = match (is_mine, share.owner) {
                (true, _) => Some(me),
                (false, Some(owner)) if owner == me => None,
                (false, owner) => owner,
            };
            let stays = slices == share.slices && owner == share.owner && !(fresh && is_mine);
            assigned.push(Share {
                slices,
                position: share.position,
                owner,
                epoch: if stays { share.epoch } else { NEW_EPOCH },
            });
            from = to;
        }
    }
    // Parts of one slice range that were folded as far are one share again.
    let mut whole: Vec<Share> = Vec::with_capacity(assigned.len());
    for share in assigned {
        match whole.last_mut() {
            Some(last)
                if last.owner == Some(me)
                    && share.owner == Some(me)
                    && last.position == share.position
                    && mine
                        .iter()
                        .any(|mine| mine.contains(last.slices.from) && mine.contains(share.slices.from)) =>
            {
                last.slices.to = share.slices.to;
                last.epoch = NEW_EPOCH;
            }
            _ => whole.push(share),
        }
    }
    whole
}

/// Neighbours of `me`, or of nobody, that are folded as far become one.
fn joined(shares: Vec<Share>, me: Uuid) -> Vec<Share> {
    let mut joined: Vec<Share> = Vec::with_capacity(shares.len());
    for share in shares {
        match joined.last_mut() {
            Some(last)
                if last.owner == share.owner
                    && last.position == share.position
                    && last.owner.is_none_or(|owner| owner == me) =>
            {
                last.slices.to = share.slices.to;
                last.epoch = NEW_EPOCH;
            }
            _ => joined.push(share),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
