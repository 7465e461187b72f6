//! The shared addresses that an advert names: a list with a bound, in the order of the packet.
//!
//! Made by `receive` from bytes of others and by the ha thread from the configuration. It never grows
//! beyond `limits::ha::ADDRESSES`, whatever a packet claims.

use std::net::{IpAddr, Ipv4Addr};

use crate::limits::ha::ADDRESSES;

/// Up to `limits::ha::ADDRESSES` addresses, and how many the packet had.
#[derive(Debug, Clone, Copy)]
pub struct AddressList {
    kept: [IpAddr; ADDRESSES],
    count: u8,
}

impl AddressList {
    /// No address.
    pub const fn new() -> Self {
        Self { kept: [IpAddr::V4(Ipv4Addr::UNSPECIFIED); ADDRESSES], count: 0 }
    }

    /// Appends one. Beyond the bound it is counted and not kept; a list counts 255 at most, as a packet does.
    pub fn push(&mut self, address: IpAddr) {
        if let Some(place) = self.kept.get_mut(usize::from(self.count)) {
            *place = address;
        }
        self.count = self.count.saturating_add(1);
    }

    /// Those kept, in order.
    pub fn as_slice(&self) -> &[IpAddr] {
        &self.kept[..usize::from(self.count).min(ADDRESSES)]
    }

    /// How many there were, kept or not.
    pub const fn count(&self) -> u8 {
        self.count
    }

    /// Whether both name the same addresses, in whatever order; keepalived compares like that.
    pub fn agrees(&self, other: &Self) -> bool {
        let contained = |one: &Self, other: &Self| {
            one.as_slice().iter().all(|address| other.as_slice().contains(address))
        };
        self.count == other.count && contained(self, other) && contained(other, self)
    }
}

impl Default for AddressList {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<IpAddr> for AddressList {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut list = Self::new();
        for address in addresses.into_iter().take(usize::from(u8::MAX)) {
            list.push(address);
        }
        list
    }
}

impl PartialEq for AddressList {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.as_slice() == other.as_slice()
    }
}

impl Eq for AddressList {}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, last])
    }

    #[test]
    fn keeps_to_its_bound_and_counts_the_rest() {
        let list: AddressList = (0..=255).map(address).collect();
        assert_eq!(list.count(), 255);
        assert_eq!(list.as_slice().len(), ADDRESSES);
        assert_eq!(list.as_slice()[3], address(3));
    }

    #[test]
    fn agrees_in_any_order_and_only_with_the_same_addresses() {
        let list = |lasts: &[u8]| lasts.iter().copied().map(address).collect::<AddressList>();
        assert!(list(&[1, 2, 3]).agrees(&list(&[3, 1, 2])));
        assert!(list(&[]).agrees(&AddressList::new()));
        for other in [&[1, 2][..], &[1, 2, 4], &[1, 2, 3, 3], &[1, 1, 2]] {
            assert!(!list(&[1, 2, 3]).agrees(&list(other)), "{other:?}");
        }
        assert_ne!(list(&[1, 2]), list(&[2, 1]));
    }
}
