//! Where each track's packets go: per track, the slots that show it.

use crate::media::Source;

/// One slot of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub seat: usize,
    pub slot: usize,
}

/// By the publisher's seat and source. A room's tables are bounded by its participants times
/// their slots.
#[derive(Debug, Default)]
pub struct Routes {
    by_seat: Vec<[Vec<Route>; Source::ALL.len()]>,
}

impl Routes {
    pub fn of(&self, seat: usize, source: Source) -> &[Route] {
        self.by_seat
            .get(seat)
            .map_or(&[], |tracks| &tracks[source as usize])
    }

    pub fn add(&mut self, seat: usize, source: Source, route: Route) {
        if self.by_seat.len() <= seat {
            self.by_seat.resize_with(seat + 1, Default::default);
        }
        let routes = &mut self.by_seat[seat][source as usize];
        if !routes.contains(&route) {
            routes.push(route);
        }
    }

    pub fn remove(&mut self, seat: usize, source: Source, route: Route) {
        if let Some(tracks) = self.by_seat.get_mut(seat) {
            tracks[source as usize].retain(|known| *known != route);
        }
    }

    /// Forgets a seat on both sides. Gives the routes that its tracks had.
    pub fn remove_seat(&mut self, seat: usize) -> Vec<Route> {
        for tracks in &mut self.by_seat {
            for routes in tracks {
                routes.retain(|route| route.seat != seat);
            }
        }
        let Some(tracks) = self.by_seat.get_mut(seat) else {
            return Vec::new();
        };
        std::mem::take(tracks).into_iter().flatten().collect()
    }

    /// Routes in all.
    pub fn len(&self) -> usize {
        self.by_seat.iter().flatten().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_leaves_nothing_behind() {
        let mut routes = Routes::default();
        let route = |seat, slot| Route { seat, slot };
        routes.add(0, Source::Camera, route(1, 4));
        routes.add(0, Source::Camera, route(1, 4));
        routes.add(0, Source::Microphone, route(2, 0));
        routes.add(2, Source::Camera, route(0, 5));
        assert_eq!(routes.of(0, Source::Camera), [route(1, 4)]);
        assert_eq!(routes.len(), 3);
        let served = routes.remove_seat(0);
        assert_eq!(served, [route(2, 0), route(1, 4)]);
        assert_eq!(routes.len(), 0);
        routes.remove(9, Source::Screen, route(0, 0));
        assert!(routes.of(9, Source::Screen).is_empty());
    }
}
