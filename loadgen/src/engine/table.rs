//! The connections of a thread, and until when each may take for what it is doing.
//!
//! Deadlines lie apart from the connections, densely: looking through them costs about a nanosecond
//! each, arming one is a store.

use super::connection::Connection;

/// No deadline.
const NEVER: u64 = u64::MAX;

/// Names a connection and no later one in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(pub u64);

impl Token {
    fn new(index: usize, generation: u32) -> Self {
        Self((u64::from(generation) << 32) | index as u64)
    }

    fn index(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

#[derive(Default)]
struct Place {
    generation: u32,
    /// `None`: free, or taken out to be worked on.
    connection: Option<Box<Connection>>,
}

/// The table.
#[derive(Default)]
pub struct Table {
    places: Vec<Place>,
    deadlines: Vec<u64>,
    free: Vec<u32>,
}

impl Table {
    /// Connections there are.
    pub fn live(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// A connection that is there still, and not taken out.
    #[inline]
    pub fn look(&self, token: Token) -> Option<&Connection> {
        let place = self.places.get(token.index()).filter(|place| place.generation == token.generation())?;
        place.connection.as_deref()
    }

    /// Makes a place; the connection follows with `put`.
    pub fn reserve(&mut self) -> Token {
        let index = match self.free.pop() {
            Some(index) => index as usize,
            None => {
                self.places.push(Place::default());
                self.deadlines.push(NEVER);
                self.places.len() - 1
            }
        };
        Token::new(index, self.places[index].generation)
    }

    /// Takes a connection out to work on it; `None` when it is gone.
    #[inline]
    pub fn take(&mut self, token: Token) -> Option<Box<Connection>> {
        let place = self.places.get_mut(token.index())?;
        if place.generation != token.generation() {
            return None;
        }
        place.connection.take()
    }

    /// Puts it back.
    #[inline]
    pub fn put(&mut self, token: Token, connection: Box<Connection>) {
        self.places[token.index()].connection = Some(connection);
    }

    /// Frees the place of a connection that was taken out.
    pub fn free(&mut self, token: Token) {
        let index = token.index();
        if self.places[index].generation == token.generation() {
            self.places[index].generation = token.generation().wrapping_add(1);
            self.deadlines[index] = NEVER;
            self.free.push(index as u32);
        }
    }

    /// Sets the deadline, nanoseconds of the run.
    #[inline]
    pub fn arm(&mut self, token: Token, at_ns: u64) {
        self.deadlines[token.index()] = at_ns;
    }

    /// Clears the deadline.
    #[inline]
    pub fn disarm(&mut self, token: Token) {
        self.deadlines[token.index()] = NEVER;
    }

    /// Collects those whose deadline has passed, each with its deadline, which is cleared.
    pub fn expire(&mut self, now_ns: u64, expired: &mut Vec<(Token, u64)>) {
        for (index, deadline) in self.deadlines.iter_mut().enumerate() {
            if *deadline <= now_ns {
                expired.push((Token::new(index, self.places[index].generation), *deadline));
                *deadline = NEVER;
            }
        }
    }

    /// The tokens of all connections.
    pub fn tokens(&self) -> Vec<Token> {
        let live = self.places.iter().enumerate().filter(|(_, place)| place.connection.is_some());
        live.map(|(index, place)| Token::new(index, place.generation)).collect()
    }
}
